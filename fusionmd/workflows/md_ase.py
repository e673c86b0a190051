"""The engine `ase` of `run_md`: ASE moves the atoms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ase import Atoms, units
from ase.md.langevin import Langevin
from ase.md.md import MolecularDynamics
from ase.md.nose_hoover_chain import IsotropicMTKNPT
from ase.md.verlet import VelocityVerlet

from fusionmd.units import FS_PER_PS
from fusionmd.workflows.md_settings import MDSettings


class ASERun:
    """Moves `atoms`, whose calculator is the potential."""

    def __init__(self, atoms: Atoms, settings: MDSettings, rng: np.random.Generator) -> None:
        self.atoms = atoms
        self._settings = settings
        self._dynamics = _dynamics(atoms, settings, rng)

    @property
    def n_steps(self) -> int:
        """Steps done."""
        return int(self._dynamics.nsteps)

    def run(self, observe: Callable[[], None]) -> None:
        """All steps; `observe` is called at the start and every `interval` steps."""
        self._dynamics.attach(observe, interval=self._settings.interval)
        self._dynamics.run(self._settings.steps)

    def stop(self) -> None:
        """Leave `atoms` as they are after the last step."""


def _dynamics(atoms: Atoms, settings: MDSettings, rng: np.random.Generator) -> MolecularDynamics:
    timestep = settings.timestep_fs * units.fs
    if settings.ensemble == "nve":
        return VelocityVerlet(atoms, timestep)
    if settings.ensemble == "nvt":
        friction = settings.friction_per_ps / (FS_PER_PS * units.fs)
        # The centre of mass diffuses too: holding it would make the sampled temperature wrong for few atoms.
        return Langevin(atoms, timestep, temperature_K=settings.temperature_K, friction=friction, fixcm=False, rng=rng)
    return IsotropicMTKNPT(
        atoms,
        timestep,
        temperature_K=settings.temperature_K,
        pressure_au=settings.pressure_GPa * units.GPa,
        tdamp=settings.thermostat_fs * units.fs,
        pdamp=settings.barostat_fs * units.fs,
    )
