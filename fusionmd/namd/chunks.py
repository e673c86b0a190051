"""Structures in chunks of one shape, so that what is computed for one does not depend on who shares its chunk.

Matrix products round by the shapes of their operands. Each graph is therefore grown to the next size of a fixed ladder,
which depends on that graph alone; chunks hold graphs of one size, always equally many: the last one is filled up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from fusionmd.graph import Graph, pad
from fusionmd.namd.protocol import IntArray

EDGES, DEGREE = 64, 8  # steps of the ladder
Size = tuple[int, int]


def chunks(graphs: Sequence[Graph], size: int, max_edges: int) -> Iterator[tuple[IntArray, list[Graph]]]:
    """Rows and grown graphs of each chunk; rows that fill it up repeat the last one.

    size: Graphs in a chunk; fewer where together they would have more than `max_edges`.
    """
    sizes = [_size(graph) for graph in graphs]
    for wanted in sorted(set(sizes)):
        rows = np.array([row for row, found in enumerate(sizes) if found == wanted])
        fitting = max(1, min(size, max_edges // max(wanted[0], 1)))
        for begin in range(0, len(rows), fitting):
            part = rows[begin : begin + fitting]
            part = np.concatenate([part, np.full(fitting - len(part), part[-1])])
            yield part, [pad(graphs[row], graphs[row].n_nodes, *wanted) for row in part]


def _size(graph: Graph) -> Size:
    """Edges and slots, each rounded up to its step."""
    return _above(graph.n_edges, EDGES), _above(graph.slots.shape[1], DEGREE)


def _above(count: int, step: int) -> int:
    return -(-count // step) * step
