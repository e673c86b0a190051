"""The working memory of a model: declared by it, or measured."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from fusionmd.graph import graph_of
from fusionmd.potential.core import Core
from fusionmd.potential.frames import dense_frame
from fusionmd.potential.passes import inputs

# The backward pass holds gradients beside what the forward pass saved.
BACKWARD_FACTOR = 2.0
# What the caller holds per edge: vectors, gradients, indices, slots.
FIXED_BYTES = 200


def bytes_per_edge(core: Core) -> int:
    """Bytes per edge of energy and forces of one member at condensed density, nodes included."""
    declared = [getattr(model, "bytes_per_edge", None) for model in core.members]
    known = [int(value) for value in declared if value is not None]
    return max(known) if len(known) == len(declared) else measured_bytes_per_edge(core)


def measured_bytes_per_edge(core: Core) -> int:
    """From what autograd saves in a forward pass of the first member."""
    graph = graph_of(dense_frame(core.elements, core.cutoff), core.elements, core.cutoff)
    saved = _saved_bytes(core.members[0], graph, core.model_dtype.dtype)
    return FIXED_BYTES + int(BACKWARD_FACTOR * saved / max(graph.n_edges, 1))


def _saved_bytes(model: Any, graph: Any, dtype: torch.dtype) -> int:
    """Bytes of the storages that a forward pass keeps for the backward pass, weights excluded."""
    weights = {tensor.untyped_storage().data_ptr() for tensor in [*model.parameters(), *model.buffers()]}
    storages: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor  # held, so that no address is used twice
        return tensor

    edge_vectors, *rest = inputs(graph, next(iter(model.buffers()), torch.empty(0)).device)
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(edge_vectors.to(dtype).requires_grad_(True), *rest, graph.n_nodes)
    return sum(t.untyped_storage().nbytes() for pointer, t in storages.items() if pointer not in weights)
