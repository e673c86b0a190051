"""deepmd-kit beside ours on the Nb-Mo-Ta-W data: held-out errors after training, and speed in LAMMPS.

    python -m venv DEEPMD && DEEPMD/bin/pip install 'deepmd-kit[cpu,lmp]'
    FUSIONMD_DATA=DIR python -m benchmarks.deepmd_data -o RUNS/data
    DEEPMD/bin/python -m benchmarks.deepmd_train se_e2_a --data RUNS/data --minutes 33.5 -o RUNS/se_e2_a
    DEEPMD/bin/python -m benchmarks.deepmd_train se_atten --data RUNS/data --minutes 33.5 -o RUNS/se_atten
    FUSIONMD_DATA=DIR python -m benchmarks.deepmd RUNS --environment DEEPMD

Writes benchmarks/results/deepmd.json. Ours is the shipped potential, which was trained for 15.2 minutes on one core by
models/nbmotaw/config.yaml; they have the 33.5 minutes of its earlier weights. Errors are those of the held-out frames
of models/nbmotaw/split.json, from the same code for all; test_quaternary.xyz is not looked at.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.deepmd_data import parts_of
from benchmarks.deepmd_speed import REPEATS, medians, step_times
from benchmarks.machine import ROOT
from benchmarks.nbmotaw import errors_of, groups_of
from benchmarks.results_file import FOLDER, write_results
from fusionmd.data.frame import Frame
from fusionmd.potential import load_potential
from fusionmd.training.frames import energies_of, forces_of, stress_of
from fusionmd.training.metrics import Comparison, metrics_of

OURS, OURS_MINUTES = "nbmotaw", 15.2
THEIRS = ("se_e2_a", "se_atten")
ATTENTION = "deepmd-kit, se_atten"
KEYS = {"energy": "energy_rmse_meV_per_atom", "forces": "forces_rmse_meV_A"}
COLUMNS = {"energy, all": ("all", "energy"), "forces, hot metals": ("aimd", "forces")} | {
    "forces, binaries": ("unrelaxed", "forces")
}


def main() -> None:
    given = _arguments()
    frames = parts_of(given.data)["test"]
    errors = {"fusionmd": errors_of(load_potential(OURS), groups_of(frames))}
    trainings: dict[str, Any] = {}
    models: dict[str, Path] = {}
    for name in THEIRS:
        folder = given.runs.resolve() / name
        errors[f"deepmd-kit, {name}"] = their_errors(folder, given.runs / "data" / "test", frames, given.environment)
        trainings[name] = training_of(folder)
        tables = folder / "compressed.pb"
        models |= {f"deepmd-kit, {name}": folder / "model.pb"}
        models |= {f"deepmd-kit, {name}, compressed": tables} if tables.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        lmp = given.environment.resolve() / "bin" / "lmp"
        times = step_times(OURS, lmp, models, Path(folder), n_steps=given.steps, n_runs=given.repeats)
    settings = {"n_atoms": 2 * int(np.prod(REPEATS)), "n_steps": given.steps, "n_runs": given.repeats}
    settings |= {"our_minutes": OURS_MINUTES, "trainings": trainings}
    results = {"errors": errors, "us_per_atom_and_step": medians(times), "step_ms": times}
    content = {"settings": settings, "results": results, "table": table(errors, medians(times), settings)}
    print(write_results("deepmd", content, folder=given.output))


def training_of(folder: Path) -> dict[str, Any]:
    """What `deepmd_train.py` wrote, without the folders of its systems."""
    found: dict[str, Any] = json.loads((folder / "training.json").read_text())
    for part in ("training_data", "validation_data"):
        found["input"]["training"][part].pop("systems")
    return found


def their_errors(folder: Path, data: Path, frames: Sequence[Frame], environment: Path) -> dict[str, dict[str, Any]]:
    """Errors by group of frames, as `nbmotaw.errors_of` has them."""
    output, python = folder / "test.npz", environment.resolve() / "bin" / "python"
    command = [str(python), "-m", "benchmarks.deepmd_predict", str(folder / "model.pb"), "--data", str(data.resolve())]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run([*command, "-o", str(output)], cwd=ROOT, env=variables, check=True, timeout=600, capture_output=True)
    with np.load(output) as arrays:
        found = dict(arrays)
    index = {id(frame): k for k, frame in enumerate(frames)}
    groups = groups_of(frames)
    return {name: metrics_of(_comparison(part, [index[id(f)] for f in part], found)) for name, part in groups.items()}


def _comparison(frames: Sequence[Frame], indices: Sequence[int], found: dict[str, np.ndarray]) -> Comparison:
    volumes = np.array([frame.structure.volume for frame in frames])
    return Comparison(
        n_atoms=np.array([frame.n_atoms for frame in frames]),
        energies=found["energies"][indices][:, None],
        reference_energies=np.stack([energies_of(frame, 1) for frame in frames]),
        forces=np.concatenate([found[f"forces_{k}"] for k in indices])[None],
        reference_forces=np.concatenate([forces_of(frame, 1) for frame in frames], axis=1),
        stress=-found["virials"][indices] / volumes[:, None, None],
        reference_stress=np.stack([stress_of(frame) for frame in frames]),
    )


def table(errors: dict[str, Any], speed: dict[str, float], settings: dict[str, Any]) -> dict[str, Any]:
    """One row for each way to run a model; how many times faster than the attention descriptor."""
    rows = []
    for name, microseconds in speed.items():
        found = errors[next(key for key in sorted(errors, key=len, reverse=True) if name.startswith(key))]
        training = settings["trainings"].get(name.split(", ")[1])
        minutes = training["wall_s"] / 60 if training else settings["our_minutes"]
        wrong = [f"{found[group][KEYS[kind]]:.3g}" for group, kind in COLUMNS.values()]
        rows.append([name, f"{minutes:.0f}", *wrong, f"{microseconds:.0f}", f"{speed[ATTENTION] / microseconds:.2g}"])
    return {
        "title": f"Nb-Mo-Ta-W against deepmd-kit: held-out RMSE, LAMMPS on one core ({settings['n_atoms']:,} atoms)",
        "columns": ["", "minutes trained", *COLUMNS, "microseconds per atom and step", "times faster than se_atten"],
        "rows": rows,
        "note": "Energies meV/atom, forces meV/angstrom. The same frames, one core, cutoff 5 angstrom, float32 for "
        "all; networks, loss and learning rates of deepmd-kit as in its examples, the virial added to the loss; "
        "`dp compress` takes no attention layers. The examples train for a million steps, here it was "
        f"{_steps(settings)}. "
        f"Medians of {settings['n_runs']} runs of {settings['n_steps']} steps, in turn.",
    }


def _steps(settings: dict[str, Any]) -> str:
    return " and ".join(f"{training['n_steps']:,} ({name})" for name, training in settings["trainings"].items())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, help="folder with data/, se_e2_a/ and se_atten/")
    parser.add_argument("--environment", type=Path, required=True, help="virtual environment with deepmd-kit")
    parser.add_argument("--data", type=Path, help="folder with nbmotaw/; default FUSIONMD_DATA")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == "__main__":
    main()
