"""What a step of a trajectory of stilbene costs: learned in its fast form, learned in TorchScript, and on the fly.

    python -m benchmarks.stilbene.cost [POTENTIAL]

Processor time of one core, children included, in turn; medians. A step is the energies of three states and the
gradient of one. Writes benchmarks/results/stilbene_cost.json.
"""

import argparse
import os
from collections.abc import Callable
from typing import Any

import ase.io
import numpy as np
import torch

from benchmarks.machine import ROOT
from benchmarks.results_file import write_results
from fusionmd.labels.methods import method_of
from fusionmd.labels.protocol import Method
from fusionmd.namd.surfaces import PotentialSurfaces
from fusionmd.potential import load_potential
from fusionmd.structure import Structure
from fusionmd.units import ANGSTROM_PER_BOHR

METHOD, N_STATES, ACTIVE = "nddo-am1-casci22+stilbene", 3, 1
LANDMARKS = ROOT / "benchmarks" / "stilbene" / "landmarks.xyz"
TOGETHER, ROUNDS, NOISE, STEP = 100, 7, 0.03, 0.005  # trajectories; angstrom
DIRECT, FAST, SCRIPT = "on the fly", "learned, fast form", "learned, TorchScript"


def main() -> None:
    """All three in turn."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("potential", nargs="?", default="stilbene-am1ci")
    potential = parser.parse_args().potential
    torch.set_num_threads(1)
    first = ase.io.read(LANDMARKS, index=0)
    rng = np.random.default_rng(0)
    places = [first.positions + rng.normal(0.0, NOISE, first.positions.shape) for _ in range(TOGETHER)]
    method = method_of(METHOD)
    ways: dict[str, Callable[[], int]] = {
        DIRECT: _on_the_fly(method, first.numbers, places[:4]),
        FAST: _step(potential, "yes", first.numbers, places),
        SCRIPT: _step(potential, "no", first.numbers, places),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS + 1):
        for name, run in ways.items():
            times[name].append(seconds_each(run))
    found = {name: 1000 * float(np.median(each[1:])) for name, each in times.items()}
    rates = {name: N_STATES / (ms / 1000) for name, ms in found.items()}
    results = {"ms_a_step": found, "state_energies_per_core_second": rates, "times_faster": rates[FAST] / rates[DIRECT]}
    settings = {"potential": potential, "method": method.name, "trajectories_together": TOGETHER, "rounds": ROUNDS}
    print(write_results("stilbene_cost", {"settings": settings, "results": results, "table": table(results)}))
    print(results)


def seconds_each(run: Callable[[], int]) -> float:
    """Processor time of this process and of those it waited for, a geometry."""
    before = sum(os.times()[:4])
    n = run()
    return (sum(os.times()[:4]) - before) / n


def table(results: dict[str, Any]) -> dict[str, Any]:
    """A row each."""
    direct = results["ms_a_step"][DIRECT]
    return {
        "title": "Stilbene: one step of one trajectory, one CPU core",
        "columns": ["surfaces", "ms", "times faster"],
        "rows": [[name, f"{ms:.3g}", f"{direct / ms:.3g}"] for name, ms in results["ms_a_step"].items()],
        "note": f"Energies of three states and one gradient; {TOGETHER} trajectories move together; processor time.",
        "in_readme": False,
    }


def _on_the_fly(method: Method, numbers: np.ndarray, places: list[np.ndarray]) -> Callable[[], int]:
    """Geometries that move a little every time: a method may start from the last one, but does not find the answer."""
    rng, now = np.random.default_rng(1), list(places)

    def run() -> int:
        for k, place in enumerate(now):
            now[k] = place + rng.normal(0.0, STEP, place.shape)
            method.label(Structure(numbers, now[k]), [ACTIVE])
        return len(now)

    return run


def _step(name: str, compiled: Any, numbers: np.ndarray, places: list[np.ndarray]) -> Callable[[], int]:
    surfaces = PotentialSurfaces(load_potential(name, compiled=compiled), numbers)
    positions = np.stack(places).reshape(len(places), -1) / ANGSTROM_PER_BOHR
    asked = np.zeros((len(places), surfaces.n_states), dtype=bool)
    asked[:, ACTIVE] = True

    def run() -> int:
        surfaces.evaluate(positions, asked)
        return len(positions)

    return run


if __name__ == "__main__":
    main()
