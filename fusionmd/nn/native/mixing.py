"""Channel matrices of a line, with path weights or without, as one native operation."""

from typing import List

import torch
from torch import Tensor, nn

from fusionmd.fusion.contraction import PathMixing
from fusionmd.nn.linear import ChannelMixing
from fusionmd.nn.native.turned import turned


class NativeMixing(nn.Module):
    """`PathMixing` from paths to a line, both flat; `ChannelMixing` from line to line."""

    turned: List[Tensor]

    def __init__(self, source: PathMixing | ChannelMixing, n_channels: int) -> None:
        super().__init__()
        self.weights = source.weights
        self.n_channels = n_channels
        self.turned = []
        self.rows: List[int] = list(source.dims)
        self.rows_in: List[int] = [m * (w.size(0) // n_channels) for m, w in zip(source.dims, source.weights)]

    def forward(self, paths: Tensor) -> Tensor:
        """Flat paths of n nodes -> flat line of n nodes."""
        weights: List[Tensor] = []
        for weight in self.weights:
            weights.append(weight)
        self.turned = turned(weights, self.turned)
        return torch.ops.fusionmd.mix(paths, weights, self.turned, self.rows_in, self.rows, self.n_channels)
