"""What an engine of C++ knows of its atoms, put into ASE's `Atoms`."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from ase import Atoms, units
from numpy.typing import NDArray


class Snapshot(Protocol):
    """cell: Vectors as rows [3, 3], angstrom.  positions: [n_atoms, 3], angstrom.  velocities: Same, angstrom/fs."""

    @property
    def cell(self) -> NDArray[np.float64]: ...

    @property
    def positions(self) -> NDArray[np.float64]: ...

    @property
    def velocities(self) -> NDArray[np.float64]: ...


def place(atoms: Atoms, now: Snapshot) -> None:
    """Bring `atoms` to where an engine has them."""
    atoms.set_cell(now.cell)
    atoms.set_positions(now.positions)
    atoms.set_velocities(now.velocities / units.fs)
