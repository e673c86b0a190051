"""6. Second derivatives: the vibrations of acetylacetone from the shipped potential's Hessian.

python examples/06_vibrations.py              writes examples/output/spectrum.png
"""

import argparse
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read
from ase.optimize import BFGS
from ase.units import _amu, _c, _e
from matplotlib.figure import Figure

from fusionmd import Structure, load_potential
from fusionmd.engines.ase import FusionCalculator
from fusionmd.potential import Potential

START = Path(__file__).resolve().parent / "structures" / "acetylacetone.xyz"
# (eV/angstrom^2/amu)^(1/2) in 1/s, then in wave numbers.
WAVENUMBER = np.sqrt(_e * 1e20 / _amu) / (2 * np.pi * _c * 100)


def relaxed(potential: Potential) -> Atoms:
    """The minimum near the textbook geometry."""
    atoms = read(START)
    atoms.calc = FusionCalculator(potential)
    BFGS(atoms, logfile=None).run(fmax=1e-3, steps=300)
    return atoms


def wavenumbers(potential: Potential, atoms: Atoms) -> np.ndarray:
    """Harmonic wave numbers [3 n_atoms], 1/cm, ascending; imaginary ones are negative."""
    hessian = potential.hessian(Structure.from_ase(atoms))
    masses = np.repeat(atoms.get_masses(), 3)
    squares = np.linalg.eigvalsh(hessian / np.sqrt(np.outer(masses, masses)))
    return np.sign(squares) * np.sqrt(np.abs(squares)) * WAVENUMBER


def plot(values: np.ndarray, path: Path, width: float = 20.0) -> None:
    """Density of states, Gaussians of `width` (1/cm)."""
    grid = np.linspace(0, max(3600.0, 1.05 * values.max()), 1000)
    density = np.exp(-(((grid[:, None] - values[None]) / width) ** 2) / 2).sum(axis=1)
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot(grid, density)
    axes.set(xlabel="wave number (1/cm)", ylabel="density of states", yticks=[])
    figure.savefig(path, dpi=120)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--potential", default="acac-300K", help="shipped name, or a file that knows H, C and O")
    arguments.add_argument("--out", type=Path, default=Path("examples/output"))
    arguments.add_argument("--smoke", action="store_true", help="accepted by every example; this one is quick")
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)

    potential = load_potential(given.potential)
    atoms = relaxed(potential)
    values = wavenumbers(potential, atoms)
    order = np.argsort(np.abs(values))
    moved, vibrations = values[order[:6]], np.sort(values[order[6:]])
    print(f"the six that are no vibrations: {np.round(moved, 1)} 1/cm")
    print(f"softest five: {np.round(vibrations[:5])} 1/cm, stiffest five: {np.round(vibrations[-5:])} 1/cm")
    plot(vibrations, given.out / "spectrum.png")
    print(f"spectrum: {given.out / 'spectrum.png'}")


if __name__ == "__main__":
    main()
