"""Channel matrices of a line as one native operation."""

from typing import List

import torch
from torch import Tensor, nn

from fusionmd.nn.linear import ChannelMixing
from fusionmd.nn.native.turned import turned


class NativeMixing(nn.Module):
    """`ChannelMixing` from line to line, both flat."""

    turned: List[Tensor]

    def __init__(self, source: ChannelMixing, n_channels: int) -> None:
        super().__init__()
        self.weights = source.weights
        self.n_channels = n_channels
        self.turned = []
        self.rows: List[int] = list(source.dims)

    def forward(self, line: Tensor) -> Tensor:
        """Flat line of n nodes -> flat line of n nodes."""
        weights: List[Tensor] = []
        for weight in self.weights:
            weights.append(weight)
        self.turned = turned(weights, self.turned)
        return torch.ops.fusionmd.mix(line, weights, self.turned, self.rows, self.n_channels)
