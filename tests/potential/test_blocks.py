"""Cutting a structure into blocks changes nothing, and an energy feels exactly what n_hops says."""

import numpy as np
import pytest
import torch

from fusionmd.potential import passes
from fusionmd.potential.blocks import block_graph, blocks_within, compact_blocks
from fusionmd.potential.frames import chain_frame
from tests.potential.conftest import random_structure


@pytest.mark.parametrize("pbc", [False, True, (True, False, True)])
@pytest.mark.parametrize("name", ["one_hop", "two_hop"])
def test_one_block_against_seven(name, pbc, request):
    potential = request.getfixturevalue(name)
    structure = random_structure(90, edge=11.0, seed=3, pbc=pbc)
    graph = potential.graph(structure)
    blocks = compact_blocks(structure, graph, potential.metadata.n_hops, 7)
    assert len(blocks) == 7 and max(len(block.nodes) for block in blocks) < structure.n_atoms
    states = torch.tensor([[0], [1]])
    whole, parts = passes.whole(potential.core, graph, states), passes.in_blocks(potential.core, graph, blocks, states)
    for name, a, b in zip(whole._fields, whole, parts, strict=True):
        # relative to the reference energies where those are included
        assert float((a - b).abs().max()) <= 1e-12 * max(1.0, float(a.abs().max())), name


def test_blocks_own_every_atom_once(two_hop):
    structure = random_structure(50, edge=9.0, seed=4, pbc=True)
    blocks = compact_blocks(structure, two_hop.graph(structure), 2, 7)
    owned = np.concatenate([block.nodes[: block.n_local] for block in blocks])
    assert sorted(owned) == list(range(50))


def test_blocks_keep_the_order_of_edges(two_hop):
    structure = random_structure(40, edge=3.0, seed=4, pbc=True)  # many images of each pair
    graph = two_hop.graph(structure)
    for block in compact_blocks(structure, graph, 1, 3):
        part = block_graph(graph, block)
        pairs = list(zip(part.receivers.tolist(), part.senders.tolist(), block.edges.tolist(), strict=True))
        assert pairs == sorted(pairs)


def test_too_few_atoms_for_so_many_blocks(two_hop, molecule):
    assert len(compact_blocks(molecule, two_hop.graph(molecule), 2, 100)) == molecule.n_atoms


def test_memory_bounds_the_blocks(two_hop, monkeypatch):
    structure = random_structure(120, edge=13.0, seed=6)
    graph = two_hop.graph(structure)
    blocks = blocks_within(structure, graph, 2, graph.n_edges // 2)
    assert len(blocks) > 2 and max(len(block.edges) for block in blocks) <= graph.n_edges // 2
    calls = []
    original = passes.in_blocks
    monkeypatch.setattr(passes, "in_blocks", lambda *a: calls.append(len(a[2])) or original(*a))
    memory_GB = graph.n_edges * two_hop.metadata.bytes_per_edge / 2 / 1e9
    expected, bounded = two_hop.evaluate([structure])[0], two_hop.evaluate([structure], memory_GB=memory_GB)[0]
    assert calls and calls[0] > 2
    np.testing.assert_allclose(bounded.forces, expected.forces, atol=1e-12)
    np.testing.assert_allclose(bounded.virials, expected.virials, atol=1e-11)
    assert bounded.energy == pytest.approx(expected.energy, rel=1e-14)


@pytest.mark.parametrize("name", ["one_hop", "two_hop"])
def test_energy_feels_n_hops_and_not_one_more(name, request):
    potential = request.getfixturevalue(name)
    n_hops = potential.metadata.n_hops
    structure = chain_frame(potential.elements, potential.cutoff, n_hops)
    graph = potential.graph(structure)
    edge_vectors, *rest = passes.inputs(graph, potential.device)
    edge_vectors.requires_grad_(True)
    values = potential.core.contributions(edge_vectors, *rest, graph.n_nodes)
    (slopes,) = torch.autograd.grad(values[0, 0, 0], edge_vectors)
    by_sender = [float(slopes[graph.senders == j].abs().max()) for j in range(structure.n_atoms)]
    felt = [j for j in range(1, structure.n_atoms) if by_sender[j] != 0]
    # in the chain only next neighbours are within the cutoff
    assert np.linalg.norm(structure.positions[2] - structure.positions[0]) > potential.cutoff
    assert felt == list(range(1, n_hops + 1))
