"""Batches that all hold frames of every size, so that their common shape needs little padding.

The frames, from largest to smallest, are cut into rounds of as many frames as there are batches; every batch gets one
frame of each round. Its size is then at most the sum of the rounds' largest, whoever gets which.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fusionmd.training.batches import Shapes
from fusionmd.training.samples import Sample

Indices = NDArray[np.int64]


def rounds_by_size(samples: Sequence[Sample], batch_size: int) -> list[Indices]:
    """Indices of the samples, largest first, in rounds of ceil(n_samples / batch_size); the last may be shorter."""
    n_batches = -(-len(samples) // batch_size)
    order = np.lexsort([[-sample.n_edges for sample in samples], [-sample.n_atoms for sample in samples]])
    return [order[begin : begin + n_batches] for begin in range(0, len(samples), n_batches)]


def dealt(rounds: Sequence[Indices], generator: np.random.Generator | None = None) -> list[Indices]:
    """The batches, each with the samples it got in round after round: in a random order, or as they come."""
    n_batches = len(rounds[0])
    batches: list[list[int]] = [[] for _ in range(n_batches)]
    for one_each in rounds:
        takers = np.arange(n_batches) if generator is None else generator.permutation(n_batches)
        for taker, index in zip(takers, one_each, strict=False):  # the last round may not reach every batch
            batches[taker].append(int(index))
    return [np.array(batch, dtype=np.int64) for batch in batches]


def shapes_of_rounds(samples: Sequence[Sample], rounds: Sequence[Indices], n_ranks: int = 1) -> Shapes:
    """Sizes that hold any batch dealt from these rounds, or the part of any of `n_ranks` that share it (every n-th)."""
    parts = [rounds[rank::n_ranks] for rank in range(n_ranks)]
    largest = lambda sizes: max(sum(max(sizes[i] for i in one_each) for one_each in part) for part in parts)  # noqa: E731
    return Shapes(
        n_structures=len(parts[0]),
        n_nodes=largest([sample.n_atoms for sample in samples]) + 1,
        n_edges=largest([sample.n_edges for sample in samples]) + 1,
        max_degree=max(sample.graph.slots.shape[1] for sample in samples),
    )
