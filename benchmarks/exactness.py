"""Exact laws of a potential in float64, and the start-up time of the command line.

    python -m benchmarks.exactness acac-300K

Rotations with and without inversion of distorted acetylacetone, forces against the five-point stencil with E0 excluded,
and the median wall time of `fusionmd --help`. A float32 potential is built again in float64 with the same weights.
Writes benchmarks/results/exactness.json.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.molecules import copies
from benchmarks.results_file import FOLDER, write_results
from benchmarks.worker import median
from fusionmd.potential import Potential, load_potential
from fusionmd.potential.core import build_core
from fusionmd.structure import Structure
from fusionmd.training.start import start_of_potential
from fusionmd.training.trained import fill_, rebuilt

N_MOLECULES = 3
N_ROTATIONS = 5
N_HELP = 7
STENCIL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))  # first derivative, error of order h^4
LIMITS = {"energy_equivariance_eV": 1e-10, "forces_equivariance_eV_A": 1e-10, "forces_vs_stencil_eV_A": 1e-7}


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    potential = in_float64(arguments.potential)
    molecules = [Structure(atoms.numbers, atoms.positions) for atoms in copies(N_MOLECULES + 1)[1:]]
    results = {**equivariance(potential, molecules), **stencil(potential, molecules, arguments.step)}
    results["help_s"] = help_seconds()
    print(results)
    settings = {"potential": potential.metadata.name, "dtype": "float64", "step_A": arguments.step}
    settings |= {"n_molecules": N_MOLECULES, "n_rotations": N_ROTATIONS, "limits": LIMITS}
    content = {"settings": settings, "results": results, "table": table(results)}
    print(write_results("exactness", content, folder=arguments.output))


def in_float64(source: str) -> Potential:
    """The potential with the weights of `source`, float64 tables, and no E0."""
    loaded, start = load_potential(source), start_of_potential(source)
    description = {"model": start.model, "elements": start.elements, "statistics": start.statistics}
    model = fill_(rebuilt(description).double(), start.weights or {}).eval().requires_grad_(False)
    references = torch.zeros_like(loaded.core.atomic_energies)
    return Potential(build_core([model], loaded.core.head, references), loaded.metadata, b"")


def equivariance(potential: Potential, molecules: list[Structure]) -> dict[str, float]:
    """Largest |E(Rx) - E(x)|, eV, and |F(Rx) - R F(x)|, eV/angstrom, over random R in O(3)."""
    generator, gaps = np.random.default_rng(1), []
    for k in range(N_ROTATIONS):
        rotation = (-1) ** k * random_rotation(generator)
        turned = [Structure(molecule.numbers, molecule.positions @ rotation.T) for molecule in molecules]
        for before, after in zip(potential.evaluate(molecules), potential.evaluate(turned), strict=True):
            forces = np.abs(after.forces - before.forces @ rotation.T).max()
            gaps.append((abs(after.energy - before.energy), forces))
    energy, forces = np.max(gaps, axis=0)
    return {"energy_equivariance_eV": float(energy), "forces_equivariance_eV_A": float(forces)}


def random_rotation(generator: np.random.Generator) -> np.ndarray:
    """Uniform in SO(3): Q of a Gaussian matrix, with signs fixed. Mezzadri, Notices AMS 54, 592 (2007)."""
    q, r = np.linalg.qr(generator.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.sign(np.linalg.det(q))


def stencil(potential: Potential, molecules: list[Structure], step: float) -> dict[str, float]:
    """Largest difference between forces and the five-point stencil of the energy, eV/angstrom."""
    gaps = []
    for molecule in molecules:
        forces = potential.evaluate([molecule])[0].forces[0]
        gaps.append(np.abs(forces - numerical_forces(potential, molecule, step)).max())
    return {"forces_vs_stencil_eV_A": float(max(gaps))}


def numerical_forces(potential: Potential, molecule: Structure, step: float) -> np.ndarray:
    """-dE/dr from four displaced energies a coordinate [n_atoms, 3]."""
    displaced = []
    for component in range(molecule.positions.size):
        for shift, _ in STENCIL:
            positions = molecule.positions.copy()
            positions.flat[component] += shift * step
            displaced.append(Structure(molecule.numbers, positions))
    energies = np.array([result.energy for result in potential.evaluate(displaced)]).reshape(-1, len(STENCIL))
    return -(energies @ [weight for _, weight in STENCIL]).reshape(-1, 3) / step


def help_seconds() -> float:
    """Median wall time of `fusionmd --help`."""
    script = Path(sys.executable).with_name("fusionmd")
    command = [str(script)] if script.exists() else [sys.executable, "-m", "fusionmd.cli"]
    seconds = []
    for _ in range(N_HELP):
        began = time.perf_counter()
        subprocess.run([*command, "--help"], capture_output=True, check=True)
        seconds.append(time.perf_counter() - began)
    return median(seconds)


def table(results: dict[str, Any]) -> dict[str, Any]:
    """What was found beside what is allowed."""
    names = {
        "energy_equivariance_eV": "energy after rotation and inversion, eV",
        "forces_equivariance_eV_A": "forces after rotation and inversion, eV/A",
        "forces_vs_stencil_eV_A": "forces against the five-point stencil, eV/A",
    }
    rows = [[text, f"{results[key]:.1e}", f"{LIMITS[key]:.0e}"] for key, text in names.items()]
    return {
        "title": "Exactness in float64: largest deviations",
        "columns": ["", "found", "allowed"],
        "rows": [*rows, ["`fusionmd --help`, s", f"{results['help_s']:.2f}", "0.5"]],
        "in_readme": True,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potential", help="file, or name of a shipped one")
    parser.add_argument("--step", type=float, default=1e-3, help="of the stencil, angstrom")
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == "__main__":
    main()
