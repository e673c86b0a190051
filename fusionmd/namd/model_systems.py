"""Analytic models: small diabatic matrices W(x) with their derivatives, seen as surfaces. Atomic units.

Energies are the eigenvalues of W, dE_i/dx = (U^T dW/dx U)_ii, d_ij = (U^T dW/dx U)_ij / (E_j - E_i), and along v
v . H_i . v = (U^T W'' U)_ii + 2 sum_j (U^T W' U)_ij^2 / (E_i - E_j).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fusionmd.namd.hermitian import dot, eigenstates
from fusionmd.namd.protocol import Array, BoolArray, Electronic

SMALLEST_GAP = 1e-12  # Hartree; couplings are cut off there
SECOND_STEP = 1e-3  # bohr; of the difference of two analytic dW/dx that gives W''


class DiabaticModel(Protocol):
    """A symmetric matrix of functions of the positions; `name` says all its parameters."""

    @property
    def n_states(self) -> int: ...

    @property
    def masses(self) -> Array: ...

    @property
    def name(self) -> str: ...

    def matrix(self, positions: Array) -> Array:
        """W at positions [n, n_dof]: [n, n_states, n_states], Hartree."""

    def derivative(self, positions: Array) -> Array:
        """dW/dx: [n, n_states, n_states, n_dof], Hartree/bohr."""


@dataclass(frozen=True)
class ModelSurfaces:
    """The `Surfaces` of a diabatic model."""

    model: DiabaticModel

    @property
    def n_states(self) -> int:
        """Number of electronic states."""
        return self.model.n_states

    @property
    def n_dof(self) -> int:
        """Number of nuclear degrees of freedom."""
        return len(self.model.masses)

    @property
    def masses(self) -> Array:
        """[n_dof], electron masses."""
        return self.model.masses

    @property
    def has_couplings(self) -> bool:
        """Always."""
        return True

    @property
    def has_diabatic(self) -> bool:
        """Always."""
        return True

    @property
    def name(self) -> str:
        """The model with its parameters."""
        return self.model.name

    def evaluate(self, positions: Array, asked: BoolArray, *, with_couplings: bool = False) -> Electronic:
        """Energies, gradients of the states asked for, matrix, eigenvectors and, if wanted, couplings."""
        matrix = self.model.matrix(positions)
        energies, vectors = eigenstates(matrix)
        slopes = _in_adiabatic_basis(self.model.derivative(positions), vectors)
        diagonal = np.stack([slopes[:, i, i] for i in range(self.n_states)], axis=1)
        gradients = np.where(asked[:, :, None], diagonal, np.nan)
        couplings = _couplings(slopes, energies) if with_couplings else None
        return Electronic(energies, gradients, matrix, vectors, couplings)

    def curvatures(self, positions: Array, velocities: Array, asked: BoolArray) -> Array:
        """v . H_k . v of all states, asked for or not [n, n_states]; W'' is a difference of analytic derivatives."""
        energies, vectors = eigenstates(self.model.matrix(positions))
        sizes = np.sqrt(dot(velocities, velocities))
        time = (SECOND_STEP / np.maximum(sizes, np.finfo(np.float64).tiny))[:, None]
        ahead, behind = (self.model.derivative(positions + sign * time * velocities) for sign in (1, -1))
        bend = _along(ahead - behind, velocities) / (2 * time[:, :, None])
        first = _in_adiabatic_basis(_along(self.model.derivative(positions), velocities)[..., None], vectors)[..., 0]
        second = _in_adiabatic_basis(bend[..., None], vectors)[..., 0]
        pushed = 2 * first**2 / -_safe_gaps(energies)
        pushed[:, np.arange(self.n_states), np.arange(self.n_states)] = 0.0
        own = np.stack([second[:, i, i] for i in range(self.n_states)], axis=1)
        return own + np.ascontiguousarray(pushed).sum(axis=2)


def _along(derivative: Array, velocities: Array) -> Array:
    """dW/dx . v [n, s, s]."""
    return dot(derivative, velocities[:, None, None, :])


def _in_adiabatic_basis(derivative: Array, vectors: Array) -> Array:
    """U^T dW U [n, s, s, d]."""
    half, result = np.zeros_like(derivative), np.zeros_like(derivative)
    for k in range(derivative.shape[1]):
        half += derivative[:, :, k, None, :] * vectors[:, None, k, :, None]
    for k in range(derivative.shape[1]):
        result += vectors[:, k, :, None, None] * half[:, k, None, :, :]
    return result


def _couplings(slopes: Array, energies: Array) -> Array:
    safe = _safe_gaps(energies)
    return np.where(np.eye(energies.shape[1], dtype=bool)[:, :, None], 0.0, slopes / safe[..., None])


def _safe_gaps(energies: Array) -> Array:
    """E_j - E_i [n, i, j], at least SMALLEST_GAP in size."""
    gaps = energies[:, None, :] - energies[:, :, None]
    return np.where(np.abs(gaps) > SMALLEST_GAP, gaps, np.copysign(SMALLEST_GAP, gaps))
