"""Training of the peer: its step, with loss, optimiser, clipping and averaging of its authors' acetylacetone runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ase
import torch
from torch_ema import ExponentialMovingAverage

from benchmarks import mace_peer as peer


@dataclass(frozen=True)
class Recipe:
    """Loss: energy x mean (E - E')^2 + forces x mean (F - F')^2. clip: largest norm of the gradient, mace's default."""

    learning_rate: float = 0.01
    energy: float = 1.0
    forces: float = 1000.0
    clip: float = 10.0
    ema: float = 0.99
    batch_size: int = 5


class Trainer:
    """A model in a mode, with its optimiser and the average of its weights. graphs: All that it will ever see."""

    def __init__(
        self, settings: peer.Settings, mode: str, recipe: Recipe, graphs: Sequence[Any], *, seed: int = 0
    ) -> None:
        self.settings, self.recipe = settings, recipe
        self.forward = peer.in_mode(settings, mode, seed=seed)
        self.model: torch.nn.Module = getattr(self.forward, "_orig_mod", self.forward)  # type: ignore[assignment]
        self.is_padded = mode != "eager"
        largest = sorted(graph.edge_index.shape[1] for graph in graphs)[-recipe.batch_size :]
        self.n_edges = sum(largest) + 1
        self.optimizer = peer.optimizer(self.model, learning_rate=recipe.learning_rate)
        self.average = ExponentialMovingAverage(self.model.parameters(), decay=recipe.ema)

    def update(self, graphs: Sequence[Any], *, rate_factor: float = 1.0) -> None:
        """One step of the optimiser."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate_factor * self.recipe.learning_rate
        self.optimizer.zero_grad(set_to_none=True)
        peer.loss(self.errors(graphs), energy=self.recipe.energy, forces=self.recipe.forces).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)
        self.optimizer.step()
        self.average.update()

    def errors(self, graphs: Sequence[Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """Differentiable errors of energies and forces; a compiled model needs batches of one size, hence padding."""
        if not self.is_padded:
            batch = peer.batch_of(graphs)
            return peer.errors(peer.energies_and_forces(self.forward, batch, training=True), batch)
        batch = peer.padded_batch_of(graphs, self.settings, self.n_edges)
        return peer.errors(peer.energies_and_forces(self.forward, batch, training=True), batch, n_padding=1)


def labelled_graphs(
    frames: Sequence[ase.Atoms], settings: peer.Settings, reference_energies: Mapping[str, float]
) -> list[Any]:
    """Graphs with interaction energies and forces as labels."""
    return [
        peer.graph(
            atoms.numbers,
            atoms.positions,
            settings,
            energy=interaction_energy(atoms, reference_energies),
            forces=atoms.get_forces(),
        )
        for atoms in frames
    ]


def interaction_energy(atoms: ase.Atoms, reference_energies: Mapping[str, float]) -> float:
    """E - sum(E0), eV, in float64."""
    return float(atoms.get_potential_energy() - sum(reference_energies[x] for x in atoms.get_chemical_symbols()))
