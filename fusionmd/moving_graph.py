"""Graphs of atoms that move a little from call to call: what has not changed is not made again.

For a dozen atoms a graph costs as much as the model. Candidates come from a Verlet skin (`fusionmd.skin`), or are all
pairs; while the same of them are edges, everything but the vectors is that of the call before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from fusionmd.graph import Graph, graph_from_edges, graph_of
from fusionmd.neighbors import ALL_PAIRS_MAX_ATOMS, MIN_DISTANCE, Edges, neighbor_list, slots
from fusionmd.skin import still_covers
from fusionmd.structure import Structure

Array = NDArray[np.float64]

# angstrom; with it, the candidates of a few free atoms are all pairs, wherever these go.
ENDLESS = 1e6


class MovingGraph:
    """Exactly `graph_of(Structure(numbers, positions, cell, pbc), elements, cutoff)`, at one place after another.

    numbers: Atomic numbers [n_atoms].  elements: Those of the model, ascending.  cutoff, skin: angstrom.
    n_searches: How often neighbours were searched from scratch.
    """

    def __init__(
        self,
        numbers: NDArray[np.int64],
        elements: Sequence[int],
        cutoff: float,
        *,
        pbc: bool = False,
        skin: float = 1.0,
    ) -> None:
        self.numbers = numbers
        self.elements = elements
        self.cutoff = cutoff
        self.pbc = pbc
        self.is_complete = not pbc and 1 < len(numbers) < ALL_PAIRS_MAX_ATOMS
        self.skin = ENDLESS if self.is_complete else max(skin, 0.0)
        self.n_searches = 0
        self._reference: Structure | None = None
        self._candidates: Edges
        self._offsets: Array | None = None  # shifts of the candidates times the cell they were made for
        self._cell: Array | None = None
        self._mark: bytes | None = None  # which candidates are edges of the last graph
        self._kept: NDArray[np.int64]
        self._graph: Graph | None = None

    def at(self, positions: Array, cell: Array | None = None) -> Graph:
        """The graph at positions [n_atoms, 3] and, if periodic, cell vectors as rows [3, 3], angstrom.

        Its index tensors are shared with later ones: they are not to be written to.
        """
        if not self._covers(positions, cell):
            self._search(Structure(self.numbers, positions, cell, self.pbc))
        vectors = self._vectors(positions)
        squared = np.einsum("ek,ek->e", vectors, vectors)
        if squared.size and not (squared.min() >= MIN_DISTANCE**2 and squared.max() < np.inf):
            # Atoms on top of each other, or nowhere: the long way knows what to say.
            return graph_of(Structure(self.numbers, positions, cell, self.pbc), self.elements, self.cutoff)
        near = squared < self.cutoff * self.cutoff
        mark = near.tobytes()
        if mark != self._mark or self._graph is None:
            self._graph = self._connected(near, self._graph)
            self._mark = mark
        return self._graph._replace(edge_vectors=torch.from_numpy(vectors.take(self._kept, 0)))

    def _covers(self, positions: Array, cell: Array | None) -> bool:
        reference = self._reference
        if reference is None or positions.shape != reference.positions.shape:
            return False
        if self.is_complete:
            return True
        now = reference.cell if cell is None else cell
        if not still_covers(reference, positions, now, self.cutoff, self.skin):
            return False
        if self.pbc and (self._cell is None or not np.array_equal(now, self._cell)):
            self._take_cell(now)
        return True

    def _search(self, structure: Structure) -> None:
        self._candidates = neighbor_list(structure, self.cutoff + self.skin)
        self._reference, self._mark = structure, None
        self.n_searches += 1
        if self.pbc:
            self._take_cell(structure.cell)

    def _take_cell(self, cell: Array) -> None:
        self._cell, self._offsets = cell.copy(), self._candidates.shifts @ cell
        self._mark = self._graph = None  # it knows its volume

    def _vectors(self, positions: Array) -> Array:
        """Of all candidates [n_candidates, 3]."""
        vectors = positions.take(self._candidates.senders, 0)
        vectors -= positions.take(self._candidates.receivers, 0)
        if self._offsets is not None:
            vectors += self._offsets
        return vectors

    def _connected(self, near: NDArray[np.bool_], before: Graph | None) -> Graph:
        """The graph whose edges are the candidates that are near."""
        assert self._reference is not None
        self._kept = np.flatnonzero(near)
        senders, receivers, shifts, vectors = self._candidates
        kept = self._kept
        edges = Edges(senders[kept], receivers[kept], shifts[kept], vectors[kept])
        if before is None:
            now = Structure(self.numbers, self._reference.positions, self._cell, self.pbc)
            return graph_from_edges(now, edges, self.elements)
        return before._replace(
            senders=torch.from_numpy(edges.senders),
            receivers=torch.from_numpy(edges.receivers),
            slots=torch.from_numpy(slots(edges.receivers, len(self.numbers))),
        )
