"""Drift of the total energy of acetylacetone in every engine: 5 ps of velocity Verlet from the same start.

    python -m benchmarks.nve_engines acac-300K --folder runs/nve_engines

The relaxed molecule with random velocities of 600 K (300 K in the mean), steps of 0.5 fs, the potential in its own
precision and in the form that this machine has. Writes benchmarks/results/nve_engines.json.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.nve import INTERVAL, relaxed
from benchmarks.results_file import FOLDER, write_results
from fusionmd.potential import load_potential
from fusionmd.workflows.md import run_md
from fusionmd.workflows.md_settings import md_settings

ENGINES = ("ase", "openmm", "lammps")
TIMESTEP_FS, START_K, SEED = 0.5, 600.0, 1
ALLOWED = 0.1  # meV/atom/ps


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    potential = load_potential(arguments.potential, compiled=arguments.compiled)
    start, results = relaxed(potential), {}
    for engine in ENGINES:
        settings = md_settings(
            engine=engine,
            steps=round(1000 * arguments.ps / TIMESTEP_FS),
            timestep_fs=TIMESTEP_FS,
            temperature_K=START_K,
            interval=INTERVAL,
            seed=SEED,
        )
        found = run_md(potential, start, settings, arguments.folder / engine, overwrite=True)
        results[engine] = asdict(found) | {"folder": engine}
        print(f"{engine}: {results[engine]['energy_slope_meV_per_atom_per_ps']:+.4f} meV/atom/ps", flush=True)
    rows = [
        [name, f"{result['temperature_K']:.0f}", f"{result['energy_slope_meV_per_atom_per_ps']:+.2g}"]
        for name, result in results.items()
    ]
    table = {
        "title": f"NVE drift of acetylacetone in every engine, {arguments.ps:g} ps",
        "columns": ["engine", "mean temperature, K", "slope of the total energy, meV/atom/ps"],
        "rows": rows,
        "note": f"Potential {potential.metadata.name}, {potential.dtype}, the same start; allowed: {ALLOWED}.",
        "in_readme": False,
    }
    settings_kept = {"potential": potential.metadata.name, "sha256": potential.sha256, "ps": arguments.ps}
    settings_kept |= {"is_compiled": potential.is_compiled, "timestep_fs": TIMESTEP_FS, "seed": SEED}
    content = {"settings": settings_kept, "results": results, "table": table}
    print(write_results("nve_engines", content, folder=arguments.output))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potential", help="file, or name of a shipped one")
    parser.add_argument("--folder", type=Path, required=True, help="trajectories and logs")
    parser.add_argument("--ps", type=float, default=5.0)
    parser.add_argument("--compiled", default="auto", choices=["auto", "yes", "no"])
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == "__main__":
    main()
