"""The units a data file is written in, as words, and the factors that bring its numbers to eV and angstrom."""

from __future__ import annotations

from dataclasses import dataclass

from fusionmd.errors import DataError
from fusionmd.units import PRESSURE_UNITS_IN_EV_PER_ANGSTROM3, angstrom_per, ev_per


@dataclass(frozen=True)
class Units:
    """Units of a data file. Forces and stress follow from energy and length unless they are given.

    energy: 'eV', 'meV', 'Hartree', 'Rydberg', 'kcal/mol', 'kJ/mol' or '1/cm'.
    length: 'angstrom', 'Bohr' or 'nm'.
    forces: 'energy/length', e.g. 'Hartree/Bohr' or 'kcal/mol/angstrom'.
    stress: 'GPa', 'bar', 'kbar' or 'energy/length^3', e.g. 'eV/angstrom^3'.
    """

    energy: str = "eV"
    length: str = "angstrom"
    forces: str | None = None
    stress: str | None = None

    def __post_init__(self) -> None:
        # An unknown unit is reported here, not at the first frame.
        _ = self.energy_factor, self.length_factor, self.forces_factor, self.stress_factor

    @property
    def energy_factor(self) -> float:
        """eV per unit of energy; virials have it too."""
        return ev_per(self.energy)

    @property
    def length_factor(self) -> float:
        """Angstrom per unit of length."""
        return angstrom_per(self.length)

    @property
    def forces_factor(self) -> float:
        """eV/angstrom per unit of force."""
        if self.forces is None:
            return self.energy_factor / self.length_factor
        energy, length = _split(self.forces, "forces", "Hartree/Bohr")
        return ev_per(energy) / angstrom_per(length)

    @property
    def stress_factor(self) -> float:
        """eV/angstrom^3 per unit of stress."""
        if self.stress is None:
            return self.energy_factor / self.length_factor**3
        if self.stress in PRESSURE_UNITS_IN_EV_PER_ANGSTROM3:
            return PRESSURE_UNITS_IN_EV_PER_ANGSTROM3[self.stress]
        energy, length = _split(self.stress.removesuffix("^3"), "stress", "eV/angstrom^3")
        return ev_per(energy) / angstrom_per(length) ** 3


def _split(unit: str, kind: str, example: str) -> tuple[str, str]:
    energy, slash, length = unit.rpartition("/")
    if not slash:
        raise DataError(f"unknown unit of {kind} {unit!r}; write it like {example!r}")
    return energy, length
