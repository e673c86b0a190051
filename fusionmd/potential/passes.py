"""Passes through the core: a batch at once, or a large structure block by block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from fusionmd.graph import Graph
from fusionmd.potential.blocks import Block, block_graph
from fusionmd.potential.torchscript import differentiable

# The signature of Core.differentiate: (edges, ..., n_local, weights) -> contributions, gradients
Differentiate = Callable[..., tuple[Tensor, Tensor]]


class Raw(NamedTuple):
    """What the core returns, per committee member.

    energies: [n_members, n_structures, n_states], eV.
    atomic_energies: [n_members, n_requests, n_nodes], eV.
    gradients: By edge vectors [n_members, n_requests, n_edges, 3], eV/angstrom.
    totals: Summed contributions [n_members, n_structures, n_outputs], eV.
    """

    energies: Tensor
    atomic_energies: Tensor
    gradients: Tensor
    totals: Tensor


def inputs(graph: Graph, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Edge vectors (float64), senders, receivers, slots, species on `device`; contiguous, which models rely on."""
    moved = [graph.edge_vectors.to(device, torch.float64)]
    moved += [tensor.to(device) for tensor in (graph.senders, graph.receivers, graph.slots, graph.species)]
    # Tensors made while the caller was in inference mode cannot be differentiated; copies can.
    edge_vectors, senders, receivers, slots, species = [
        t.clone(memory_format=torch.contiguous_format) if t.is_inference() else t.contiguous() for t in moved
    ]
    return edge_vectors, senders, receivers, slots, species


def whole(core: Any, graph: Graph, states: Tensor, compiled: Differentiate | None = None) -> Raw:
    """All of `graph` in one pass; states [n_requests, n_structures]."""
    device = core.atomic_energies.device
    index, states = graph.structure_index.to(device), states.to(device)
    with differentiable():
        if not core.head.is_linear:
            given = (*inputs(graph, device), graph.n_nodes, index, graph.n_structures, states)
            totals, energies, atomic, gradients = core.with_totals(*given)
            return Raw(energies, atomic, gradients, totals)
        if compiled is None:
            energies, atomic, gradients = core(*inputs(graph, device), graph.n_nodes, index, graph.n_structures, states)
            return Raw(energies, atomic, gradients, energies)
        weights = _weights(core, _cotangents_of_linear_head(core, graph.n_structures), index, states)
        contributions, gradients = compiled(*inputs(graph, device), graph.n_nodes, weights)
    return _closed(core, graph, contributions, weights, gradients)


def in_blocks(
    core: Any, graph: Graph, blocks: Sequence[Block], states: Tensor, compiled: Differentiate | None = None
) -> Raw:
    """One structure, block by block; the working memory is that of the largest block."""
    device = core.atomic_energies.device
    index, states = graph.structure_index.to(device), states.to(device)
    differentiate = core.differentiate if compiled is None else compiled
    with differentiable():
        cotangents = _cotangents_of_linear_head(core, 1) if core.head.is_linear else _cotangents(core, graph, blocks)
        weights = _weights(core, cotangents, index, states)
        contributions = torch.zeros(core.n_members, graph.n_nodes, core.n_outputs, dtype=torch.float64, device=device)
        gradients = torch.zeros(*weights.shape[:2], graph.n_edges, 3, dtype=torch.float64, device=device)
        for block in blocks:
            owned, part = torch.from_numpy(block.nodes[: block.n_local]).to(device), block_graph(graph, block)
            values, slopes = differentiate(*inputs(part, device), block.n_local, weights[:, :, owned])
            contributions[:, owned] = values
            gradients.index_add_(2, torch.from_numpy(block.edges).to(device), slopes)
    return _closed(core, graph, contributions, weights, gradients)


def _closed(core: Any, graph: Graph, contributions: Tensor, weights: Tensor, gradients: Tensor) -> Raw:
    """Sum, apply the head, and share the energy among the atoms."""
    index = graph.structure_index.to(contributions.device)
    totals = torch.stack([core.totals(member, index, graph.n_structures) for member in contributions])
    energies = torch.stack([core.state_energies(member)[0] for member in totals])
    return Raw(energies, (weights * contributions[:, None]).sum(-1), gradients, totals)


def _weights(core: Any, cotangents: Tensor, index: Tensor, states: Tensor) -> Tensor:
    """Of contributions [n_members, n_requests, n_nodes, n_outputs]; cotangents [n_members, n_structures, ...]."""
    return torch.stack([core.node_weights(member, index, states) for member in cotangents])


def _cotangents_of_linear_head(core: Any, n_structures: int) -> Tensor:
    """They are known before any pass [n_members, n_structures, n_states, n_outputs]."""
    totals = torch.zeros(n_structures, core.n_outputs, dtype=torch.float64, device=core.atomic_energies.device)
    cotangents = core.state_energies(totals)[1]
    return cotangents.expand(core.n_members, *cotangents.shape)


def _cotangents(core: Any, graph: Graph, blocks: Sequence[Block]) -> Tensor:
    """Cotangents at the totals of one structure, from a pass without gradients [n_members, 1, n_states, n_outputs]."""
    device = core.atomic_energies.device
    totals = torch.zeros(core.n_members, 1, core.n_outputs, dtype=torch.float64, device=device)
    with torch.no_grad():
        for block in blocks:
            part = inputs(block_graph(graph, block), device)
            totals += core.contributions(*part, block.n_local).sum(dim=1, keepdim=True)
    return torch.stack([core.state_energies(member)[1] for member in totals])
