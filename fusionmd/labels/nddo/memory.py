"""Fock matrices of the last geometries, from which the next ones start: several trajectories may take turns.

What is found does not depend on the start, but for the tolerance of the field.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from fusionmd.labels.nddo.molecule import Molecule
from fusionmd.labels.protocol import Array

N_KEPT = 64
FARTHEST = 0.3  # bohr, of any coordinate; a start from farther away gains nothing
MOST_COMBINED = 5
DAMPING = 1e-3  # of weights, over the distance of the nearest geometry


class Memory:
    """Of a few geometries, of any molecules with the same parameters."""

    def __init__(self) -> None:
        self._kept: deque[tuple[Molecule, Array, Array]] = deque(maxlen=N_KEPT)

    def add(self, molecule: Molecule, positions: Array, fock: Array) -> None:
        """positions: [n_atoms, 3], bohr.  fock: [n_orbitals, n_orbitals]."""
        self._kept.append((molecule, positions, fock))

    def start(self, molecule: Molecule, positions: Array) -> Array | None:
        """The Fock matrices of near geometries, combined as the geometries make up this one; None if none is near.

        Along a trajectory this is extrapolation from the last steps, without a need to know which they are.
        """
        kept = [(x, fock) for one, x, fock in list(self._kept) if np.array_equal(one.numbers, molecule.numbers)]
        distances = np.array([np.abs(x - positions).max() for x, _ in kept])
        near = [k for k in np.argsort(distances, kind="stable")[:MOST_COMBINED] if distances[k] < FARTHEST]
        if not near:
            return None
        weights = combination(np.stack([(kept[k][0] - positions).ravel() for k in near]))
        return np.asarray(np.tensordot(weights, np.stack([kept[k][1] for k in near]), 1))


def combination(offsets: Array) -> Array:
    """Weights with the sum 1 that bring the combined offsets [n, n_coordinates] near zero, large ones avoided."""
    n = len(offsets)
    products = offsets @ offsets.T
    products += (DAMPING**2 * products.diagonal().min() + np.finfo(float).tiny) * np.eye(n)
    matrix = np.block([[products, np.ones((n, 1))], [np.ones((1, n)), np.zeros((1, 1))]])
    scale = products.diagonal().max()
    matrix[:n, :n] /= scale
    return np.asarray(np.linalg.lstsq(matrix, np.append(np.zeros(n), 1.0), rcond=None)[0][:n])
