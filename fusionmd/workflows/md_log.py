"""The log and the trajectory of a run: written as it goes, complete up to the last line whenever it stops."""

from __future__ import annotations

import csv
from pathlib import Path
from types import TracebackType
from typing import Self

import ase.io
import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.calculators.singlepoint import SinglePointCalculator

from fusionmd.units import FS_PER_PS, GPA_PER_EV_PER_ANGSTROM3, MEV_PER_EV

COLUMNS = ["step", "time_fs", "potential_energy_eV", "kinetic_energy_eV", "total_energy_eV", "temperature_K"]
PERIODIC_COLUMNS = ["volume_A3", "pressure_GPa"]
SPREAD, UNCERTAINTY_COLUMN = "energy_std", "energy_std_eV"
MIN_LINES_FOR_SLOPE = 3


class MDLog:
    """Lines of a CSV file (units in the header) and frames of an extended-XYZ file."""

    def __init__(self, log: Path, trajectory: Path, *, is_periodic: bool) -> None:
        self.columns = [*COLUMNS, *(PERIODIC_COLUMNS if is_periodic else [])]
        self.lines: list[dict[str, float]] = []
        self._trajectory = trajectory
        self._file = open(log, "w", newline="")
        self._writer: csv.DictWriter[str] | None = None

    def write(self, step: int, time_fs: float, atoms: Atoms) -> dict[str, float]:
        """Append the state of `atoms`; the line that was written."""
        line = {"step": step, "time_fs": round(time_fs, 6), **_quantities(atoms)}
        if self._writer is None:
            self._writer = csv.DictWriter(self._file, fieldnames=list(line))
            self._writer.writeheader()
        self._writer.writerow({key: f"{value:.15g}" for key, value in line.items()})
        self._file.flush()
        ase.io.write(self._trajectory, _frame(atoms, step, time_fs), format="extxyz", append=True)
        self.lines.append(line)
        return line

    def mean_temperature_K(self) -> float:
        """Mean over the lines; NaN if there are none."""
        return float(np.mean([line["temperature_K"] for line in self.lines])) if self.lines else float("nan")

    def energy_slope(self, n_atoms: int) -> float | None:
        """Slope of a linear fit of the total energy, meV per atom per ps."""
        if len(self.lines) < MIN_LINES_FOR_SLOPE:
            return None
        times = np.array([line["time_fs"] for line in self.lines]) / FS_PER_PS
        energies = np.array([line["total_energy_eV"] for line in self.lines])
        # Centred, or the fit of energies near -10^4 eV would lose the slope to rounding.
        return float(np.polyfit(times - times.mean(), energies - energies.mean(), 1)[0] * MEV_PER_EV / n_atoms)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()


def _quantities(atoms: Atoms) -> dict[str, float]:
    potential, kinetic = float(atoms.get_potential_energy()), float(atoms.get_kinetic_energy())
    quantities = {
        "potential_energy_eV": potential,
        "kinetic_energy_eV": kinetic,
        "total_energy_eV": potential + kinetic,
        "temperature_K": float(atoms.get_temperature()),
    }
    if atoms.pbc.any():
        stress = atoms.get_stress(include_ideal_gas=True)
        quantities |= {"volume_A3": float(atoms.get_volume())}
        quantities |= {"pressure_GPa": float(-stress[:3].mean() * GPA_PER_EV_PER_ANGSTROM3)}
    return quantities | _uncertainty(atoms.calc)


def _uncertainty(calculator: Calculator) -> dict[str, float]:
    """Of the energy, where the calculator knows it or can find out."""
    results = getattr(calculator, "results", {})
    if SPREAD not in results and SPREAD in getattr(calculator, "implemented_properties", ()):
        return {UNCERTAINTY_COLUMN: float(calculator.get_property(SPREAD, calculator.atoms))}
    return {UNCERTAINTY_COLUMN: results[SPREAD]} if SPREAD in results else {}


def _frame(atoms: Atoms, step: int, time_fs: float) -> Atoms:
    """A frame with energy, forces and momenta of its own."""
    frame = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc, momenta=atoms.get_momenta())
    frame.info |= {"step": step, "time_fs": time_fs}
    frame.calc = SinglePointCalculator(frame, energy=atoms.get_potential_energy(), forces=atoms.get_forces())
    return frame
