"""Molecular dynamics of a potential in OpenMM, in angstrom, fs and eV: what `fusionmd md --engine openmm` runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import openmm
from numpy.typing import ArrayLike, NDArray

from fusionmd.errors import UnsupportedStructureError
from fusionmd.potential import Potential
from fusionmd.structure import Structure
from fusionmd.units import (
    ANGSTROM_PER_NM,
    EV_PER_ANGSTROM3_PER_BAR,
    EV_PER_ANGSTROM3_PER_GPA,
    EV_PER_KJ_PER_MOL,
    FS_PER_PS,
    NM_PER_ANGSTROM,
)
from fusionmd_openmm.box import reduced_box
from fusionmd_openmm.force import make_evaluator
from fusionmd_openmm.integrators import MAX_SEED, langevin, velocity_verlet

Array = NDArray[np.float64]
NM_PER_PS_PER_ANGSTROM_PER_FS = NM_PER_ANGSTROM * FS_PER_PS
STEPS_PER_VOLUME_MOVE = 25
Ensemble = Literal["nve", "nvt", "npt"]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One instant: positions [n_atoms, 3], angstrom; velocities [n_atoms, 3], angstrom/fs; cell [3, 3], angstrom."""

    positions: Array
    velocities: Array
    cell: Array


class Dynamics:
    """A run: velocity Verlet (nve), Langevin (nvt), Langevin with a Monte Carlo barostat (npt).

    structure: The start, periodic along all axes or none; any cell, for it is rotated for OpenMM and back.
    masses: [n_atoms], amu.  velocities: [n_atoms, 3], angstrom/fs.  pressure_GPa: For npt.
    state: Electronic state that drives.  skin: Of the neighbour list, angstrom.
    """

    def __init__(
        self,
        potential: Potential,
        structure: Structure,
        *,
        masses: ArrayLike,
        velocities: ArrayLike,
        ensemble: Ensemble = "nve",
        timestep_fs: float = 0.5,
        temperature_K: float = 300.0,
        friction_per_ps: float = 10.0,
        pressure_GPa: float = 0.0,
        state: int = 0,
        skin: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.structure = structure
        self.n_steps = 0
        self._box, self._rotation = _frame(structure)
        self._evaluator = make_evaluator(
            potential, structure.numbers, is_periodic=structure.is_periodic, state=state, skin=skin
        )
        self._system = self._system_of(np.asarray(masses, dtype=np.float64))
        if ensemble == "npt":
            self._system.addForce(_barostat(pressure_GPa, temperature_K, seed))
        if ensemble == "nve":
            self._integrator = velocity_verlet(timestep_fs)
        else:
            self._integrator = langevin(
                timestep_fs, temperature_K=temperature_K, friction_per_ps=friction_per_ps, seed=seed
            )
        platform = openmm.Platform.getPlatformByName("Reference")  # float64; the model takes the time
        self._context = openmm.Context(self._system, self._integrator, platform)
        self._context.setPositions(structure.positions @ self._rotation * NM_PER_ANGSTROM)
        rotated = np.asarray(velocities, dtype=np.float64) @ self._rotation
        self._context.setVelocities(rotated * NM_PER_PS_PER_ANGSTROM_PER_FS)

    def step(self) -> None:
        """Advance by one time step; what goes wrong inside is raised as it was."""
        try:
            self._integrator.step(1)
        except openmm.OpenMMException:
            if self._evaluator.failure is not None:
                raise self._evaluator.failure from None
            raise
        self.n_steps += 1

    def snapshot(self) -> Snapshot:
        """Where everything is now, in the frame of the start."""
        state = self._context.getState(positions=True, velocities=True)
        back = self._rotation.T
        return Snapshot(
            positions=state.getPositions(asNumpy=True)._value * ANGSTROM_PER_NM @ back,
            velocities=state.getVelocities(asNumpy=True)._value / NM_PER_PS_PER_ANGSTROM_PER_FS @ back,
            cell=self.structure.cell * self._growth(state),
        )

    def energy_and_forces(self) -> tuple[float, Array]:
        """Potential energy, eV, and forces [n_atoms, 3], eV/angstrom, there."""
        state = self._context.getState(energy=True, forces=True)
        forces = state.getForces(asNumpy=True)._value * (EV_PER_KJ_PER_MOL * NM_PER_ANGSTROM)
        return state.getPotentialEnergy()._value * EV_PER_KJ_PER_MOL, forces @ self._rotation.T

    def _growth(self, state: openmm.State) -> float:
        """How much longer every cell vector is than at the start."""
        if not self.structure.is_periodic:
            return 1.0
        return float(state.getPeriodicBoxVectors(asNumpy=True)._value[0, 0] * ANGSTROM_PER_NM / self._box[0, 0])

    def _system_of(self, masses: Array) -> openmm.System:
        system = openmm.System()
        for mass in masses:
            system.addParticle(mass)
        if self.structure.is_periodic:
            system.setDefaultPeriodicBoxVectors(*self._box * NM_PER_ANGSTROM)
        force = openmm.PythonForce(self._evaluator)
        force.setUsesPeriodicBoundaryConditions(self.structure.is_periodic)
        system.addForce(force)
        return system


def _frame(structure: Structure) -> tuple[Array, Array]:
    """Box and rotation; nothing to do without a cell."""
    if not structure.is_periodic:
        return np.zeros((3, 3)), np.eye(3)
    if not all(structure.pbc):
        raise UnsupportedStructureError(
            f"the structure has pbc {structure.pbc}; OpenMM knows three periodic axes or none: give a cell with vacuum "
            "and set all three, or use another engine"
        )
    return reduced_box(structure.cell)


def _barostat(pressure_GPa: float, temperature_K: float, seed: int) -> openmm.MonteCarloBarostat:
    bar = pressure_GPa * EV_PER_ANGSTROM3_PER_GPA / EV_PER_ANGSTROM3_PER_BAR
    barostat = openmm.MonteCarloBarostat(bar, temperature_K, STEPS_PER_VOLUME_MOVE)
    barostat.setRandomNumberSeed(seed % MAX_SEED + 1)
    return barostat
