"""The gate: invariants pass through silu (even) or tanh (odd), other irreps are multiplied by a sigmoid of invariants.

Weiler, Geiger, Welling, Boomsma, Cohen, NeurIPS 2018, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import List

import torch
from torch import Tensor, nn

from fusionmd.nn.linear import ChannelMixing
from fusionmd.nn.radial import SILU_GAIN
from fusionmd.o3.irreps import Irrep


class Gate(nn.Module):
    """y^l = x^l sigmoid(x^0e W_l) for l > 0, silu(x^0e), tanh(x^0o); 0e is row 0 of x."""

    def __init__(self, irreps: Sequence[Irrep], n_channels: int) -> None:
        super().__init__()
        self.dims: List[int] = [irrep.dim for irrep in irreps]
        self.is_odd: List[bool] = [irrep == Irrep(0, -1) for irrep in irreps]
        gated = [irrep for irrep in irreps if irrep.l > 0]
        self.gates = nn.ModuleList(ChannelMixing([Irrep(0, 1)], n_channels, n_channels) for _ in gated)
        self.gain: float = SILU_GAIN

    def forward(self, x: Tensor) -> Tensor:
        """x [n, m, c] -> the same."""
        scalars = x.narrow(1, 0, 1)
        gates = [torch.sigmoid(gate(scalars)) for gate in self.gates]
        parts: List[Tensor] = []
        k = 0
        for dim, is_odd, part in zip(self.dims, self.is_odd, x.split(self.dims, 1)):
            if dim > 1:
                parts.append(part * gates[k])
                k += 1
            elif is_odd:
                parts.append(torch.tanh(part))
            else:
                parts.append(torch.nn.functional.silu(part) * self.gain)
        return torch.cat(parts, 1)
