"""5. A property: lattice constant and bulk modulus of copper, gold and CuAu, against the method that made the labels.

    python examples/05_bulk_properties.py

Any ASE calculation works with the calculator; here it relaxes the cell by its stress, then strains it.
"""

import argparse
from pathlib import Path

from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from fusionmd.engines.ase import FusionCalculator


def crystal(name: str) -> Atoms:
    """Cu, Au (face-centred cubic) or CuAu (L1_0), four atoms."""
    atoms = bulk("Cu", "fcc", a=4.0 if name == "Au" else 3.7, cubic=True)
    atoms.symbols = {"Cu": "Cu4", "Au": "Au4", "CuAu": "CuCuAuAu"}[name]
    return atoms


def relaxed(atoms: Atoms, calculator: Calculator) -> Atoms:
    atoms = atoms.copy()
    atoms.calc = calculator
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=0.005, steps=60)
    return atoms


def bulk_modulus(atoms: Atoms, strain: float = 0.01) -> float:
    """-V dp/dV at the minimum, GPa, from the pressure at two volumes."""
    pressures = []
    for factor in (1 - strain, 1 + strain):
        strained = atoms.copy()
        strained.calc = atoms.calc
        strained.set_cell(atoms.cell * factor ** (1 / 3), scale_atoms=True)
        pressures.append(-strained.get_stress()[:3].mean())
    return (pressures[0] - pressures[1]) / (2 * strain) / units.GPa


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--out", type=Path, default=Path("examples/output"))
    arguments.add_argument("--smoke", action="store_true", help="accepted by every example; this one is quick")
    given = arguments.parse_args()

    calculators = {"potential": FusionCalculator(given.out / "run" / "potential.pt"), "labels": EMT()}
    print(f"{'':<6}{'':<11}{'volume (A^3/atom)':>18}{'bulk modulus (GPa)':>20}")
    for name in ("Cu", "CuAu", "Au"):
        for who, calculator in calculators.items():
            atoms = relaxed(crystal(name), calculator)
            volume = atoms.get_volume() / len(atoms)
            print(f"{name:<6}{who:<11}{volume:>18.2f}{bulk_modulus(atoms):>20.0f}")


if __name__ == "__main__":
    main()
