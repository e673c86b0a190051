"""The engine `openmm` of `run_md`: OpenMM moves the atoms, ASE's `Atoms` carry what is logged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ase import Atoms, units
from ase.calculators.singlepoint import SinglePointCalculator
from ase.stress import full_3x3_to_voigt_6_stress

import fusionmd_openmm
from fusionmd.potential import Potential
from fusionmd.structure import Structure
from fusionmd.workflows.md_interrupts import interrupts_waiting
from fusionmd.workflows.md_placing import place
from fusionmd.workflows.md_settings import MDSettings


class OpenMMRun:
    """Velocity Verlet (nve), Langevin BAOAB (nvt), and that with a Monte Carlo barostat (npt).

    Energies and forces are those of OpenMM; pressure and uncertainty, which OpenMM does not know, are
    computed from the potential where a line is logged.
    """

    def __init__(self, atoms: Atoms, potential: Potential, settings: MDSettings) -> None:
        self.atoms = atoms
        self._potential = potential
        self._settings = settings
        self._dynamics = fusionmd_openmm.Dynamics(
            potential,
            Structure.from_ase(atoms),
            masses=atoms.get_masses(),
            velocities=atoms.get_velocities() * units.fs,
            ensemble=settings.ensemble,
            timestep_fs=settings.timestep_fs,
            temperature_K=settings.temperature_K,
            friction_per_ps=settings.friction_per_ps,
            pressure_GPa=settings.pressure_GPa,
            state=settings.state,
            skin=settings.skin,
            seed=settings.seed,
        )

    @property
    def n_steps(self) -> int:
        """Steps done."""
        return int(self._dynamics.n_steps)

    def run(self, observe: Callable[[], None]) -> None:
        """All steps; `observe` is called at the start and every `interval` steps."""
        with interrupts_waiting() as raise_if_interrupted:
            self._observe(observe)
            for _ in range(self._settings.steps):
                self._dynamics.step()
                if self.n_steps % self._settings.interval == 0:
                    self._observe(observe)
                raise_if_interrupted()

    def stop(self) -> None:
        """Bring `atoms` to where the last step ended."""
        place(self.atoms, self._dynamics.snapshot())

    def _observe(self, observe: Callable[[], None]) -> None:
        self.stop()
        energy, forces = self._dynamics.energy_and_forces()
        calculator = SinglePointCalculator(self.atoms, energy=energy, forces=forces)
        calculator.results |= self._beyond_openmm()
        self.atoms.calc = calculator
        observe()

    def _beyond_openmm(self) -> dict[str, Any]:
        structure, state = Structure.from_ase(self.atoms), self._settings.state
        results: dict[str, Any] = {}
        if self.atoms.pbc.any():
            (found,) = self._potential.evaluate([structure], states=state)
            results["stress"] = full_3x3_to_voigt_6_stress(found.stresses[0])
        if self._potential.metadata.has_uncertainties:
            results["energy_std"] = float(self._potential.uncertainties([structure])[0, state])
        return results
