"""Blocks: a large structure cut into compact groups of owned atoms, each with all that their energies feel.

The energy of an atom depends on atoms up to n_hops edges away. A block holds its owned atoms, those atoms (context)
and every edge received within n_hops - 1 edges, so the sum over blocks is exact for every model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from fusionmd.graph import Graph
from fusionmd.neighbors import slots
from fusionmd.structure import Structure, completed_cell

Indices = NDArray[np.int64]
# Growth of the number of blocks while the largest one does not fit.
GROWTH = 1.5


@dataclass(frozen=True, eq=False)
class Block:
    """Part of a graph of one structure.

    nodes: Indices into the whole graph [n_nodes], owned ones first.  n_local: How many are owned.
    edges: Indices into the whole graph [n_edges], sorted by (receiver, sender, image) of the block.
    """

    nodes: Indices
    n_local: int
    edges: Indices


def blocks_within(structure: Structure, graph: Graph, n_hops: int, max_edges: int) -> list[Block]:
    """As few compact blocks as keep every block at or below `max_edges` edges (or at one atom)."""
    n_blocks = max(1, -(-graph.n_edges // max(max_edges, 1)))
    while True:
        blocks = compact_blocks(structure, graph, n_hops, n_blocks)
        if n_blocks >= structure.n_atoms or max(len(block.edges) for block in blocks) <= max_edges:
            return blocks
        n_blocks = min(int(n_blocks * GROWTH) + 1, structure.n_atoms)


def compact_blocks(structure: Structure, graph: Graph, n_hops: int, n_blocks: int) -> list[Block]:
    """`n_blocks` blocks (at most one per atom) of nearly equal numbers of owned atoms."""
    receivers, senders = graph.receivers.cpu().numpy(), graph.senders.cpu().numpy()
    groups = _bisected(_wrapped_positions(structure), np.arange(structure.n_atoms), min(n_blocks, structure.n_atoms))
    return [_receptive_field(owned, receivers, senders, structure.n_atoms, n_hops) for owned in groups]


def block_graph(graph: Graph, block: Block) -> Graph:
    """The graph of a block, nodes renumbered in its order."""
    local = np.full(graph.n_nodes, -1, dtype=np.int64)
    local[block.nodes] = np.arange(len(block.nodes))
    edges, nodes = torch.from_numpy(block.edges), torch.from_numpy(block.nodes)
    receivers = local[graph.receivers[edges].numpy()]
    return graph._replace(
        edge_vectors=graph.edge_vectors[edges],
        senders=torch.from_numpy(local[graph.senders[edges].numpy()]),
        receivers=torch.from_numpy(receivers),
        slots=torch.from_numpy(slots(receivers, len(nodes))),
        species=graph.species[nodes],
        structure_index=graph.structure_index[nodes],
    )


def _receptive_field(owned: Indices, receivers: Indices, senders: Indices, n_nodes: int, n_hops: int) -> Block:
    inside = np.zeros(n_nodes, dtype=bool)
    inside[owned] = True
    is_owned = inside.copy()
    received = inside[receivers]
    for _ in range(n_hops):
        received = inside[receivers]
        inside[senders[received]] = True
    nodes = np.concatenate([owned, np.flatnonzero(inside & ~is_owned)])
    local = np.empty(n_nodes, dtype=np.int64)
    local[nodes] = np.arange(len(nodes))
    edges = np.flatnonzero(received)
    # Stable, so that images keep the order they have in the whole graph.
    order = np.lexsort((local[senders[edges]], local[receivers[edges]]))
    return Block(nodes, len(owned), edges[order])


def _bisected(positions: NDArray[np.float64], atoms: Indices, n_groups: int) -> Iterator[Indices]:
    """Halve along the longest extent, in proportion, until there are `n_groups` groups of ascending indices."""
    if n_groups <= 1:
        yield np.sort(atoms)
        return
    first = n_groups // 2
    axis = int(np.ptp(positions[atoms], axis=0).argmax())
    ordered = atoms[np.argsort(positions[atoms, axis], kind="stable")]
    cut = len(atoms) * first // n_groups
    yield from _bisected(positions, ordered[:cut], first)
    yield from _bisected(positions, ordered[cut:], n_groups - first)


def _wrapped_positions(structure: Structure) -> NDArray[np.float64]:
    """Positions inside the cell along periodic axes: what wandered off is near its image's neighbours."""
    cell = completed_cell(structure.cell, structure.pbc)
    fractional = np.linalg.solve(cell.T, structure.positions.T).T
    return np.asarray((fractional - np.where(structure.pbc, np.floor(fractional), 0.0)) @ cell)
