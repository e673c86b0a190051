"""Energies beside those of electronic structure, the same for all states: they move no intersection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from fusionmd.labels.protocol import Array


class Term(Protocol):
    """Of some atoms (from 0)."""

    @property
    def atoms(self) -> tuple[int, ...]: ...

    def evaluate(self, positions: Array) -> tuple[float, Array]:
        """Energy, eV, and its gradient, eV/angstrom, at positions [n_atoms, 3], angstrom."""


def total(terms: Iterable[Term], positions: Array) -> tuple[float, Array]:
    """Sum of all [1] and its gradient [n_atoms, 3]."""
    energy, gradient = 0.0, np.zeros_like(positions)
    for term in terms:
        value, slope = term.evaluate(positions)
        energy, gradient = energy + value, gradient + slope
    return energy, gradient
