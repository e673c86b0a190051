"""How crowded a centre is: a learnable count of its neighbours that normalises sums over them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class NeighborDensity(nn.Module):
    """1 + sum_j tanh((w . b(r_ij) f(r_ij))^2), f the envelope: Batatia et al., arXiv:2401.00096."""

    def __init__(self, n_basis: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_basis, 1) / n_basis**0.5)

    def forward(self, radial: Tensor, n: int) -> Tensor:
        """radial: b f [n * d, n_basis] -> [n, 1, 1]."""
        return 1.0 + torch.tanh(torch.mm(radial, self.weight).square()).view(n, -1).sum(1).view(n, 1, 1)
