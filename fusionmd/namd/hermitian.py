"""Eigenvectors and exponentials of small symmetric matrices, batched; two states in closed form.

Every row is computed by the same operations in the same order, whatever the size of the batch: results are equal bit
for bit. Products are therefore sums written out over states; BLAS and einsum choose their order by the shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusionmd.namd.protocol import Array, ComplexArray


def product(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """Matrix product of [n, a, b] and [n, b, c], or of [n, a, b] and vectors [n, b]."""
    if right.ndim == 2:
        return _total([left[:, :, k] * right[:, k, None] for k in range(right.shape[1])])
    return _total([left[:, :, k, None] * right[:, k, None, :] for k in range(right.shape[1])])


def dot(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """Sum of products over the last axis."""
    return np.ascontiguousarray(left * right).sum(axis=-1)


def transposed(matrices: NDArray[Any]) -> NDArray[Any]:
    """[n, a, b] -> [n, b, a]."""
    return np.swapaxes(matrices, 1, 2)


def eigenstates(matrices: Array) -> tuple[Array, Array]:
    """Ascending eigenvalues [n, s] and eigenvectors as columns [n, s, s] of symmetric matrices [n, s, s]."""
    return _two_eigenstates(matrices) if matrices.shape[1] == 2 else general_eigenstates(matrices)


def general_eigenstates(matrices: Array) -> tuple[Array, Array]:
    """`eigenstates` for any number of states, by LAPACK, one matrix at a time."""
    values, vectors = np.linalg.eigh(matrices)
    return values, vectors


def propagator(matrices: NDArray[Any], time: float) -> ComplexArray:
    """exp(-i K t) of Hermitian matrices K [n, s, s]."""
    if matrices.shape[1] != 2:
        return general_propagator(matrices, time)
    mean = (matrices[:, 0, 0].real + matrices[:, 1, 1].real) / 2
    half = (matrices[:, 0, 0].real - matrices[:, 1, 1].real) / 2
    mixed = matrices[:, 0, 1]
    radius = np.sqrt(half**2 + mixed.real**2 + mixed.imag**2)
    cosine, sine = np.cos(radius * time), _sine_over(radius, time)
    result = np.empty(matrices.shape, dtype=np.complex128)
    result[:, 0, 0] = cosine - 1j * sine * half
    result[:, 1, 1] = cosine + 1j * sine * half
    result[:, 0, 1] = -1j * sine * mixed
    result[:, 1, 0] = -1j * sine * mixed.conj()
    return result * (np.cos(mean * time) - 1j * np.sin(mean * time))[:, None, None]


def general_propagator(matrices: NDArray[Any], time: float) -> ComplexArray:
    """`propagator` for any number of states, by diagonalisation."""
    values, vectors = np.linalg.eigh(matrices)
    phases = np.cos(values * time) - 1j * np.sin(values * time)
    return product(vectors * phases[:, None, :], transposed(vectors).conj())


def _two_eigenstates(matrices: Array) -> tuple[Array, Array]:
    """E = m -+ r with r = sqrt(h^2 + c^2); half angles by square roots alone, without cancellation.

    At an exact degeneracy the diabatic states are returned.
    """
    mean = (matrices[:, 0, 0] + matrices[:, 1, 1]) / 2
    half, mixed = (matrices[:, 0, 0] - matrices[:, 1, 1]) / 2, matrices[:, 0, 1]
    radius = np.sqrt(half**2 + mixed**2)
    safe = np.where(radius > 0, radius, 1.0)
    large = np.where(radius > 0, np.sqrt((safe + np.abs(half)) / (2 * safe)), 1.0)
    small = mixed / (2 * safe * large)
    cosine = np.where(half >= 0, large, small)
    sine = np.where(half >= 0, small, large)
    upper = np.stack([cosine, sine], axis=1)
    lower = np.stack([-sine, cosine], axis=1)
    return np.stack([mean - radius, mean + radius], axis=1), np.stack([lower, upper], axis=2)


def _sine_over(radius: Array, time: float) -> Array:
    """sin(r t)/r, t where r is 0."""
    safe = np.where(radius > 0, radius, 1.0)
    return np.where(radius > 0, np.sin(safe * time) / safe, time)


def _total(terms: list[NDArray[Any]]) -> NDArray[Any]:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
