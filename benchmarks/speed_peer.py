"""The peer's side of `speed_mace.py`: a worker that prepares energy and forces of a batch of molecules with mace-torch.

A case: {n_channels, n_molecules, mode}. Mode: eager; scripted, as mace exports it; `scripted:plain`, without
TorchScript's own optimiser; compiled, mace's own recipe for torch.compile; `compiled:MODE`, a mode of torch.compile.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from benchmarks import mace_peer as peer
from benchmarks.machine import versions
from benchmarks.molecules import copies
from benchmarks.worker import Case, Prepared, serve


def main() -> None:
    """Serve."""
    torch.set_num_threads(1)
    serve(prepare)


def prepare(case: Case) -> Prepared:
    """What to time, and what to tell about it."""
    settings = peer.Settings(n_channels=case["n_channels"])
    kind, _, option = case["mode"].partition(":")
    model = model_of(settings, "scripted" if kind == "scripted" else case["mode"])
    batch = peer.batch_of([peer.graph(a.numbers, a.positions, settings) for a in copies(case["n_molecules"])])
    is_optimised = option != "plain"

    def call() -> None:
        # A compiled model has its backward pass inside the graph, which mace asks for by `training`.
        with torch.jit.optimized_execution(is_optimised):
            peer.energies_and_forces(model, batch, training=kind == "compiled")

    information = {"n_edges": batch["edge_index"].shape[1], "settings": settings.as_dict(), "versions": versions()}
    return call, {**information, "n_parameters": n_parameters(settings)}


@cache
def model_of(settings: peer.Settings, mode: str) -> Callable[..., Any]:
    """The model in a mode, weights frozen as in mace's calculator."""
    model = peer.in_mode(settings, mode)
    for parameter in model.parameters():  # type: ignore[attr-defined]
        parameter.requires_grad = False
    return model


@cache
def n_parameters(settings: peer.Settings) -> int:
    """Trained numbers."""
    return sum(parameter.numel() for parameter in peer.build(settings).parameters())


if __name__ == "__main__":
    main()
