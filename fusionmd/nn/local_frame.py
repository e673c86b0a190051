"""A learned local frame for every atom, and how much it is to be trusted.

Two polar vectors, u and v, are sums of unit vectors to neighbours with radial weights; Gram-Schmidt makes of them

    e1 = u / |u|,   e2 = (v - (v . e1) e1) / |...|,   e3 = e1 x e2  (axial)

No continuous frame exists at symmetric sites, so there is a trust, S(|u|) S(|v|) S(|u x v| / (|u| |v|)) with
S(x) = x^4 / (x^4 + width^4), that vanishes with four powers where u, v or the angle between them does: what is
multiplied by it keeps three continuous derivatives. Frames as in Lippmann, Gerhartz, Remme, Hamprecht, ICLR 2025,
arXiv:2405.15389; the trust is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Tuple

import torch
from torch import Tensor, nn

from fusionmd.nn.neighborhood import Neighbors
from fusionmd.nn.radial import RadialNetwork

# Squared lengths below this are taken for 0.
_NOTHING = 1e-12


class LocalFrames(nn.Module):
    """Frames [n, 3, 3], rows e1, e2, e3, and trusts [n, 1, 1]; `width`: where S is 1/2."""

    def __init__(
        self, n_species: int, *, n_basis: int, widths: Sequence[int], mean_degree: float, width: float
    ) -> None:
        super().__init__()
        self.radial = RadialNetwork(n_basis, widths, 2, n_species=n_species)
        self.scale, self.width, self.nothing = mean_degree**-0.5, float(width), _NOTHING

    def forward(self, seen: Neighbors) -> Tuple[Tensor, Tensor]:
        """Of every centre."""
        n, d = seen.harmonics.size(0), seen.harmonics.size(1)
        weights = self.radial(seen.basis, seen.envelope, seen.pairs).view(n, d, 2, 1)
        units = (seen.vectors / seen.distances).view(n, d, 1, 3)
        u, v = (self.scale * (weights * units).sum(1)).unbind(1)
        e1, length_u, has_u = self._normalised(u)
        e2, across, has_e2 = self._normalised(v - (v * e1).sum(1, keepdim=True) * e1)
        _, length_v, has_v = self._normalised(v)
        trust = self._switch(length_u) * self._switch(length_v) * self._switch(across / length_v)
        trust = torch.where(has_u & has_e2 & has_v, trust, torch.zeros_like(trust))
        return torch.stack([e1, e2, torch.linalg.cross(e1, e2, dim=1)], 1), trust.unsqueeze(2)

    def _normalised(self, x: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        """Direction [n, 3], length [n, 1] and whether there is one; x itself and 1 where there is none."""
        squared = (x * x).sum(1, keepdim=True)
        exists = squared > self.nothing
        length = torch.where(exists, squared, torch.ones_like(squared)).sqrt()
        return x / length, length, exists

    def _switch(self, x: Tensor) -> Tensor:
        """S, analytic in x^2."""
        y = (x / self.width).square().square()
        return y / (1.0 + y)
