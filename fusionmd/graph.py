"""Graphs: what a model reads, one or several structures concatenated, as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fusionmd.elements import symbols
from fusionmd.errors import UnsupportedStructureError
from fusionmd.neighbors import Edges, neighbor_list, slots
from fusionmd.structure import Structure

# Where padding edges end, angstrom: beyond every cutoff, small enough for any power a cutoff function takes.
FAR = 100.0


class Graph(NamedTuple):
    """Edges and nodes of one or several structures.

    edge_vectors: r_sender - r_receiver + shift @ cell [n_edges, 3], angstrom.
    senders, receivers: Node indices [n_edges], sorted by (receiver, sender, image) within each structure.
    slots: Edge indices per receiver [n_nodes, max_degree], padded with n_edges.
    species: Index into the model's elements [n_nodes].
    structure_index: Which structure a node belongs to [n_nodes]; n_structures for padding.
    n_structures: Number of structures.
    volumes: Cell volumes [n_structures], angstrom^3, float64; 0 where nothing is periodic.
    """

    edge_vectors: Tensor
    senders: Tensor
    receivers: Tensor
    slots: Tensor
    species: Tensor
    structure_index: Tensor
    n_structures: int
    volumes: Tensor

    @property
    def n_nodes(self) -> int:
        """Number of nodes, padding included."""
        return int(self.species.shape[0])

    @property
    def n_edges(self) -> int:
        """Number of edges, padding included."""
        return int(self.senders.shape[0])

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Graph:
        """The same graph elsewhere; `dtype` is that of the edge vectors, volumes stay float64."""
        tensors = {name: value for name, value in self._asdict().items() if isinstance(value, Tensor)}
        moved: dict[str, Any] = {name: value.to(device) for name, value in tensors.items()}
        return self._replace(**moved | {"edge_vectors": self.edge_vectors.to(device=device, dtype=dtype)})


def graph_of(
    structure: Structure, elements: Sequence[int], cutoff: float, *, dtype: torch.dtype = torch.float64
) -> Graph:
    """Graph of one structure for a model of these `elements` (sorted atomic numbers) and `cutoff` (angstrom)."""
    return graph_from_edges(structure, neighbor_list(structure, cutoff), elements, dtype=dtype)


def graph_from_edges(
    structure: Structure, edges: Edges, elements: Sequence[int], *, dtype: torch.dtype = torch.float64
) -> Graph:
    """Graph of one structure whose neighbour list is known already."""
    return Graph(
        edge_vectors=torch.tensor(edges.vectors, dtype=dtype),
        senders=torch.from_numpy(edges.senders),
        receivers=torch.from_numpy(edges.receivers),
        slots=torch.from_numpy(slots(edges.receivers, structure.n_atoms)),
        species=torch.from_numpy(species_of(structure.numbers, elements)),
        structure_index=torch.zeros(structure.n_atoms, dtype=torch.int64),
        n_structures=1,
        volumes=torch.tensor([structure.volume], dtype=torch.float64),
    )


def species_of(numbers: NDArray[np.int64], elements: Sequence[int]) -> NDArray[np.int64]:
    """Index of each atomic number in `elements` [n_atoms]."""
    known = np.asarray(elements, dtype=np.int64)
    matches = numbers[:, None] == known[None, :]
    unknown = sorted(set(numbers[~matches.any(axis=1)].tolist()))
    if unknown:
        raise UnsupportedStructureError(
            f"element {symbols(unknown)} is not among those of this model ({symbols(known)}); "
            "choose another potential, or train with it"
        )
    return matches.argmax(axis=1).astype(np.int64)


def concatenate(graphs: Sequence[Graph]) -> Graph:
    """One graph of several, in order; nothing connects their structures."""
    if not graphs:
        raise UnsupportedStructureError("no graphs to concatenate; give at least one")
    if len(graphs) == 1:
        return graphs[0]
    nodes = _offsets([graph.n_nodes for graph in graphs])
    edges = _offsets([graph.n_edges for graph in graphs])
    structures = _offsets([graph.n_structures for graph in graphs])
    width = max(graph.slots.shape[1] for graph in graphs)
    return Graph(
        edge_vectors=torch.cat([graph.edge_vectors for graph in graphs]),
        senders=torch.cat([graph.senders + start for graph, start in zip(graphs, nodes, strict=False)]),
        receivers=torch.cat([graph.receivers + start for graph, start in zip(graphs, nodes, strict=False)]),
        slots=torch.cat(
            [_slots_moved(graph, start, edges[-1], width) for graph, start in zip(graphs, edges, strict=False)]
        ),
        species=torch.cat([graph.species for graph in graphs]),
        structure_index=torch.cat(
            [graph.structure_index + start for graph, start in zip(graphs, structures, strict=False)]
        ),
        n_structures=structures[-1],
        volumes=torch.cat([graph.volumes for graph in graphs]),
    )


def pad(graph: Graph, n_nodes: int, n_edges: int, max_degree: int) -> Graph:
    """The graph grown to fixed sizes; sums over structures do not see the padding.

    Padding nodes have species 0, no edges and structure_index n_structures. Padding edges connect the last node to
    itself over a distance beyond every cutoff, and no slot refers to them.
    """
    more_nodes, more_edges = n_nodes - graph.n_nodes, n_edges - graph.n_edges
    if min(more_nodes, more_edges, max_degree - graph.slots.shape[1]) < 0 or (more_edges and not n_nodes):
        raise UnsupportedStructureError(
            f"cannot pad a graph of {graph.n_nodes} nodes, {graph.n_edges} edges, degree {graph.slots.shape[1]} "
            f"to {n_nodes}, {n_edges}, {max_degree}; give sizes that are at least as large"
        )
    far = graph.edge_vectors.new_zeros(more_edges, 3)
    far[:, 0] = FAR
    slots_grown = graph.slots.new_full((n_nodes, max_degree), n_edges)
    slots_grown[: graph.n_nodes] = _slots_moved(graph, 0, n_edges, max_degree)
    return graph._replace(
        edge_vectors=torch.cat([graph.edge_vectors, far]),
        senders=_grown(graph.senders, more_edges, n_nodes - 1),
        receivers=_grown(graph.receivers, more_edges, n_nodes - 1),
        slots=slots_grown,
        species=_grown(graph.species, more_nodes, 0),
        structure_index=_grown(graph.structure_index, more_nodes, graph.n_structures),
    )


def forces_from_edge_gradients(gradients: Tensor, senders: Tensor, receivers: Tensor, n_nodes: int) -> Tensor:
    """Forces [n_nodes, 3] from gradients dE/dvector [n_edges, 3], in the dtype of the gradients.

    F_k = sum_{edges received by k} g - sum_{edges sent by k} g, since vector = r_sender - r_receiver.
    """
    forces = gradients.new_zeros([n_nodes, 3])
    return forces.index_add(0, receivers, gradients).index_add(0, senders, gradients, alpha=-1.0)


def virials_from_edge_gradients(
    gradients: Tensor, edge_vectors: Tensor, receivers: Tensor, structure_index: Tensor, n_structures: int
) -> Tensor:
    """Virials [n_structures, 3, 3] = -sum_edges vector (x) dE/dvector, eV, in the dtype of the gradients."""
    per_edge = edge_vectors.to(gradients.dtype).unsqueeze(2) * gradients.unsqueeze(1)
    # One row more than structures: padding goes there and is cut off.
    sums = gradients.new_zeros([n_structures + 1, 3, 3])
    return sums.index_add(0, structure_index[receivers], -per_edge)[:n_structures]


def stresses_from_virials(virials: Tensor, volumes: Tensor) -> Tensor:
    """Stresses [n_structures, 3, 3] = -virial / volume, symmetrised, eV/angstrom^3 (ASE sign); 0 where volume is 0."""
    symmetric = 0.5 * (virials + virials.transpose(1, 2))
    inverse = torch.where(volumes > 0, 1.0 / torch.where(volumes > 0, volumes, torch.ones_like(volumes)), 0.0)
    return -symmetric * inverse.to(virials.dtype)[:, None, None]


def _offsets(counts: Sequence[int]) -> list[int]:
    return [0, *np.cumsum(counts).tolist()]


def _slots_moved(graph: Graph, first_edge: int, n_edges: int, width: int) -> Tensor:
    """Slots with edge indices raised by `first_edge`, padded to `width` with the new n_edges."""
    filler = graph.slots == graph.n_edges
    moved = torch.where(filler, torch.full_like(graph.slots, n_edges), graph.slots + first_edge)
    return torch.nn.functional.pad(moved, (0, width - graph.slots.shape[1]), value=n_edges)


def _grown(values: Tensor, n_more: int, filler: int) -> Tensor:
    return torch.cat([values, values.new_full((n_more,), filler)])
