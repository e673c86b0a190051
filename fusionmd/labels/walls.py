"""Walls: a state-independent energy that keeps an atom from where a method of electronic structure should not let it.

h s((far - r) / (far - near)) with s(t) = 6 t^5 - 15 t^4 + 10 t^3 between the distances `far` (0 there and beyond) and
`near` (h there and below); two continuous derivatives. Parameters fitted to excited states may make the shift of a
hydrogen atom too cheap; a wall gives it its price where r is shorter than any vibration makes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusionmd.errors import LabelError
from fusionmd.labels.protocol import Array


@dataclass(frozen=True)
class Wall:
    """one, other: Atoms from 0.  near, far: Distances, angstrom.  height_eV: At `near` and below."""

    one: int
    other: int
    near: float
    far: float
    height_eV: float

    def __post_init__(self) -> None:
        if self.one == self.other or not 0 < self.near < self.far:
            raise LabelError(
                f"a wall between atoms {self.one} and {self.other} from {self.near} to {self.far} angstrom is none; "
                "give two different atoms and 0 < near < far"
            )

    @property
    def atoms(self) -> tuple[int, int]:
        """In the order of a line."""
        return self.one, self.other

    def evaluate(self, positions: Array) -> tuple[float, Array]:
        """Energy, eV, and its gradient, eV/angstrom, at positions [n_atoms, 3], angstrom."""
        arm, width = positions[self.one] - positions[self.other], self.far - self.near
        distance = float(np.linalg.norm(arm))
        share = min(max((self.far - distance) / width, 0.0), 1.0)
        gradient = np.zeros_like(positions)
        if share > 0.0:
            slope = -self.height_eV * 30.0 * share**2 * (1.0 - share) ** 2 / width
            gradient[self.one] = slope * arm / max(distance, np.finfo(np.float64).tiny)
            gradient[self.other] = -gradient[self.one]
        return self.height_eV * share**3 * (10.0 - 15.0 * share + 6.0 * share**2), gradient
