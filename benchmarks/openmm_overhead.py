"""What OpenMM costs beside the model: microseconds a step for acetylacetone, 15 atoms, one thread.

    python -m benchmarks.openmm_overhead        writes benchmarks/results/openmm_overhead.json

Four things are timed in turn, again and again: a step of velocity Verlet on the Reference platform with the potential
as a PythonForce, and how much of it is the neighbour list (positions to tensors); the model alone, a call of its
scripted core; a step with a force of OpenMM's own. Overhead is the first without the others: OpenMM's State, the call
of Python, units, tensors in and out, forces from edge gradients. It does not depend on the model, but a small model
shows it better: its time varies by less than what is looked for. Times are those of the processor, so that other
programs on the machine cost little.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import openmm
import torch
from ase import Atoms
from ase.io import read

import fusionmd_openmm
from benchmarks.molecules import PATH
from benchmarks.our_models import E0, ELEMENTS, STATISTICS
from benchmarks.results_file import FOLDER, write_results
from fusionmd.models import build_model
from fusionmd.potential import Potential, load_potential
from fusionmd.potential.export import potential_bytes
from fusionmd.potential.torchscript import differentiable
from fusionmd.structure import Structure
from fusionmd.units import NM_PER_ANGSTROM
from fusionmd_openmm import evaluator as parts

WANTED_US = 60.0
TIMESTEP_FS = 1e-4  # a random potential would take the molecule apart
SMALL = {
    "name": "fusion_net",
    "cutoff": 3.5,
    "n_layers": 1,
    "n_channels": 2,
    "l_max": 1,
    "message": "(Y, h_j)@1+",
    "product": ["A"],
    "radial_widths": [4],
    "repulsion": True,
}


class Watch:
    """Adds up the seconds that pass inside the functions it watches."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def over(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, watched."""

        def watched(*args: Any, **kwargs: Any) -> Any:
            began = time.thread_time()
            result = function(*args, **kwargs)
            self.seconds += time.thread_time() - began
            return result

        return watched

    def taken(self) -> float:
        """Seconds since this was asked last."""
        seconds, self.seconds = self.seconds, 0.0
        return seconds


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--potential", default="acac-300K")
    arguments.add_argument("--steps", type=int, default=2000)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    potentials = {"a small model": small_potential(), given.potential: load_potential(given.potential)}
    results = {name: measured(potential, given.steps) for name, potential in potentials.items()}
    for name, times in results.items():
        print(name, times)
    print(write_results("openmm_overhead", content(results, given.steps), folder=FOLDER))


def small_potential() -> Potential:
    """One layer, two channels, random weights: little else than the calls of its operations."""
    torch.manual_seed(0)
    model = build_model(SMALL, elements=ELEMENTS, statistics=STATISTICS)
    return load_potential(potential_bytes(model, atomic_energies=E0, name="small", frames=())[0])


def measured(potential: Potential, n_steps: int) -> dict[str, float]:
    """Medians over the steps, microseconds."""
    atoms, watch = read(PATH), Watch()
    original = parts.MovingGraph
    parts.MovingGraph = lambda *arguments, **options: _watched(original(*arguments, **options), watch)
    try:
        calls = [_step(atoms, potential), _model_alone(potential, atoms), _step(atoms, None)]
        rows = [[*(seconds() for seconds in calls), watch.taken()] for _ in range(n_steps)]
    finally:
        parts.MovingGraph = original
    step, model, cpp_step, neighbours = np.array(rows[n_steps // 10 :]).T * 1e6
    overhead = step - model - cpp_step - neighbours
    columns = {"step": step, "model": model, "step_with_cpp_force": cpp_step, "neighbour_list": neighbours}
    return {f"{name}_us": float(np.median(values)) for name, values in columns.items()} | {
        "overhead_us": float(np.median(overhead)),
        "overhead_quartiles_us": np.quantile(overhead, [0.25, 0.75]).tolist(),
    }


def seconds_of(call: Callable[[], Any]) -> float:
    """Of one call."""
    began = time.thread_time()
    call()
    return time.thread_time() - began


def _model_alone(potential: Potential, atoms: Atoms) -> Callable[[], float]:
    """Seconds of a call of the core; its graph is made anew before, so that caches are as in a step."""
    structure, states = Structure.from_ase(atoms), torch.zeros(1, 1, dtype=torch.int64)

    def seconds() -> float:
        graph = potential.graph(structure)
        inputs = (graph.edge_vectors, graph.senders, graph.receivers, graph.slots, graph.species, graph.n_nodes)
        with differentiable():
            return seconds_of(lambda: potential.core(*inputs, graph.structure_index, 1, states))

    return seconds


def _step(atoms: Atoms, potential: Potential | None) -> Callable[[], float]:
    """Seconds of one step of the molecule at 100 K, with the potential or with springs."""
    system = openmm.System()
    for mass in atoms.get_masses():
        system.addParticle(mass)
    if potential is None:
        system.addForce(_springs(len(atoms)))
    else:
        fusionmd_openmm.add_potential(system, potential, numbers=atoms.numbers)
    platform = openmm.Platform.getPlatformByName("Reference")
    integrator = fusionmd_openmm.velocity_verlet(TIMESTEP_FS)
    context = openmm.Context(system, integrator, platform)
    context.setPositions(atoms.positions * NM_PER_ANGSTROM)
    context.setVelocitiesToTemperature(100, 1)
    step = partial(integrator.step, 1)
    step.context = context  # the integrator lives as long as somebody holds its Context
    return partial(seconds_of, step)


def _springs(n_atoms: int) -> openmm.Force:
    force = openmm.CustomExternalForce("500*(x^2 + y^2 + z^2)")
    for index in range(n_atoms):
        force.addParticle(index)
    return force


def _watched(moving: Any, watch: Watch) -> Any:
    moving.at = watch.over(moving.at)
    return moving


def content(results: dict[str, dict[str, float]], n_steps: int) -> dict[str, Any]:
    """What is written."""
    columns = ("step_us", "model_us", "neighbour_list_us", "overhead_us")
    return {
        "settings": {"n_atoms": 15, "n_steps": n_steps, "platform": "Reference", "wanted_us": WANTED_US},
        "results": results,
        "table": {
            "title": "OpenMM, acetylacetone (15 atoms), microseconds a step",
            "columns": ["potential", "whole step", "model", "neighbour list", "overhead"],
            "rows": [[name, *(f"{times[column]:.0f}" for column in columns)] for name, times in results.items()],
            "note": f"One thread, Reference platform, processor time on a machine that others used too, "
            f"medians of {n_steps} steps. Overhead: what is "
            f"left when a step with a force in C++ is taken off too; wanted: at most {WANTED_US:.0f}.",
        },
    }


if __name__ == "__main__":
    main()
