"""Messages: the edge diagram (Y, h_j) summed over neighbours, aggregate first and couple after.

    T_i[l1 m1, p, l2 m2, c] = sum_j Y_ij[l1 m1] R_ij[p, c] h_j[l2 m2, c]       one GEMM per (l1, l2), neighbours padded
    A_i[l3 m3, p, c]        = sum_{m1 m2} C^{l3 m3}_{l1 m1, l2 m2} T_i[l1 m1, p, l2 m2, c] / sqrt(mean degree)

p runs over the paths (l1, l2, l3), each with its own radial weights per channel. No tensor [n_edges, paths, (2l+1), c]
after coupling exists and nothing is scattered. `reduced` shares radial weights between the l3 of one (l1, l2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import List, Tuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fusionmd.fusion.basis import coupling, n_components
from fusionmd.fusion.constants import Constants
from fusionmd.fusion.plan import Plan
from fusionmd.fusion.steps import Step
from fusionmd.nn.leaves import LeafLine, component_range
from fusionmd.o3.irreps import Irrep


class NeighborSum(Constants):
    """sum_j (Y_ij, h_j) with radial weights per path: the vertex `step` of a plan, whose legs are those two leaves.

    carried: Irreps of the harmonics (`Y`) and of the neighbours' features (`h_j`), in the order of their components.
    """

    def __init__(
        self,
        plan: Plan,
        carried: Mapping[str, Sequence[Irrep]],
        *,
        mean_degree: float,
        reduced: bool = False,
        step: Step | None = None,
    ) -> None:
        super().__init__()
        step = plan.steps[0] if step is None else step
        right, out = plan.lines[step.right], plan.lines[step.out]
        groups = [PathGroup(plan, step, k, reduced=reduced) for k in range(len(right.irreps))]
        self.groups, self.carried = groups, {name: tuple(irreps) for name, irreps in carried.items()}
        self.leg = LeafLine(right, carried["h_j"])
        self.weight_sizes: List[int] = [len(g.columns) for g in groups]
        self.leg_dims: List[int] = right.sizes
        self.column_sizes: List[List[int]] = [g.column_sizes() for g in groups]
        self.orders: List[List[Tuple[int, int]]] = [
            [component_range(carried["Y"], irrep, plan.basis) for irrep in g.harmonics] for g in groups
        ]
        self.n_weights = sum(self.weight_sizes)
        self.path_counts: List[int] = [len(step.paths_to(irrep)) for irrep in out.distinct]
        tables = _coupling_tables(plan, step, groups, reduced=reduced)
        self.constant("table", np.concatenate(tables)[None] / np.sqrt(mean_degree))
        self.rows: List[int] = [len(table) for table in tables]

    def forward(self, harmonics: Tensor, weights: Tensor, neighbors: Tensor, centers: Tensor) -> List[Tensor]:
        """Sum over the d neighbour slots of n centres.

        harmonics: [n, d, m].  weights: [n * d, n_weights * c].  neighbors: Features [n * d, m, c].
        centers: Features [n, m, c], which this diagram does not read.
        Returns, for each outgoing irrep, [n, m * n_paths, c].
        """
        features = self.leg(neighbors)
        n, d, c = harmonics.size(0), harmonics.size(1), features.size(2)
        turned = harmonics.transpose(1, 2)
        radial = weights.view(n * d, self.n_weights, 1, c).split(self.weight_sizes, 1)
        legs = features.unsqueeze(1).split(self.leg_dims, 2)
        sums: List[Tensor] = []
        for g, orders in enumerate(self.orders):
            products = (radial[g] * legs[g]).view(n, d, -1).split([size * c for size in self.column_sizes[g]], 2)
            for k, (start, length) in enumerate(orders):
                sums.append(torch.bmm(turned.narrow(1, start, length), products[k]).view(n, -1, c))
        gathered = torch.cat(sums, 1)
        return [torch.bmm(table.expand(n, -1, -1), gathered) for table in self.table.split(self.rows, 1)]


class PathGroup:
    """All paths that read one irrep of h_j: columns are (Y, out), or (Y, None) when weights are shared."""

    def __init__(self, plan: Plan, step: Step, right: int, *, reduced: bool) -> None:
        left = plan.lines[step.left].irreps
        self.basis, self.size = plan.basis, plan.lines[step.right].sizes[right]
        self.irrep = plan.lines[step.right].irreps[right]
        paths = [path for path in step.paths if path.right == right]
        keys = {(left[path.left], None if reduced else path.out) for path in paths}
        self.columns = sorted(keys, key=lambda key: (key[0].l, -1 if key[1] is None else key[1].l))
        self.harmonics = sorted({y for y, _ in self.columns})

    def column_sizes(self) -> List[int]:
        """Components per irrep of Y: (number of columns) * (components of h_j)."""
        return [sum(y == other for other, _ in self.columns) * self.size for y in self.harmonics]

    def rows_of(self, y: Irrep, out: Irrep | None) -> NDArray[np.int64]:
        """Positions of (m1, m2) of one column in this group's part of T: [components of Y, components of h_j]."""
        start = 0
        for other, size in zip(self.harmonics, self.column_sizes()):
            n_rows = n_components(other, self.basis)
            if other == y:
                first = start + self.size * [key for key in self.columns if key[0] == y].index((y, out))
                return first + size * np.arange(n_rows)[:, None] + np.arange(self.size)
            start += n_rows * size
        raise KeyError((y, out))

    def n_rows(self) -> int:
        """Rows of this group's part of T."""
        return sum(n_components(y, self.basis) * size for y, size in zip(self.harmonics, self.column_sizes()))


def _coupling_tables(
    plan: Plan, step: Step, groups: Sequence[PathGroup], *, reduced: bool
) -> List[NDArray[np.float64]]:
    """For each outgoing irrep [m * n_paths, rows of T]; rows run over (m, path), path fastest."""
    starts = np.concatenate([[0], np.cumsum([group.n_rows() for group in groups])])
    left, right = plan.lines[step.left].irreps, plan.lines[step.right].irreps
    tables = []
    for out in plan.lines[step.out].distinct:
        paths = step.paths_to(out)
        table = np.zeros((n_components(out, plan.basis), len(paths), int(starts[-1])))
        for p, path in enumerate(paths):
            y = left[path.left]
            rows = int(starts[path.right]) + groups[path.right].rows_of(y, None if reduced else out)
            table[:, p, rows] = coupling(y.l, right[path.right].l, out.l, plan.basis).transpose(2, 0, 1)
        tables.append(table.reshape(-1, int(starts[-1])))
    return tables
