"""Messages: edge diagrams in which (Y, h_j) meets nothing but the centre, such as ((Y, h_j), h_i).

The centre is the same for all neighbours, so the sum over them goes first, and the rest of the diagram is evaluated
once a node: diagram(sum_j (Y_ij, h_j) / sqrt(mean degree), h_i).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import List

from torch import Tensor, nn

from fusionmd.fusion.contraction import Contraction, PathCopies, PathMixing
from fusionmd.fusion.plan import Plan, plan_above
from fusionmd.fusion.steps import Step
from fusionmd.nn.leaves import LeafLines
from fusionmd.nn.message import NeighborSum
from fusionmd.o3.irreps import Irrep


class CenteredSum(nn.Module):
    """sum_j of an edge diagram by way of `step`, its vertex (Y, h_j); arguments and results of `NeighborSum`."""

    def __init__(
        self,
        plan: Plan,
        step: Step,
        carried: Mapping[str, Sequence[Irrep]],
        n_channels: int,
        *,
        mean_degree: float,
        reduced: bool = False,
        mixing: bool = True,
    ) -> None:
        super().__init__()
        line, above = plan.lines[step.out], plan_above(plan, step.out)
        self.neighbor_sum = NeighborSum(plan, carried, mean_degree=mean_degree, reduced=reduced, step=step)
        self.n_weights = self.neighbor_sum.n_weights
        self.above, self.carried = above, {"h_i": tuple(carried["h_i"])}
        counts, sizes = self.neighbor_sum.path_counts, line.distinct_sizes
        self.has_mixing = mixing
        self.mixing = PathMixing(counts, sizes, n_channels, n_channels) if mixing else PathCopies(sizes)
        self.leaves = LeafLines(above.leaf_lines[:-1], {"h_i": carried["h_i"]})
        self.contraction = Contraction(above, n_channels, above.lines[above.outputs[0]].distinct, mixing=mixing)
        self.path_counts: List[int] = self.contraction.n_paths

    def forward(self, harmonics: Tensor, weights: Tensor, neighbors: Tensor, centers: Tensor) -> List[Tensor]:
        """Sum over the d neighbour slots of n centres.

        harmonics: [n, d, m].  weights: [n * d, n_weights * c].  neighbors, centers: Features [n * d or n, m, c].
        Returns, for each outgoing irrep, [n, m * n_paths, c].
        """
        lines = self.leaves([centers])
        lines.append(self.mixing(self.neighbor_sum(harmonics, weights, neighbors, centers)))
        return [paths.flatten(1, 2) for paths in self.contraction(lines)]
