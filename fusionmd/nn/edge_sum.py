"""Messages: any edge diagram over Y, h_j and h_i, evaluated edge by edge and then summed over neighbours.

    Y_ij[l m, c] = R_ij[l, c] Y_lm(r_ij)
    A_i[l m, p, c] = sum_j diagram_p(Y_ij, h_j, h_i)[l m, c] / sqrt(mean degree)

The radial weights contain the cutoff, and every term contains Y: each contribution vanishes there, and so do the empty
slots of a node. p counts the paths of the last vertex; channel matrices act on internal lines when the plan mixes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import List, Tuple

import torch
from torch import Tensor, nn

from fusionmd.fusion.contraction import Contraction
from fusionmd.fusion.plan import Plan
from fusionmd.nn.leaves import LeafLines, component_range, leaf_name
from fusionmd.o3.irreps import Irrep


class EdgeSum(nn.Module):
    """sum_j of an edge diagram; slow and general, with the arguments and results of `NeighborSum`."""

    def __init__(
        self,
        plan: Plan,
        carried: Mapping[str, Sequence[Irrep]],
        n_channels: int,
        *,
        mean_degree: float,
        mixing: bool = True,
    ) -> None:
        super().__init__()
        lines = plan.leaf_lines
        harmonics = sorted({irrep for line in lines if leaf_name(line) == "Y" for irrep in line.irreps})
        self.orders: List[Tuple[int, int]] = [component_range(carried["Y"], i, plan.basis) for i in harmonics]
        self.n_weights = len(self.orders)
        self.reads_centers = any(leaf_name(line) == "h_i" for line in lines)
        self.scale = 1.0 / math.sqrt(mean_degree)
        self.leaves = LeafLines(lines, {"Y": harmonics, "h_j": carried["h_j"], "h_i": carried["h_i"]})
        target = plan.lines[plan.outputs[0]].distinct
        self.contraction = Contraction(plan, n_channels, target, mixing=mixing)
        self.path_counts: List[int] = self.contraction.n_paths

    def forward(self, harmonics: Tensor, weights: Tensor, neighbors: Tensor, centers: Tensor) -> List[Tensor]:
        """Sum over the d neighbour slots of n centres.

        harmonics: [n, d, m].  weights: [n * d, n_weights * c].  neighbors, centers: Features [n * d or n, m, c].
        Returns, for each outgoing irrep, [n, m * n_paths, c].
        """
        n, d, c = harmonics.size(0), harmonics.size(1), centers.size(2)
        edges = self._weighted(harmonics.reshape(n * d, -1, 1), weights.view(n * d, self.n_weights, c))
        if self.reads_centers:
            centers = centers.unsqueeze(1).expand(-1, d, -1, -1).reshape(n * d, -1, c)
        sums: List[Tensor] = []
        for paths in self.contraction(self.leaves([edges, neighbors, centers])):
            sums.append(paths.reshape(n, d, -1, c).sum(1) * self.scale)
        return sums

    def _weighted(self, harmonics: Tensor, weights: Tensor) -> Tensor:
        """Y_ij: harmonics [n * d, m, 1] times one weight [n * d, n_weights, c] an order -> [n * d, m, c]."""
        parts: List[Tensor] = []
        for k, (start, length) in enumerate(self.orders):
            parts.append(harmonics.narrow(1, start, length) * weights.narrow(1, k, 1))
        return torch.cat(parts, 1)
