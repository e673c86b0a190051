"""Batches of one fixed size: padded graphs with targets.

Every batch has the same shapes, so that one traced and compiled step serves all of them. What is padding or has no
label gets the coefficient 0; weights and the division by the number of labels are in the coefficients as well, hence

    loss = sum_t weight_t sum_i coefficient_ti rho(prediction_ti - target_ti)        t in (energy, forces, stress)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from fusionmd.graph import Graph, concatenate, pad


@dataclass(frozen=True)
class Sample:
    """One frame, ready to learn from. NaN marks a missing label.

    graph: The frame's graph; edge vectors in angstrom.
    energies: Interaction energies E - sum(E0) [n_states], eV, formed in float64.
    forces: [n_states, n_atoms, 3], eV/angstrom.
    stress: [3, 3], eV/angstrom^3, of the ground state.
    couplings: Between states, (E_b - E_a) <a|grad b> [n_pairs, n_atoms, 3], eV/angstrom; no pairs: they are not learnt.
    weights: Factors of this frame's errors of energy, forces and stress in the loss.
    """

    graph: Graph
    energies: np.ndarray
    forces: np.ndarray
    stress: np.ndarray
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    couplings: np.ndarray = field(default_factory=lambda: np.zeros((0, 1, 3)))

    @property
    def gaps(self) -> np.ndarray:
        """Of neighbouring states [n_states - 1], eV."""
        return np.diff(self.energies)

    @property
    def n_atoms(self) -> int:
        return self.graph.species.shape[0]

    @property
    def n_edges(self) -> int:
        return self.graph.edge_vectors.shape[0]


class Shapes(NamedTuple):
    """The common sizes of all batches of a data set."""

    n_structures: int
    n_nodes: int
    n_edges: int
    max_degree: int


class Counts(NamedTuple):
    """Labels in a (global) batch: the divisors of the mean errors; at least 1."""

    energies: int
    forces: int
    stress: int
    gaps: int
    couplings: int


class Batch(NamedTuple):
    """Tensors only, in a fixed order: the arguments of a training step.

    energies, energy_coefficients: [n_structures, n_states]; energy_scale: [n_structures, 1], multiplies energy errors.
    forces, forces_coefficients: [n_states, n_nodes, 3]; stress, stress_coefficients: [n_structures, 3, 3].
    gaps_coefficients: [n_structures, n_states - 1].  couplings, couplings_coefficients: [n_pairs, n_nodes, 3].
    """

    edge_vectors: Tensor
    senders: Tensor
    receivers: Tensor
    slots: Tensor
    species: Tensor
    structure_index: Tensor
    volumes: Tensor
    energies: Tensor
    energy_coefficients: Tensor
    energy_scale: Tensor
    forces: Tensor
    forces_coefficients: Tensor
    stress: Tensor
    stress_coefficients: Tensor
    gaps_coefficients: Tensor
    couplings: Tensor
    couplings_coefficients: Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(*(tensor.to(device) for tensor in self))


ENERGY_POWERS = {"structure": 0.0, "sqrt_atom": -0.5, "atom": -1.0}


def shapes_of(samples: Sequence[Sample], batch_size: int) -> Shapes:
    """Sizes that hold any `batch_size` of the samples, and at least one node and edge of padding."""
    largest = lambda sizes: sum(sorted(sizes)[-batch_size:])  # noqa: E731
    return Shapes(
        n_structures=batch_size,
        n_nodes=largest(sample.n_atoms for sample in samples) + 1,
        n_edges=largest(sample.n_edges for sample in samples) + 1,
        max_degree=max(sample.graph.slots.shape[1] for sample in samples),
    )


def counts_of(samples: Sequence[Sample]) -> Counts:
    """The number of labels of each kind, component by component."""
    n_labels = lambda name: max(1, sum(int(np.isfinite(getattr(s, name)).sum()) for s in samples))  # noqa: E731
    return Counts(*(n_labels(name) for name in Counts._fields))


def collate(
    samples: Sequence[Sample],
    shapes: Shapes,
    *,
    counts: Counts | None = None,
    dtype: torch.dtype = torch.float64,
    energy_per: str = "structure",
) -> Batch:
    """The samples as one padded batch; edge vectors and forces in `dtype`, energies in float64.

    counts: Divisors of the mean errors; default those of the samples. (Data-parallel: those of the global batch.)
    """
    counts = counts or counts_of(samples)
    n_states = samples[0].energies.shape[0]
    graph = _padded_graph(samples, shapes)
    energies = np.full((shapes.n_structures, n_states), np.nan)
    forces = np.full((n_states, shapes.n_nodes, 3), np.nan)
    couplings = np.full((len(samples[0].couplings), shapes.n_nodes, 3), np.nan)
    stress = np.full((shapes.n_structures, 3, 3), np.nan)
    scale, weights = np.ones((shapes.n_structures, 1)), np.zeros((3, shapes.n_structures + 1))
    begin = 0
    for index, sample in enumerate(samples):
        energies[index], stress[index] = sample.energies, sample.stress
        forces[:, begin : begin + sample.n_atoms] = sample.forces
        couplings[:, begin : begin + sample.n_atoms] = sample.couplings
        scale[index], weights[:, index] = float(sample.n_atoms) ** ENERGY_POWERS[energy_per], sample.weights
        begin += sample.n_atoms
    node_weights = weights[1, graph.structure_index.numpy()][None, :, None]
    return Batch(
        edge_vectors=graph.edge_vectors.to(dtype),
        senders=graph.senders,
        receivers=graph.receivers,
        slots=graph.slots,
        species=graph.species,
        structure_index=graph.structure_index,
        volumes=graph.volumes,
        **_targets("energies", "energy_coefficients", energies, weights[0, :-1, None] / counts.energies, torch.float64),
        energy_scale=torch.from_numpy(scale),
        **_targets("forces", "forces_coefficients", forces, node_weights / counts.forces, dtype),
        **_targets("stress", "stress_coefficients", stress, weights[2, :-1, None, None] / counts.stress, torch.float64),
        gaps_coefficients=_coefficients(np.diff(energies), weights[0, :-1, None] / counts.gaps),
        **_targets("couplings", "couplings_coefficients", couplings, node_weights / counts.couplings, dtype),
    )


def _padded_graph(samples: Sequence[Sample], shapes: Shapes) -> Graph:
    """One graph of fixed sizes; missing structures are empty, padding nodes belong to structure n_structures."""
    graph = pad(concatenate([sample.graph for sample in samples]), shapes.n_nodes, shapes.n_edges, shapes.max_degree)
    is_padding = graph.structure_index == graph.n_structures
    return graph._replace(
        structure_index=graph.structure_index.masked_fill(is_padding, shapes.n_structures),
        n_structures=shapes.n_structures,
        volumes=torch.nn.functional.pad(graph.volumes, (0, shapes.n_structures - graph.n_structures)),
    )


def _targets(
    name: str, coefficients: str, values: np.ndarray, weights: np.ndarray, dtype: torch.dtype
) -> dict[str, Tensor]:
    """Values with 0 for NaN, and coefficients that are 0 there."""
    known = torch.from_numpy(np.where(np.isfinite(values), values, 0.0))
    return {name: known.to(dtype), coefficients: _coefficients(values, weights).to(dtype)}


def _coefficients(values: np.ndarray, weights: np.ndarray) -> Tensor:
    """Weights where there is a value, else 0; float64."""
    return torch.from_numpy(np.where(np.isfinite(values), weights, 0.0))
