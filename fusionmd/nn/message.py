"""Messages: the edge diagram (Y, h_j) summed over neighbours, aggregate first and couple after.

    T_i[l1 m1, p, l2 m2, c] = sum_j Y_ij[l1 m1] R_ij[p, c] h_j[l2 m2, c]       one GEMM per (l1, l2), neighbours padded
    A_i[l3 m3, p, c]        = sum_{m1 m2} C^{l3 m3}_{l1 m1, l2 m2} T_i[l1 m1, p, l2 m2, c] / sqrt(mean degree)

p runs over the paths (l1, l2, l3), each with its own radial weights per channel. No tensor [n_edges, paths, (2l+1), c]
after coupling exists and nothing is scattered. `reduced` shares radial weights between the l3 of one (l1, l2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import List, Tuple

import numpy as np
import torch
from torch import Tensor

from fusionmd.fusion.constants import Constants
from fusionmd.fusion.plan import Plan, Step
from fusionmd.o3.clebsch_gordan import clebsch_gordan
from fusionmd.o3.irreps import Irrep


class NeighborSum(Constants):
    """sum_j (Y_ij, h_j) with radial weights per path; legs and outgoing irreps come from a one-vertex plan."""

    def __init__(self, plan: Plan, *, mean_degree: float, reduced: bool = False) -> None:
        super().__init__()
        step = plan.steps[0]
        groups = [_Group(plan, step, k, reduced=reduced) for k in range(len(plan.lines[step.right].irreps))]
        self.weight_sizes: List[int] = [len(g.columns) for g in groups]
        self.leg_dims: List[int] = [g.irrep.dim for g in groups]
        self.column_sizes: List[List[int]] = [g.column_sizes() for g in groups]
        self.orders: List[List[Tuple[int, int]]] = [[(l * l, 2 * l + 1) for l in g.orders] for g in groups]
        self.n_weights = sum(self.weight_sizes)
        self.path_counts: List[int] = [len(step.paths_to(out)) for out in plan.lines[step.out].distinct]
        tables = _coupling_tables(plan, step, groups, reduced=reduced)
        self.constant("table", np.concatenate(tables)[None] / np.sqrt(mean_degree))
        self.rows: List[int] = [len(table) for table in tables]

    def forward(self, harmonics: Tensor, weights: Tensor, features: Tensor) -> List[Tensor]:
        """harmonics [n, d, (l_max+1)^2] in order of l; weights [n * d, n_weights * c]; neighbours [n * d, m, c].

        Returns, for each outgoing irrep, [n, (2l+1) * n_paths, c].
        """
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


class _Group:
    """All paths that read one irrep of h_j: columns are (l1, l3), or (l1,) when weights are shared."""

    def __init__(self, plan: Plan, step: Step, right: int, *, reduced: bool) -> None:
        left = plan.lines[step.left].irreps
        self.right, self.irrep = right, plan.lines[step.right].irreps[right]
        paths = [path for path in step.paths if path.right == right]
        keys = {(left[path.left].l, None if reduced else path.out) for path in paths}
        self.columns = sorted(keys, key=lambda key: (key[0], -1 if key[1] is None else key[1].l))
        self.orders = sorted({l for l, _ in self.columns})

    def column_sizes(self) -> List[int]:
        """Components per l1: (number of columns) * (2 l2 + 1)."""
        return [sum(l == order for l, _ in self.columns) * self.irrep.dim for order in self.orders]

    def row_of(self, l1: int, out: Irrep | None, m1: int, m2: int) -> int:
        """Position of (l1 m1, column, m2) in this group's part of T."""
        start = 0
        for order, size in zip(self.orders, self.column_sizes()):
            if order == l1:
                columns = [key for key in self.columns if key[0] == l1]
                return start + m1 * size + columns.index((l1, out)) * self.irrep.dim + m2
            start += (2 * order + 1) * size
        raise KeyError((l1, out))

    def n_rows(self) -> int:
        return sum((2 * order + 1) * size for order, size in zip(self.orders, self.column_sizes()))


def _coupling_tables(plan: Plan, step: Step, groups: Sequence[_Group], *, reduced: bool) -> List[np.ndarray]:
    """For each outgoing irrep [(2l+1) * n_paths, rows of T]; rows run over (m, path), path fastest."""
    starts = np.concatenate([[0], np.cumsum([group.n_rows() for group in groups])])
    tables = []
    for out in plan.lines[step.out].distinct:
        paths = step.paths_to(out)
        table = np.zeros((out.dim, len(paths), int(starts[-1])))
        for p, path in enumerate(paths):
            l1, group = plan.lines[step.left].irreps[path.left].l, groups[path.right]
            coupling = clebsch_gordan(l1, group.irrep.l, out.l)
            for m1 in range(2 * l1 + 1):
                for m2 in range(group.irrep.dim):
                    row = int(starts[path.right]) + group.row_of(l1, None if reduced else out, m1, m2)
                    table[:, p, row] = coupling[m1, m2]
        tables.append(table.reshape(-1, int(starts[-1])))
    return tables
