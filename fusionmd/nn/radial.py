"""Radial functions of an edge: Bessel functions, a smooth cutoff, a small network that makes path weights of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from fusionmd.fusion.constants import Constants


class PolynomialCutoff(nn.Module):
    """f(x) = 1 - (p+1)(p+2)/2 x^p + p(p+2) x^(p+1) - p(p+1)/2 x^(p+2) for x = r/cutoff < 1, exactly 0 beyond.

    Two derivatives vanish at the cutoff. Gasteiger, Gross, Guennemann, ICLR 2020, Eq. 8.
    """

    def __init__(self, cutoff: float, p: int = 5) -> None:
        super().__init__()
        self.cutoff, self.p = float(cutoff), int(p)
        self.a, self.b, self.c = -(p + 1) * (p + 2) / 2.0, p * (p + 2.0), -p * (p + 1) / 2.0

    def forward(self, distances: Tensor) -> Tensor:
        """distances, angstrom, any shape -> same shape."""
        x = (distances / self.cutoff).clamp(max=1.0)
        return 1.0 + x.pow(self.p) * (self.a + x * (self.b + x * self.c))


class BesselBasis(Constants):
    """b_n(r) = sqrt(2/cutoff) sin(n pi r / cutoff) / r, n = 1..n_basis. Gasteiger et al., ICLR 2020, Eq. 7."""

    def __init__(self, cutoff: float, n_basis: int) -> None:
        super().__init__()
        self.prefactor = math.sqrt(2.0 / cutoff)
        self.constant("frequencies", np.arange(1, n_basis + 1) * np.pi / cutoff)

    def forward(self, distances: Tensor) -> Tensor:
        """distances [n_edges, 1], angstrom -> [n_edges, n_basis], angstrom^-3/2."""
        return self.prefactor * torch.sin(self.frequencies * distances) / distances


class RadialNetwork(nn.Module):
    """Path weights R(r) = W_k silu(... silu(W_1 b(r) + s_zi zj)) f(r): zero with two derivatives at the cutoff.

    With `n_species` > 0 the first layer is shifted by a learnable vector per ordered pair of species.
    """

    def __init__(self, n_basis: int, widths: Sequence[int], n_out: int, *, n_species: int = 0) -> None:
        super().__init__()
        sizes = [n_basis, *widths]
        gains = [1.0, *[SILU_GAIN] * len(widths)]
        self.hidden = nn.ParameterList(_gaussian(a, b, g) for a, b, g in zip(sizes[:-1], sizes[1:], gains[:-1]))
        self.last = _gaussian(sizes[-1], n_out, gains[-1])
        self.n_species = n_species
        self.pair_shift = nn.Parameter(0.5 * torch.randn(max(n_species, 0) ** 2, sizes[1]))

    def forward(self, basis: Tensor, envelope: Tensor, pairs: Tensor) -> Tensor:
        """basis [n_edges, n_basis], envelope [n_edges, 1], pairs z_i * n_species + z_j -> [n_edges, n_out]."""
        x = basis
        for k, weight in enumerate(self.hidden):
            x = torch.mm(x, weight)
            if k == 0 and self.n_species > 0:
                x = x + self.pair_shift.index_select(0, pairs)
            x = torch.nn.functional.silu(x)
        return torch.mm(x * envelope, self.last)


SILU_GAIN = 1.6790
"""1 / sqrt(<silu(z)^2>) for a standard normal z."""


def _gaussian(n_in: int, n_out: int, gain: float) -> nn.Parameter:
    return nn.Parameter(torch.randn(n_in, n_out) * gain / n_in**0.5)
