"""Batches of one fixed size: padded graphs with targets.

Every batch has the same shapes, so that one traced and compiled step serves all of them. What is padding or has no
label gets the coefficient 0; weights and the division by the number of labels are in the coefficients as well, hence

    loss = sum_t weight_t sum_i coefficient_ti rho(prediction_ti - target_ti)        t in (energy, forces, stress)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from fusionmd.graph import Graph, concatenate, pad
from fusionmd.training.samples import Sample


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
    forces_mixtures: Of which states a row of forces is a sum [n_rows, n_structures, n_states].
    forces, forces_coefficients: [n_rows, n_nodes, 3]; stress, stress_coefficients: [n_structures, 3, 3].
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
    forces_mixtures: Tensor
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
    states: np.ndarray | None = None,
) -> Batch:
    """The samples as one padded batch; edge vectors and forces in `dtype`, energies in float64.

    counts: Divisors of the mean errors; default those of the samples. (Data-parallel: those of the global batch.)
    states: Of each sample, the one whose forces are learnt this time, standing for all labelled ones; default: all.
    """
    counts = counts or counts_of(samples)
    n_states = samples[0].energies.shape[0]
    graph = _padded_graph(samples, shapes)
    energies = np.full((shapes.n_structures, n_states), np.nan)
    forces = np.full((n_states if states is None else 1, shapes.n_nodes, 3), np.nan)
    couplings = np.full((len(samples[0].couplings), shapes.n_nodes, 3), np.nan)
    stress = np.full((shapes.n_structures, 3, 3), np.nan)
    scale, weights = np.ones((shapes.n_structures, 1)), np.zeros((3, shapes.n_structures + 1))
    stands_for = np.zeros(shapes.n_structures + 1)
    begin = 0
    for index, sample in enumerate(samples):
        energies[index], stress[index] = sample.energies, sample.stress
        chosen = slice(None) if states is None else slice(states[index], states[index] + 1)
        forces[:, begin : begin + sample.n_atoms] = sample.forces[chosen]
        stands_for[index] = 1 if states is None else len(sample.states_with_forces)
        couplings[:, begin : begin + sample.n_atoms] = sample.couplings
        scale[index], weights[:, index] = float(sample.n_atoms) ** ENERGY_POWERS[energy_per], sample.weights
        begin += sample.n_atoms
    node_weights = weights[1, graph.structure_index.numpy()][None, :, None]
    force_weights = (weights[1] * stands_for)[graph.structure_index.numpy()][None, :, None]
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
        forces_mixtures=torch.from_numpy(_mixtures(states, shapes.n_structures, n_states)),
        **_targets("forces", "forces_coefficients", forces, force_weights / counts.forces, dtype),
        **_targets("stress", "stress_coefficients", stress, weights[2, :-1, None, None] / counts.stress, torch.float64),
        gaps_coefficients=_coefficients(np.diff(energies), weights[0, :-1, None] / counts.gaps),
        **_targets("couplings", "couplings_coefficients", couplings, node_weights / counts.couplings, dtype),
    )


def _mixtures(states: np.ndarray | None, n_structures: int, n_states: int) -> np.ndarray:
    """One row for each state, or a single one with the chosen state of each structure."""
    if states is None:
        return np.repeat(np.eye(n_states)[:, None], n_structures, axis=1)
    mixtures = np.zeros((1, n_structures, n_states))
    mixtures[0, np.arange(len(states)), states] = 1.0
    return mixtures


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
