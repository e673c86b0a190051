"""Time and memory per atom of the potentials that `architectures` has trained on one data set, timed in turn.

WORK/speed_SET.json holds the result.
"""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.architectures_sets import SETS
from benchmarks.machine import provenance
from benchmarks.worker import median
from fusionmd.data.read import read_frames
from fusionmd.files import write_text_atomic
from fusionmd.potential import Potential, load_potential
from fusionmd.potential.fast import use_fast
from fusionmd.potential.native import has_native_entry
from fusionmd.structure import Structure

N_TIMED, ROUNDS = 16, 7  # molecules in an evaluation, turns


def measured(work: Path, data_set: str, data: Path | None, *, is_fast: bool) -> None:
    """Time and memory of the finished potentials of the set, one seed a model."""
    files = potentials(work, data_set)
    if not files:
        return
    frames = SETS[data_set].path(data)
    structures = [frame.structure for frame in read_frames(frames)[:N_TIMED]]
    calls, found = {}, dict[str, dict[str, float]]()
    for model, file in files.items():
        plain = load_potential(file, compiled="no")
        found[model] = {"memory_KB_per_atom": memory_KB_per_atom(plain, structures)}
        calls[model, "scripted"] = evaluation(plain, structures)
        fast = load_potential(file, compiled="no")
        if is_fast or has_native_entry(fast):
            use_fast(fast, build=True)
            calls[model, "fast"] = evaluation(fast, structures)
    n_atoms = sum(structure.n_atoms for structure in structures)
    times = in_turn(calls, ROUNDS)
    for (model, form), seconds in times.items():
        found[model][f"{form}_us_per_atom"] = 1e6 * seconds / n_atoms
    content = {"models": found, "n_timed": N_TIMED, "provenance": provenance()}
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


def memory_KB_per_atom(potential: Potential, structures: list[Structure]) -> float:
    """Of energies and forces, by the bytes an edge needs, which the export has measured."""
    n_edges = sum(potential.graph(structure).n_edges for structure in structures)
    n_atoms = sum(structure.n_atoms for structure in structures)
    return float(potential.metadata.bytes_per_edge * n_edges / n_atoms / 1e3)
