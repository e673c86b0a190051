"""The peer's side of `training_step.py`. A case: {mode, n_channels, frames, reference_energies}; eager or compiled."""

import itertools

import ase.io
import torch

from benchmarks import mace_peer as peer
from benchmarks.mace_training import Recipe, Trainer, labelled_graphs
from benchmarks.machine import versions
from benchmarks.worker import Case, Prepared, serve


def main() -> None:
    """Serve."""
    torch.set_num_threads(1)
    serve(prepare)


def prepare(case: Case) -> Prepared:
    """One step: collate, forward, backward, clip, update, average."""
    settings, recipe = peer.Settings(n_channels=case["n_channels"]), Recipe()
    graphs = labelled_graphs(ase.io.read(case["frames"], ":"), settings, case["reference_energies"])
    trainer = Trainer(settings, case["mode"], recipe, graphs)
    size = recipe.batch_size
    batches = itertools.cycle([graphs[i : i + size] for i in range(0, len(graphs) - size + 1, size)])
    n_parameters = sum(parameter.numel() for parameter in trainer.model.parameters())
    return lambda: trainer.update(next(batches)), {"n_parameters": n_parameters, "versions": versions()}


if __name__ == "__main__":
    main()
