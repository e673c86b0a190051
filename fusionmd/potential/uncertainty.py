"""Passes through the core without derivatives: energies, how uncertain they are, and summed descriptors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from fusionmd.graph import Graph
from fusionmd.potential.blocks import Block, block_graph
from fusionmd.potential.passes import inputs


def spreads(core: Any, graph: Graph, blocks: Sequence[Block] = ()) -> Tensor:
    """Standard deviations of the energies [n_structures, n_states], eV; blocks: Of one structure, if it is cut."""
    with torch.no_grad():
        if core.n_members == 1:
            return core.spreads(*summed_descriptors(core, graph, blocks))
        return energies_of_members(core, graph, blocks).std(dim=0, correction=0)


def energies(core: Any, graph: Graph) -> Tensor:
    """Of every state [n_structures, n_states], eV; committee mean."""
    return energies_of_members(core, graph).mean(dim=0)


def energies_of_members(core: Any, graph: Graph, blocks: Sequence[Block] = ()) -> Tensor:
    """Of every member and state [n_members, n_structures, n_states], eV."""
    index = graph.structure_index.to(core.atomic_energies.device)
    with torch.no_grad():
        members = _joined([core.contributions(*part) for part in _parts(core, graph, blocks)], blocks, dim=1)
        totals = [core.totals(member, index, graph.n_structures) for member in members]
        return torch.stack([core.state_energies(one)[0] for one in totals])


def summed_descriptors(core: Any, graph: Graph, blocks: Sequence[Block] = ()) -> tuple[Tensor, Tensor]:
    """Of one model, per structure: descriptors [n_structures, n_features], atoms by element [..., n_elements]."""
    device = core.atomic_energies.device
    with torch.no_grad():
        features = _joined([core.descriptors(*part)[0] for part in _parts(core, graph, blocks)], blocks, dim=0)
    features = features.to(torch.float64)
    kinds = torch.nn.functional.one_hot(graph.species.to(device), len(core.elements)).to(torch.float64)
    index = graph.structure_index.to(device)
    features, counts = (
        values.new_zeros(graph.n_structures, values.size(1)).index_add(0, index, values) for values in (features, kinds)
    )
    return features, counts


def _parts(core: Any, graph: Graph, blocks: Sequence[Block]) -> Iterator[tuple[Any, ...]]:
    """Arguments of one pass, or of one pass a block."""
    device = core.atomic_energies.device
    if not blocks:
        yield (*inputs(graph, device), graph.n_nodes)
    for block in blocks:
        yield (*inputs(block_graph(graph, block), device), block.n_local)


def _joined(values: Sequence[Tensor], blocks: Sequence[Block], *, dim: int) -> Tensor:
    """Values of owned atoms in the order of the whole graph."""
    if not blocks:
        return values[0]
    owned = torch.cat([torch.from_numpy(block.nodes[: block.n_local]) for block in blocks])
    return torch.cat(list(values), dim).index_select(dim, owned.argsort().to(values[0].device))
