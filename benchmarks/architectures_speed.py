"""Time and memory per atom of the potentials that `architectures` has trained on one data set, timed in turn.

WORK/speed_SET.json holds the result. Each memory measurement has a process of its own:

    python -m benchmarks.architectures_speed POTENTIAL FRAMES N
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.architectures_sets import SETS
from benchmarks.machine import ROOT, provenance
from benchmarks.memory import peak_bytes
from benchmarks.worker import MALLOC, THREADS, median
from fusionmd.data.read import read_frames
from fusionmd.files import write_text_atomic
from fusionmd.potential import Potential, load_potential
from fusionmd.potential.fast import use_fast
from fusionmd.potential.native import has_native_entry
from fusionmd.structure import Structure

N_TIMED, ROUNDS = 16, 7  # molecules in an evaluation, turns
N_MEMORY, APART_A = 64, 50.0  # molecules in one piece, far from each other
ONE_PIECE_GB, LIMIT_S = 1000.0, 3600.0


def measured(work: Path, data_set: str, data: Path | None, *, is_fast: bool) -> None:
    """Time and memory of the finished potentials of the set, one seed a model."""
    files = potentials(work, data_set)
    if not files:
        return
    frames = SETS[data_set].path(data)
    structures = [frame.structure for frame in read_frames(frames)[:N_TIMED]]
    calls = {}
    for model, file in files.items():
        calls[model, "scripted"] = evaluation(load_potential(file, compiled="no"), structures)
        fast = load_potential(file, compiled="no")
        if is_fast or has_native_entry(fast):
            use_fast(fast, build=True)
            calls[model, "fast"] = evaluation(fast, structures)
    n_atoms = sum(structure.n_atoms for structure in structures)
    times = in_turn(calls, ROUNDS)
    found: dict[str, Any] = {model: {"memory_MB": memory_MB(file, frames)} for model, file in files.items()}
    for (model, form), seconds in times.items():
        found[model][f"{form}_us_per_atom"] = 1e6 * seconds / n_atoms
    content = {"models": found, "n_timed": N_TIMED, "n_memory": N_MEMORY, "provenance": provenance()}
    write_text_atomic(work / f"speed_{data_set}.json", json.dumps(content, indent=1))


def potentials(work: Path, data_set: str) -> dict[str, Path]:
    """Model -> potential file of its first seed."""
    found: dict[str, Path] = {}
    for file in sorted(work.glob(f"{data_set}_*/result.json")):
        result = json.loads(file.read_text())
        potential, run = file.parent / "training" / "potential.pt", result["run"]
        if potential.exists() and run["n_train"] is None and run["data_set"] == data_set:
            found.setdefault(run["model"], potential)
    return found


def evaluation(potential: Potential, structures: list[Structure]) -> Callable[[], Any]:
    """Energies and forces of all states, neighbour lists included."""
    return lambda: potential.evaluate(structures, states=potential.all_states)


def in_turn(calls: Mapping[Any, Callable[[], Any]], rounds: int) -> dict[Any, float]:
    """Median CPU seconds of each call: A B C A B C ..., after two rounds that do not count."""
    seconds: dict[Any, list[float]] = {key: [] for key in calls}
    for k in range(rounds + 2):
        for key, call in calls.items():
            began = time.process_time()
            call()
            if k >= 2:
                seconds[key].append(time.process_time() - began)
    return {key: median(values) for key, values in seconds.items()}


def memory_MB(potential: Path, frames: Path) -> float:
    """Peak of an evaluation in one piece above the loaded potential, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.architectures_speed", str(potential), str(frames), str(N_MEMORY)]
    environment = {key: value for key, value in {**os.environ, **THREADS}.items() if key not in MALLOC}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=LIMIT_S
    )
    return float(json.loads(done.stdout.splitlines()[-1])["MB"])


def main() -> None:
    """The memory of one potential."""
    torch.set_num_threads(1)
    potential, molecule = load_potential(sys.argv[1], compiled="no"), read_frames(sys.argv[2])[0].structure
    potential.evaluate([molecule], states=potential.all_states)
    before = peak_bytes()
    potential.evaluate([side_by_side(molecule, int(sys.argv[3]))], states=[0], memory_GB=ONE_PIECE_GB)
    print(json.dumps({"MB": (peak_bytes() - before) / 1e6}))


def side_by_side(molecule: Structure, n: int) -> Structure:
    """n copies in a row, out of each other's sight."""
    shifts = np.repeat(np.arange(n) * APART_A, molecule.n_atoms)
    positions = np.tile(molecule.positions, (n, 1)) + shifts[:, None] * np.array([1.0, 0.0, 0.0])
    return Structure(np.tile(molecule.numbers, n), positions)


if __name__ == "__main__":
    main()
