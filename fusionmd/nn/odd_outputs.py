"""Outputs that change sign under reflection: signed couplings between states of which only one is mirror-odd."""

# No postponed annotations here: TorchScript reads those of the buffers.
from collections.abc import Sequence
from typing import List

import torch
from torch import Tensor, nn

from fusionmd.nn.radial import SILU_GAIN


class OddReadout(nn.Module):
    """e_i = ((p_i W_1) silu(s_i W_2)) W_3 for pseudoscalars p_i and scalars s_i: changes sign with p_i."""

    def __init__(self, n_channels: int, n_hidden: int, n_outputs: int, layer: int) -> None:
        super().__init__()
        self.layer: int = layer
        self.first = nn.Parameter(torch.randn(n_channels, n_hidden) / n_channels**0.5)
        self.gate = nn.Parameter(torch.randn(n_channels, n_hidden) / n_channels**0.5)
        self.last = nn.Parameter(torch.randn(n_hidden, n_outputs) * SILU_GAIN / n_hidden**0.5)

    def forward(self, pseudoscalars: Tensor, scalars: Tensor) -> Tensor:
        """pseudoscalars, scalars [n, c] -> [n, n_outputs]."""
        gates = torch.nn.functional.silu(torch.mm(scalars, self.gate))
        return torch.mm(torch.mm(pseudoscalars, self.first) * gates, self.last)


class OddOutputs(nn.Module):
    """The outputs `odd` of all, read from the pseudoscalars of `layers`; the others stay as they are."""

    is_odd: Tensor

    def __init__(
        self, n_channels: int, n_hidden: int, n_outputs: int, odd: Sequence[int], n_layers: int, layers: Sequence[int]
    ) -> None:
        super().__init__()
        self.n_layers: int = n_layers
        self.readouts = nn.ModuleList(OddReadout(n_channels, n_hidden, n_outputs, layer) for layer in layers)
        mask = torch.zeros(n_outputs)
        mask[list(odd)] = 1.0
        self.register_buffer("is_odd", mask, persistent=False)

    def forward(self, even: Tensor, readings: List[Tensor], scale: Tensor) -> Tensor:
        """`even` [n, n_outputs] with the odd outputs in their places, times `scale` [n_outputs].

        readings: Scalars of all layers, then pseudoscalars of those that have them, each [n, c].
        """
        odd = torch.zeros_like(even)
        for k, readout in enumerate(self.readouts):
            scalars = readings[readout.layer]  # type: ignore[index]
            odd = odd + readout(readings[self.n_layers + k], scalars)
        return even * (1.0 - self.is_odd) + odd * scale * self.is_odd
