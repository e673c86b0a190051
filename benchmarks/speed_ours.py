"""Our side of `speed_mace.py`: a worker that prepares energy and forces of a batch of molecules in one of our modes.

A case: {n_channels, product, n_molecules, mode, call}. Mode: eager, scripted, compiled. Call: `pass`, from prepared
graphs to energies and forces of every molecule, or `evaluate`, `Potential.evaluate` with neighbour lists and all.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from benchmarks.machine import versions
from benchmarks.molecules import copies
from benchmarks.our_models import model_of, potential_of
from benchmarks.worker import Case, Prepared, serve
from fusionmd.potential import Potential, load_potential
from fusionmd.potential.core import build_core
from fusionmd.potential.heads import build_head
from fusionmd.structure import Structure


def main() -> None:
    """Serve."""
    torch.set_num_threads(1)
    serve(prepare)


def prepare(case: Case) -> Prepared:
    """What to time, and what to tell about it."""
    potential = in_mode(case["n_channels"], tuple(case["product"] or ()), case["mode"])
    structures = [Structure(atoms.numbers, atoms.positions) for atoms in copies(case["n_molecules"])]
    call = {"pass": one_pass, "evaluate": evaluate}[case["call"]](potential, structures)
    n_edges = sum(potential.graph(structure).n_edges for structure in structures)
    return call, {"n_parameters": n_parameters(potential), "n_edges": n_edges, "versions": versions()}


def one_pass(potential: Potential, structures: list[Structure]) -> Callable[[], Any]:
    """Prepared graphs -> energies and forces of every molecule."""
    graphs = [potential.graph(structure) for structure in structures]
    return lambda: potential.evaluate_graphs(structures, graphs)


def evaluate(potential: Potential, structures: list[Structure]) -> Callable[[], Any]:
    """`Potential.evaluate`, neighbour lists included."""
    return lambda: potential.evaluate(structures)


@cache
def in_mode(n_channels: int, product: tuple[str, ...], mode: str) -> Potential:
    """A potential with random weights that runs in `mode`."""
    if mode == "eager":
        exported = potential_of(n_channels, product)
        core = build_core([model_of(n_channels, product)], build_head("adiabatic", 1), exported.core.atomic_energies)
        return Potential(core.eval().requires_grad_(False), exported.metadata, b"")
    return load_potential(potential_of(n_channels, product).content, compiled="yes" if mode == "compiled" else "no")


def n_parameters(potential: Potential) -> int:
    """Trained numbers."""
    return sum(parameter.numel() for parameter in potential.core.parameters())


if __name__ == "__main__":
    main()
