"""Edge diagrams that meet nothing but the centre, in native operations: sum over neighbours, then contract."""

from __future__ import annotations

from typing import List, cast

from torch import Tensor, nn

from fusionmd.fusion.contraction import PathMixing
from fusionmd.nn.centered_sum import CenteredSum
from fusionmd.nn.native.mixing import NativeMixing
from fusionmd.nn.native.neighbor_sum import NativeNeighborSum
from fusionmd.nn.native.product import NativeContraction, NativeLeaf


class NativeCenteredSum(nn.Module):
    """`CenteredSum` with arguments and results of `NativeNeighborSum`, and the centres as one more flat line."""

    def __init__(self, source: CenteredSum, n_channels: int) -> None:
        super().__init__()
        irreps, above = source.carried["h_i"], source.above
        self.neighbor_sum = NativeNeighborSum(source.neighbor_sum, n_channels)
        self.mixing = NativeMixing(cast(PathMixing, source.mixing), n_channels)
        self.leaves = nn.ModuleList(
            NativeLeaf(line.irreps, irreps, above.basis, n_channels) for line in above.leaf_lines[:-1]
        )
        self.contraction = NativeContraction(above, source.contraction, n_channels)

    def forward(
        self, harmonics: Tensor, weights: Tensor, features: Tensor, senders: Tensor, offsets: Tensor, centers: Tensor
    ) -> Tensor:
        """As in `NativeNeighborSum`.  centers: Features of the n receivers, a flat line."""
        lines: List[Tensor] = []
        for leaf in self.leaves:
            lines.append(leaf(centers))
        summed = self.neighbor_sum(harmonics, weights, features, senders, offsets, centers)
        lines.append(self.mixing(summed))
        return self.contraction(lines)[-1]
