"""Drift of the total energy in NVE molecular dynamics of acetylacetone: slope of a linear fit, worst of several seeds.

    python -m benchmarks.nve acac-300K --folder runs/nve --seeds 1 2 3 4 5

10 ps in steps of 0.5 fs from the relaxed molecule with random velocities of 300 K, momentum and rotation removed (with
--mean-temperature of twice that, so that 300 K is the mean after half of it went into the vibrations). Seeds that
`folder` has the end of are not run again, so several processes may share the work; who is called last writes
benchmarks/results/nve.json of all that are there.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ase.io
import torch
from ase import Atoms
from ase.optimize import BFGS

from benchmarks.molecules import PATH
from benchmarks.results_file import FOLDER, write_results
from fusionmd.engines.ase import FusionCalculator
from fusionmd.files import write_text_atomic
from fusionmd.potential import Potential, load_potential
from fusionmd.workflows.md import run_md
from fusionmd.workflows.md_settings import md_settings

FORCE_TOLERANCE = 1e-3  # eV/angstrom
MAX_RELAXATION_STEPS = 500
INTERVAL = 20  # steps between two points of the fit


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    potential = load_potential(arguments.potential, compiled=arguments.compiled)
    paths = {seed: result_path(arguments.folder, potential, seed) for seed in arguments.seeds}
    missing = [seed for seed, path in paths.items() if not path.exists()]
    start = relaxed(potential) if missing else None
    for seed in missing:
        result = run(potential, start, seed, arguments)
        write_text_atomic(paths[seed], json.dumps(result, indent=1) + "\n")
        print(f"seed {seed}: {result['energy_slope_meV_per_atom_per_ps']:+.4f} meV/atom/ps", flush=True)
    print(write_results("nve", content(potential, arguments), folder=arguments.output))


def relaxed(potential: Potential) -> Atoms:
    """The molecule at a minimum of the potential."""
    atoms = ase.io.read(PATH)
    atoms.calc = FusionCalculator(potential)
    with BFGS(atoms, logfile=None) as optimizer:
        optimizer.run(fmax=FORCE_TOLERANCE, steps=MAX_RELAXATION_STEPS)
    return atoms


def run(potential: Potential, start: Atoms, seed: int, arguments: Any) -> dict[str, Any]:
    """One trajectory: temperature, slope, speed."""
    temperature = arguments.temperature * (2 if arguments.mean_temperature else 1)
    settings = md_settings(
        ensemble="nve",
        steps=round(1000 * arguments.ps / arguments.timestep),
        timestep_fs=arguments.timestep,
        temperature_K=temperature,
        interval=INTERVAL,
        seed=seed,
    )
    found = run_md(potential, start, settings, arguments.folder / f"seed_{seed}", overwrite=True)
    if found.is_interrupted:
        raise KeyboardInterrupt
    return {"seed": seed, "start_temperature_K": temperature, **asdict(found), "folder": f"seed_{seed}"}


def result_path(folder: Path, potential: Potential, seed: int | str) -> Path:
    """Where the figures of a finished seed are."""
    return folder / f"seed_{seed}_{potential.sha256[:8]}.json"


def content(potential: Potential, arguments: Any) -> dict[str, Any]:
    """What goes into the result file."""
    pattern = result_path(arguments.folder, potential, "*")
    runs = [json.loads(path.read_text()) for path in sorted(arguments.folder.glob(pattern.name))]
    slopes = {result["seed"]: result["energy_slope_meV_per_atom_per_ps"] for result in runs}
    worst = max(slopes.values(), key=abs)
    settings = {
        "potential": potential.metadata.name,
        "sha256": potential.sha256,
        "dtype": potential.metadata.dtype,
        "is_compiled": potential.is_compiled,
        "ps": arguments.ps,
        "timestep_fs": arguments.timestep,
    }
    rows = [[r["seed"], r["temperature_K"], f"{r['energy_slope_meV_per_atom_per_ps']:+.2g}"] for r in runs]
    table = {
        "title": f"NVE drift of acetylacetone, {arguments.ps:g} ps in steps of {arguments.timestep:g} fs",
        "columns": ["seed", "mean temperature, K", "slope of the total energy, meV/atom/ps"],
        "rows": [*rows, ["worst", "", f"{worst:+.2g}"]],
        "note": f"Potential {potential.metadata.name}, {potential.metadata.dtype}; linear fit over the whole run.",
        "in_readme": True,
    }
    return {"settings": settings, "worst_slope_meV_per_atom_per_ps": worst, "results": runs, "table": table}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("potential", help="file, or name of a shipped one")
    parser.add_argument("--folder", type=Path, required=True, help="trajectories, logs and figures of each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--temperature", type=float, default=300.0, help="K")
    parser.add_argument("--mean-temperature", action="store_true", help="of the run rather than of its start")
    parser.add_argument("--ps", type=float, default=10.0)
    parser.add_argument("--timestep", type=float, default=0.5, help="fs")
    parser.add_argument("--compiled", default="auto", choices=["auto", "yes", "no"])
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == "__main__":
    main()
