"""The ground state that starts are drawn from: its minimum, its Hessian, and the energies above it. eV and angstrom.

One protocol, met by potential files and by methods of electronic structure.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from ase import Atoms
from ase.optimize import BFGS

from fusionmd.engines.ase import FusionCalculator
from fusionmd.errors import ConfigError, LabelError, PotentialFormatError, PropagationError
from fusionmd.labels.methods import method_of
from fusionmd.labels.protocol import Labels, Method
from fusionmd.labels.run import tried
from fusionmd.namd.descent import InternalDescent
from fusionmd.namd.landmarks import minimum
from fusionmd.namd.protocol import Array
from fusionmd.potential import Potential, load_potential
from fusionmd.potential.shipped import potential_path, shipped_folders
from fusionmd.structure import Structure
from fusionmd.units import (
    ANGSTROM_PER_BOHR,
    EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR,
)
from fusionmd.workflows.direct_surfaces import DirectSurfaces

POTENTIAL_FORCE, METHOD_FORCE = 1e-4, 1e-3  # eV/angstrom; electronic structure converges its gradients less far
MAX_STEPS = 2000
DISPLACEMENT = 0.01  # angstrom


class GroundState(Protocol):
    """State 0 of a molecule and the energies above it.

    record: What beside a sample says whose ground state it was.
    """

    @property
    def name(self) -> str: ...

    @property
    def n_states(self) -> int: ...

    @property
    def record(self) -> dict[str, Any]: ...

    def energies(self, frames: Sequence[Atoms]) -> Array:
        """Of all states [n_frames, n_states], eV."""

    def relaxed(self, atoms: Atoms) -> Atoms:
        """The minimum near `atoms`; PropagationError where none is reached."""

    def hessian(self, atoms: Atoms) -> Array:
        """[3 n_atoms, 3 n_atoms], eV/angstrom^2."""


def ground_state(name: str, *, charge: int = 0, parameters: Path | None = None, n_jobs: int = 1) -> GroundState:
    """That of a potential, by path or name, or of a method; ConfigError where `name` is neither."""
    if is_potential(name, parameters):
        if charge or parameters is not None:
            raise ConfigError(f"{name} is a potential; charge and parameters are for methods of electronic structure")
        return PotentialGroundState(load_potential(name))
    return MethodGroundState(method_of(name, charge=charge, parameters=parameters), n_jobs=n_jobs)


def is_potential(name: str, parameters: Path | None = None) -> bool:
    """Whether `name` is a potential, else it is a method (with these parameters); ConfigError where it is neither."""
    try:
        potential_path(name)
    except PotentialFormatError as no_potential:
        try:
            method_of(name, parameters=parameters)
        except LabelError as no_method:
            shipped = ", ".join(shipped_folders()) or "none"
            raise ConfigError(
                f"{name!r} is neither a potential (shipped: {shipped}) nor a method ({no_method})"
            ) from no_potential
        return False
    return True


class PotentialGroundState:
    """Of a potential file; its Hessian is exact."""

    def __init__(self, potential: Potential) -> None:
        self.potential = potential

    @property
    def name(self) -> str:
        """That of the potential."""
        return self.potential.metadata.name

    @property
    def n_states(self) -> int:
        """Those of the potential."""
        return self.potential.n_states

    @property
    def record(self) -> dict[str, Any]:
        """Name and checksum."""
        return {"potential": {"name": self.name, "sha256": self.potential.sha256}}

    def energies(self, frames: Sequence[Atoms]) -> Array:
        """All frames in one batch."""
        return np.stack([one.energies for one in self.potential.evaluate([Structure.from_ase(a) for a in frames])])

    def relaxed(self, atoms: Atoms) -> Atoms:
        """By BFGS, also in a cell."""
        atoms = atoms.copy()
        atoms.calc = FusionCalculator(self.potential)
        if not BFGS(atoms, logfile=None).run(fmax=POTENTIAL_FORCE, steps=MAX_STEPS):
            raise _no_minimum(MAX_STEPS)
        atoms.calc = None
        return atoms

    def hessian(self, atoms: Atoms) -> Array:
        """By automatic differentiation."""
        return np.asarray(self.potential.hessian(Structure.from_ase(atoms)))


class MethodGroundState:
    """Of a method of electronic structure; its Hessian comes from central differences of its own gradients.

    n_jobs: Calculations at a time; changes no result.
    """

    def __init__(self, method: Method, *, n_jobs: int = 1) -> None:
        self.method, self.n_jobs = method, n_jobs

    @property
    def name(self) -> str:
        """That of the method, with its settings."""
        return self.method.name

    @property
    def n_states(self) -> int:
        """Those of the method."""
        return self.method.n_states

    @property
    def record(self) -> dict[str, Any]:
        """The name."""
        return {"electronic_structure": self.name}

    def energies(self, frames: Sequence[Atoms]) -> Array:
        """One calculation a frame."""
        return np.stack([one.energies for one in self._labels(frames)])

    def relaxed(self, atoms: Atoms) -> Atoms:
        """By the optimiser of landmarks."""
        found = minimum(
            self._surfaces(atoms),
            atoms.positions.ravel() / ANGSTROM_PER_BOHR,
            0,
            InternalDescent(atoms.numbers),
            gradient=METHOD_FORCE / EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR,
            max_evaluations=MAX_STEPS,
        )
        if not found.is_converged:
            raise _no_minimum(found.n_evaluations)
        relaxed = atoms.copy()
        relaxed.positions = found.positions.reshape(-1, 3) * ANGSTROM_PER_BOHR
        return relaxed

    def hessian(self, atoms: Atoms) -> Array:
        """6 n_atoms calculations."""
        moves = DISPLACEMENT * np.eye(3 * len(atoms)).reshape(-1, len(atoms), 3)
        found = self._labels([_moved(atoms, move) for move in (*moves, *-moves)])
        ahead, behind = np.split(np.stack([one.forces[0].ravel() for one in found]), 2)
        hessian = (behind - ahead) / (2 * DISPLACEMENT)
        return np.asarray((hessian + hessian.T) / 2)

    def _surfaces(self, atoms: Atoms) -> DirectSurfaces:
        return DirectSurfaces(self.method, atoms.numbers, atoms.get_masses(), n_jobs=self.n_jobs)

    def _labels(self, frames: Sequence[Atoms]) -> list[Labels]:
        """Energies of all states and forces of the lowest; LabelError where some are missing, with the first reason."""
        with ThreadPoolExecutor(self.n_jobs) as pool:
            found = list(pool.map(lambda atoms: tried(self.method, Structure.from_ase(atoms), [0]), frames))
        reasons = [f"number {k}: {one}" for k, one in enumerate(found) if isinstance(one, str)]
        if reasons:
            raise LabelError(
                f"{len(reasons)} of {len(frames)} calculations with {self.name} failed ({reasons[0]}); "
                "look at the geometry, or draw with another seed"
            )
        return [one for one in found if isinstance(one, Labels)]


def _moved(atoms: Atoms, move: Array) -> Atoms:
    moved = atoms.copy()
    moved.positions += move
    return moved


def _no_minimum(n_steps: int) -> PropagationError:
    return PropagationError(
        f"no minimum after {n_steps} steps of relaxation; start nearer to one, or give one with --no-relax"
    )
