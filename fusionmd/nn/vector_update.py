"""Scalars and vectors of an atom update each other: a gated network that sees lengths of vectors, squared.

    (a, b) = W_2 silu(W_1 [s, |V v|^2]),   s' = s + a,   v' = v + b (U v)

Schuett, Unke, Gastegger, ICML 2021 (PaiNN); squares keep it smooth where vectors vanish.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fusionmd.nn.radial import SILU_GAIN


class VectorUpdate(nn.Module):
    """On features [n, 4, c], scalars in row 0."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        c = n_channels
        self.mix = nn.Parameter(torch.randn(c, 2 * c) / c**0.5)
        self.hidden = nn.Parameter(torch.randn(2 * c, c) / (2 * c) ** 0.5)
        self.last = nn.Parameter(torch.randn(c, 2 * c) * SILU_GAIN / c**0.5)

    def forward(self, h: Tensor) -> Tensor:
        """[n, 4, c] -> the same."""
        s, v = h[:, 0], h[:, 1:]
        seen, moved = torch.matmul(v, self.mix).chunk(2, 2)
        inner = torch.nn.functional.silu(torch.mm(torch.cat([s, (seen * seen).mean(1)], 1), self.hidden))
        a, b = torch.mm(inner, self.last).chunk(2, 1)
        return torch.cat([(s + a).unsqueeze(1), v + b.unsqueeze(1) * moved], 1)
