"""Readouts: from invariant features of an atom to its energy contributions, one column per output."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fusionmd.nn.radial import SILU_GAIN


class LinearReadout(nn.Module):
    """e_i = s_i W."""

    def __init__(self, n_channels: int, n_outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_channels, n_outputs) / n_channels**0.5)

    def forward(self, scalars: Tensor) -> Tensor:
        """scalars [n, c] -> [n, n_outputs]."""
        return torch.mm(scalars, self.weight)


class NetworkReadout(nn.Module):
    """e_i = silu(s_i W_1) W_2."""

    def __init__(self, n_channels: int, n_hidden: int, n_outputs: int) -> None:
        super().__init__()
        self.hidden = nn.Parameter(torch.randn(n_channels, n_hidden) / n_channels**0.5)
        self.last = nn.Parameter(torch.randn(n_hidden, n_outputs) * SILU_GAIN / n_hidden**0.5)

    def forward(self, scalars: Tensor) -> Tensor:
        """scalars [n, c] -> [n, n_outputs]."""
        return torch.mm(torch.nn.functional.silu(torch.mm(scalars, self.hidden)), self.last)
