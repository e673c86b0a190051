"""Functions of symmetric matrices with derivatives that stay finite where eigenvalues meet.

d g(F) = U (G o (U^T dF U)) U^T with the divided differences G_ij = (g_i - g_j) / (e_i - e_j).
Daleckii, Krein, AMS Transl. 47, 1 (1965).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fusionmd.labels.protocol import Array

LEAST_GAP = 1e-9  # below which a projector has no slope


@dataclass(frozen=True, eq=False)
class Spectral:
    """g(F) of a symmetric matrix F.

    vectors: Eigenvectors of F [n, n].  values: g of its eigenvalues [n].  differences: Divided ones of g [n, n].
    """

    vectors: Array
    values: Array
    differences: Array

    @cached_property
    def value(self) -> Array:
        """g(F) [n, n]."""
        return np.asarray((self.vectors * self.values) @ self.vectors.T)

    def backward(self, slope: Array) -> Array:
        """Derivatives by F of what has these by g(F), both [n, n]; the symmetric part is meant."""
        inside = self.vectors.T @ ((slope + slope.T) / 2) @ self.vectors
        return np.asarray(self.vectors @ (self.differences * inside) @ self.vectors.T)


def gaussian_differences(energies: Array, width: float) -> Array:
    """Of exp(-e^2 / (2 width^2)) [n, n], its slopes where energies are equal."""
    x = energies / width
    values = np.exp(-(x**2) / 2)
    apart = x[:, None] - x
    is_near = np.abs(apart) < 0.1
    middle = (x[:, None] + x) / 2
    # exp(-(m + d/2)^2 / 2) - exp(-(m - d/2)^2 / 2) = -2 exp(-m^2 / 2 - d^2 / 8) sinh(m d / 2)
    half = np.where(is_near, middle * apart / 2, 0.0)
    sinhc = 1 + half**2 / 6 * (1 + half**2 / 20)
    near = -middle * np.exp(-(middle**2) / 2 - apart**2 / 8) * sinhc
    far = (values[:, None] - values) / np.where(is_near, 1.0, apart)
    return np.asarray(np.where(is_near, near, far) / width)


def highest_differences(values: Array, n: int) -> Array:
    """Of the function that is 1 at the n highest of ascending eigenvalues and 0 at the others [n_values, n_values]."""
    table = np.zeros((len(values), len(values)))
    below, above = values[:-n], values[-n:]
    table[-n:, :-n] = 1.0 / np.maximum(above[:, None] - below, LEAST_GAP)
    table[:-n, -n:] = table[-n:, :-n].T
    return table
