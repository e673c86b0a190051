"""Overlaps of Slater orbitals 1s, 2s, 2p on two atoms, in elliptic coordinates.

r_a = R (xi + eta) / 2, r_b = R (xi - eta) / 2: polynomials times exp(-p xi - q eta) with p = R (za + zb) / 2 and q = R
(za - zb) / 2. Gauss-Laguerre in xi is exact, Gauss-Legendre in eta as good as the exponential is smooth. Mulliken,
Rieke, Orloff, Orloff, J. Chem. Phys. 17, 1248 (1949).
"""

from __future__ import annotations

from math import factorial, pi

import numpy as np
import torch
from torch import Tensor

_ETA, _ETA_WEIGHTS = (torch.from_numpy(x) for x in np.polynomial.legendre.leggauss(16))
_T, _T_WEIGHTS = (torch.from_numpy(x) for x in np.polynomial.laguerre.laggauss(4))


Shell = tuple[int, Tensor, Tensor | None]


def overlap(distances: Tensor, one: Shell, other: Shell) -> Tensor:
    """Of s x y z on the first with s x y z on the second atom, z pointing from it to the second [n_pairs, 4, 4].

    distances: [n_pairs], bohr.  one, other: Quantum number, and exponents of s and p, 1/bohr; None: no p.
    """
    (n, s, p), (m, t, q) = one, other
    found = distances.new_zeros(len(distances), 4, 4)
    found[:, 0, 0] = _Pair(distances, s, t).integral(n, m) * _norm(n, s) * _norm(m, t)
    if q is not None:
        found[:, 0, 3] = _Pair(distances, s, q).integral(n, 1, other_z=True) * _norm(n, s) * _p_norm(q)
    if p is not None:
        found[:, 3, 0] = _Pair(distances, p, t).integral(1, m, one_z=True) * _p_norm(p) * _norm(m, t)
    if p is not None and q is not None:
        pair, norms = _Pair(distances, p, q), _p_norm(p) * _p_norm(q)
        found[:, 3, 3] = pair.integral(1, 1, one_z=True, other_z=True) * norms
        found[:, 1, 1] = found[:, 2, 2] = pair.across() * norms
    return found


class _Pair:
    """The quadrature for two exponents."""

    def __init__(self, distances: Tensor, one: Tensor, other: Tensor) -> None:
        p, q = ((distances * x / 2)[:, None, None] for x in (one + other, one - other))
        self._half = (distances / 2)[:, None, None]
        self._xi, self._eta = 1 + _T[:, None] / p, _ETA
        volume = self._half**3 * (self._xi**2 - self._eta**2) * torch.exp(-p - q * self._eta) / p
        self._weights = 2 * pi * _T_WEIGHTS[:, None] * _ETA_WEIGHTS * volume

    def integral(self, one: int, other: int, *, one_z: bool = False, other_z: bool = False) -> Tensor:
        """Of r_a^(one - 1) r_b^(other - 1), with z of either."""
        xi, eta, half = self._xi, self._eta, self._half
        product = (half * (xi + eta)) ** (one - 1) * (half * (xi - eta)) ** (other - 1)
        product = product * (half * (1 + xi * eta) if one_z else 1.0) * (half * (xi * eta - 1) if other_z else 1.0)
        return (product * self._weights).sum((1, 2))

    def across(self) -> Tensor:
        """Of x^2."""
        square = self._half**2 * (self._xi**2 - 1) * (1 - self._eta**2) / 2
        return (square * self._weights).sum((1, 2))


def _norm(n: int, exponent: Tensor) -> Tensor:
    """Of r^(n - 1) exp(-zeta r) / sqrt(4 pi)."""
    return (2 * exponent) ** (n + 0.5) / (4 * pi * factorial(2 * n)) ** 0.5


def _p_norm(exponent: Tensor) -> Tensor:
    """Of z exp(-zeta r), a 2p orbital."""
    return 3**0.5 * _norm(2, exponent)
