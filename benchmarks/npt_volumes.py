"""Mean volume at constant pressure and temperature in OpenMM and in LAMMPS: two barostats, one potential.

    python -m benchmarks.npt_volumes nbmotaw --folder runs/npt

A bcc crystal of 54 atoms, Nb-Mo in random order, 300 K, zero pressure, 2 fs; a quarter of the run is left out, standard
errors are those of the means of ten blocks. OpenMM: Monte Carlo barostat and Langevin; LAMMPS: Martyna-Tobias-Klein.
Writes benchmarks/results/npt_volumes.json.
"""

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk

from benchmarks.results_file import FOLDER, write_results
from fusionmd.potential import load_potential
from fusionmd.workflows.md import LOG, run_md
from fusionmd.workflows.md_settings import md_settings

ENGINES = ("openmm", "lammps")
TIMESTEP_FS, TEMPERATURE_K, SEED, N_BLOCKS, INTERVAL = 2.0, 300.0, 1, 10, 10
ALLOWED = 3.0  # standard errors


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    potential = load_potential(arguments.potential, compiled=arguments.compiled)
    settings: dict[str, Any] = {
        "ensemble": "npt",
        "steps": round(1000 * arguments.ps / TIMESTEP_FS),
        "timestep_fs": TIMESTEP_FS,
        "temperature_K": TEMPERATURE_K,
        "pressure_GPa": 0.0,
        "interval": INTERVAL,
        "seed": SEED,
    }
    results: dict[str, dict[str, float]] = {}
    for engine in ENGINES:
        folder = arguments.folder / engine
        found = run_md(potential, crystal(), md_settings(engine=engine, **settings), folder, overwrite=True)
        mean, error = mean_volume(folder / LOG)
        results[engine] = {"volume_A3": mean, "standard_error_A3": error, "temperature_K": found.temperature_K}
        print(f"{engine}: {mean:.2f} +- {error:.2f} A^3 at {found.temperature_K:.0f} K", flush=True)
    first, second = (results[engine] for engine in ENGINES)
    spread = np.hypot(first["standard_error_A3"], second["standard_error_A3"])
    apart = (first["volume_A3"] - second["volume_A3"]) / spread
    table = {
        "title": f"Mean volume of 54 atoms of Nb-Mo at {TEMPERATURE_K:g} K and zero pressure, {arguments.ps:g} ps",
        "columns": ["engine", "volume, A^3", "standard error, A^3", "mean temperature, K"],
        "rows": [
            [k, f"{r['volume_A3']:.2f}", f"{r['standard_error_A3']:.2f}", f"{r['temperature_K']:.0f}"]
            for k, r in results.items()
        ],
        "note": f"Apart by {abs(apart):.1f} standard errors of the difference; allowed: {ALLOWED:g}.",
        "in_readme": False,
    }
    kept = {"potential": potential.metadata.name, "sha256": potential.sha256, **settings}
    content = {"settings": kept, "results": results, "standard_errors_apart": float(apart), "table": table}
    print(write_results("npt_volumes", content, folder=arguments.output))


def crystal() -> Atoms:
    """54 atoms, half of them each element, in random order on bcc sites."""
    atoms = bulk("Mo", "bcc", a=3.22, cubic=True) * (3, 3, 3)
    atoms.numbers = np.random.default_rng(SEED).permutation(np.repeat([41, 42], len(atoms) // 2))
    return atoms


def mean_volume(log: Path) -> tuple[float, float]:
    """Mean and its standard error, angstrom^3, from the last three quarters of a log."""
    with log.open() as lines:
        volumes = np.array([float(line["volume_A3"]) for line in csv.DictReader(lines)])
    blocks = [block.mean() for block in np.array_split(volumes[len(volumes) // 4 :], N_BLOCKS)]
    return float(np.mean(blocks)), float(np.std(blocks, ddof=1) / np.sqrt(N_BLOCKS))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potential", help="file, or name of a shipped one that knows Nb and Mo")
    parser.add_argument("--folder", type=Path, required=True, help="trajectories and logs")
    parser.add_argument("--ps", type=float, default=100.0)
    parser.add_argument("--compiled", default="auto", choices=["auto", "yes", "no"])
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == "__main__":
    main()
