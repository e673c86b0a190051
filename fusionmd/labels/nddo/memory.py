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


class Memory:
    """Of a few geometries, of any molecules with the same parameters."""

    def __init__(self) -> None:
        self._kept: deque[tuple[Molecule, Array, Array]] = deque(maxlen=N_KEPT)

    def add(self, molecule: Molecule, positions: Array, fock: Array) -> None:
        """positions: [n_atoms, 3], bohr.  fock: [n_orbitals, n_orbitals]."""
        self._kept.append((molecule, positions, fock))

    def nearest(self, molecule: Molecule, positions: Array) -> Array | None:
        """The Fock matrix of the nearest geometry; None if there is none near."""
        kept = [(x, fock) for one, x, fock in list(self._kept) if np.array_equal(one.numbers, molecule.numbers)]
        distances = [float(np.abs(x - positions).max()) for x, _ in kept]
        nearest = int(np.argmin([*distances, FARTHEST]))
        return kept[nearest][1] if nearest < len(kept) else None
