"""The engine `lammps` of `run_md`: LAMMPS moves the atoms in this process, ASE's `Atoms` carry what is logged."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ase import Atoms, units
from ase.calculators.singlepoint import SinglePointCalculator
from ase.stress import full_3x3_to_voigt_6_stress

from fusionmd.potential import Potential
from fusionmd.structure import Structure
from fusionmd.workflows.md_interrupts import interrupts_waiting
from fusionmd.workflows.md_placing import place
from fusionmd.workflows.md_settings import MDSettings
from fusionmd.workflows.verify_subject import in_precision, precision_of
from fusionmd_lammps.dynamics import Bath, Dynamics

# Ctrl-C waits for so many steps at most.
STEPS_AT_ONCE = 10


class LAMMPSRun:
    """Velocity Verlet (nve), Langevin (nvt), Nose-Hoover chains and an isotropic barostat (npt).

    Everything in the log is what LAMMPS found, kinetic energy and temperature excepted: ASE makes them of velocities.
    """

    def __init__(self, atoms: Atoms, potential: Potential, settings: MDSettings) -> None:
        self.atoms = atoms
        self._potential = potential
        self._settings = settings
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "potential.pt"
            path.write_bytes(in_precision(potential.content, precision_of(potential), potential.metadata.name))
            self._dynamics = Dynamics(
                path,
                Structure.from_ase(atoms),
                velocities=atoms.get_velocities() * units.fs,
                ensemble=settings.ensemble,
                bath=_bath(settings),
                timestep_fs=settings.timestep_fs,
                skin=settings.skin,
                style=_style(potential, settings),
            )

    @property
    def n_steps(self) -> int:
        """Steps done."""
        return self._dynamics.n_steps

    def run(self, observe: Callable[[], None]) -> None:
        """All steps; `observe` is called at the start and every `interval` steps."""
        with interrupts_waiting() as raise_if_interrupted:
            self._observe(observe)
            while self.n_steps < self._settings.steps:
                next_line = self._settings.interval - self.n_steps % self._settings.interval
                self._dynamics.run(min(next_line, STEPS_AT_ONCE, self._settings.steps - self.n_steps))
                if self.n_steps % self._settings.interval == 0:
                    self._observe(observe)
                raise_if_interrupted()

    def stop(self) -> None:
        """Bring `atoms` to where the last step ended."""
        place(self.atoms, self._dynamics.snapshot())

    def _observe(self, observe: Callable[[], None]) -> None:
        self.stop()
        found, metadata = self._dynamics.quantities(), self._potential.metadata
        results: dict[str, Any] = {"energy": found.energy, "forces": found.forces}
        if self.atoms.pbc.any():
            results["stress"] = full_3x3_to_voigt_6_stress(-found.virial / self.atoms.get_volume())
        self.atoms.calc = SinglePointCalculator(self.atoms, **results)
        if metadata.n_members > 1:
            self.atoms.calc.results["energy_std"] = found.extras[metadata.n_states]
        elif metadata.has_uncertainties:
            spreads = self._potential.uncertainties([Structure.from_ase(self.atoms)])
            self.atoms.calc.results["energy_std"] = float(spreads[0, self._settings.state])
        observe()


def _style(potential: Potential, settings: MDSettings) -> str:
    compiled = "auto" if potential.is_compiled else "no"
    return f"device {potential.device.type} state {settings.state} compiled {compiled}"


def _bath(settings: MDSettings) -> Bath:
    return Bath(
        temperature_K=settings.temperature_K,
        friction_per_ps=settings.friction_per_ps,
        pressure_GPa=settings.pressure_GPa,
        thermostat_fs=settings.thermostat_fs,
        barostat_fs=settings.barostat_fs,
        seed=settings.seed,
    )
