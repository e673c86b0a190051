"""Functions of symmetric matrices with derivatives that stay finite where eigenvalues meet.

d g(F) = U (G o (U^T dF U)) U^T with the divided differences G_ij = (g_i - g_j) / (e_i - e_j).
Daleckii, Krein, AMS Transl. 47, 1 (1965).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from fusionmd.labels.protocol import Array

LEAST_GAP = 1e-9  # below which a projector has no slope


class _Spectral(torch.autograd.Function):
    """U diag(values) U^T of a matrix with eigenvectors U."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, vectors: Tensor, values: Tensor, table: Tensor) -> Tensor:
        ctx.save_for_backward(vectors, table)
        return (vectors * values) @ vectors.T

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        vectors, table = ctx.saved_tensors
        slope = (slopes[0] + slopes[0].T) / 2
        return vectors @ (table * (vectors.T @ slope @ vectors)) @ vectors.T, None, None, None


def spectral(matrix: Tensor, vectors: Array, values: Array, table: Array) -> Tensor:
    """g(matrix) [n, n] from its eigenvectors, g of its eigenvalues [n], and divided differences of g [n, n]."""
    return _Spectral.apply(matrix, *(torch.from_numpy(x) for x in (vectors, values, table)))


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
