"""Electronic structure as surfaces: trajectories on the fly. The one place where `labels` meets `namd`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from fusionmd.errors import ConfigError, MissingQuantityError
from fusionmd.labels.protocol import Labels, Method
from fusionmd.labels.run import check_structure, tried
from fusionmd.namd.masses import dof_masses
from fusionmd.namd.protocol import Array, BoolArray, Electronic
from fusionmd.structure import Structure
from fusionmd.units import (
    ANGSTROM_PER_BOHR,
    EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR,
    HARTREE_PER_EV,
)


class DirectSurfaces:
    """The states of a method of electronic structure, for one molecule.

    numbers: Atomic numbers [n_atoms].  masses_amu: [n_atoms].  n_jobs: Calculations at a time; changes no result.
    A calculation that fails twice gives NaN, at which triage stops the trajectory; the others go on.
    """

    def __init__(self, method: Method, numbers: Any, masses_amu: Any, *, n_jobs: int = 1) -> None:
        if method.n_states < 2:
            raise ConfigError(f"{method.name} has {method.n_states} state; hopping needs two or more")
        self.method, self.n_jobs = method, n_jobs
        self._frame = Structure(numbers, np.arange(3.0 * len(numbers)).reshape(-1, 3))
        check_structure(self._frame, method, "the molecule")
        self.masses = dof_masses(numbers, masses_amu)
        self.n_states, self.n_dof = method.n_states, len(self.masses)

    @property
    def can_fail(self) -> bool:
        """Always: electronic structure does not converge everywhere."""
        return True

    @property
    def has_couplings(self) -> bool:
        """Never: the states come as energies."""
        return False

    @property
    def has_diabatic(self) -> bool:
        """Never."""
        return False

    @property
    def name(self) -> str:
        """The method with its settings."""
        return f"direct {self.method.name}"

    def evaluate(self, positions: Array, asked: BoolArray, *, with_couplings: bool = False) -> Electronic:
        """Energies of all states, and the gradients asked for: one calculation for each of these."""
        if with_couplings:
            raise MissingQuantityError(f"{self.name} has no coupling vectors; use a method that needs none, as lzsh")
        with ThreadPoolExecutor(self.n_jobs) as pool:
            found = list(pool.map(self._labels, positions, asked))
        energies = np.stack([one.energies for one in found]) * HARTREE_PER_EV
        forces = np.stack([one.forces for one in found]).reshape(*energies.shape, self.n_dof)
        gradients = -forces / EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR
        return Electronic(energies, np.where(asked[:, :, None], gradients, np.nan))

    def curvatures(self, positions: Array, velocities: Array, asked: BoolArray) -> Array:
        """There are no second derivatives: MissingQuantityError."""
        raise MissingQuantityError(f"{self.name} has no second derivatives; set gap_curvature: difference")

    def _labels(self, position: Array, asked: BoolArray) -> Labels:
        """Of one geometry; NaN where the calculation fails, or the trajectory has already failed."""
        roots: Sequence[int] = [int(k) for k in np.flatnonzero(asked)] or [0]
        unknown = Labels(np.full(self.n_states, np.nan), np.full((self.n_states, self.n_dof // 3, 3), np.nan))
        if not np.isfinite(position).all():
            return unknown
        result = tried(self.method, self._frame.with_positions(position.reshape(-1, 3) * ANGSTROM_PER_BOHR), roots)
        return unknown if isinstance(result, str) else result
