"""One Clebsch-Gordan level: any node diagrams of h_i and edge diagrams of G_ij, h_j and h_i, side by side, then mixed.

    h'_i = W [ node diagrams(h_i) (+) sum_j edge diagrams(G_ij, h_j, h_i) / sqrt(mean degree) ]
    G_ij[l m, c] = g_ij[l, c] Y_lm(r_ij),   g_ij[l, c] = R_l(r_ij)[c] + f(r_ij) sum_{l'} (W_ll' (h_i^l' . h_j^l'))[c]

G_ij is the leaf `Y` of diagrams. Anderson, Hy, Kondor, NeurIPS 2019, section 4, in the real form of O(3);
there g_ij also remembers the level before, here it does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import List

import torch
from torch import Tensor, nn

from fusionmd.errors import ConfigError
from fusionmd.fusion.contraction import Contraction, PathMixing
from fusionmd.fusion.plan import Plan, plan_of
from fusionmd.nn.edge_sum import EdgeSum
from fusionmd.nn.leaves import LeafLines
from fusionmd.nn.neighborhood import Neighbors
from fusionmd.nn.radial import RadialNetwork
from fusionmd.o3.irreps import Irrep


class Level(nn.Module):
    """node, edge: Diagrams of h_i, and of Y, h_j, h_i.  carried: Irreps of Y, h_j and h_i.

    Raises ConfigError where no diagram ends in an irrep of `target`.
    """

    def __init__(
        self,
        node: Sequence[str],
        edge: Sequence[str],
        carried: Mapping[str, Sequence[Irrep]],
        target: Sequence[Irrep],
        *,
        n_channels: int,
        n_basis: int,
        radial_widths: Sequence[int],
        mean_degree: float,
    ) -> None:
        super().__init__()
        c = n_channels
        self.dim: int = sum(irrep.dim for irrep in target)
        self.node_plan = plan_of(list(node), {"h_i": carried["h_i"]}, target)
        self.edge_plans = [plan_of(text, carried, target) for text in edge]
        node_ends = [irrep for irrep in target if irrep in _ends(self.node_plan)]
        self.leaves = LeafLines(self.node_plan.leaf_lines, {"h_i": carried["h_i"]})
        self.contraction = Contraction(self.node_plan, c, node_ends)
        sums = [EdgeSum(plan, carried, c, mean_degree=mean_degree) for plan in self.edge_plans]
        self.sums = nn.ModuleList(sums)
        ends = [node_ends, *(list(plan.lines[plan.outputs[0]].distinct) for plan in self.edge_plans)]
        self.positions: List[List[int]] = [[target.index(irrep) for irrep in irreps] for irreps in ends]
        counts = [self.contraction.n_paths, *(part.path_counts for part in sums)]
        totals = [0] * len(target)
        for where, numbers in zip(self.positions, counts, strict=True):
            for k, number in zip(where, numbers, strict=True):
                totals[k] += number
        _demand_reach(target, totals, [*node, *edge])
        self.dims: List[int] = [irrep.dim for irrep in target]
        self.mixing = PathMixing(totals, self.dims, c, c)
        self.irrep_dims: List[int] = [irrep.dim for irrep in carried["h_j"]]
        n_weights = max(part.n_weights for part in sums)
        self.radial = RadialNetwork(n_basis, radial_widths, n_weights * c)
        fan = len(self.irrep_dims) * c
        self.overlap = nn.Parameter(torch.randn(fan, n_weights * c) / fan**0.5)

    def sent(self, h: Tensor) -> Tensor:
        """What neighbours read: the features themselves."""
        return h

    def forward(self, h: Tensor, neighbors: Tensor, species: Tensor, seen: Neighbors) -> Tensor:
        """h: Centres [n, m, c].  neighbors: Features of the nodes in their slots [n * d, m, c].  -> [n, dim, c]."""
        weights = self.radial(seen.basis, seen.envelope, seen.pairs)
        weights = weights + seen.envelope * torch.mm(self._overlaps(h, neighbors), self.overlap)
        found: List[List[Tensor]] = [[] for _ in self.dims]
        for i, paths in enumerate(self.contraction(self.leaves([h]))):
            found[self.positions[0][i]].append(paths)
        for k, part in enumerate(self.sums):
            for i, flat in enumerate(part(seen.harmonics, weights, neighbors, h)):
                target = self.positions[k + 1][i]
                found[target].append(flat.view(flat.size(0), self.dims[target], -1, flat.size(2)))
        return self.mixing([torch.cat(parts, 2).flatten(1, 2) for parts in found])

    def _overlaps(self, h: Tensor, neighbors: Tensor) -> Tensor:
        """h_i^l . h_j^l / (2l+1) of every irrep and channel [n * d, n_irreps * c]."""
        n, m, c = h.size(0), h.size(1), h.size(2)
        products = (neighbors.view(n, -1, m, c) * h.unsqueeze(1)).view(-1, m, c)
        sums = [part.mean(1) for part in products.split(self.irrep_dims, 1)]
        return torch.cat(sums, 1)


def _ends(plan: Plan) -> set[Irrep]:
    return {irrep for k in plan.outputs for irrep in plan.lines[k].irreps}


def _demand_reach(target: Sequence[Irrep], totals: Sequence[int], diagrams: Sequence[str]) -> None:
    missing = [str(irrep) for irrep, total in zip(target, totals, strict=True) if total == 0]
    if missing:
        raise ConfigError(
            f"model: none of the diagrams {', '.join(diagrams)} ends in {', '.join(missing)} of hidden_irreps; "
            "take it out, raise l_max, or widen the truncations '@n'"
        )
