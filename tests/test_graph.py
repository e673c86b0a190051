"""Graphs: batches and padding change nothing, forces and stress are derivatives of the energy."""

import numpy as np
import pytest
import torch

from fusionmd.errors import UnsupportedStructureError
from fusionmd.graph import (
    FAR,
    concatenate,
    forces_from_edge_gradients,
    graph_of,
    pad,
    stresses_from_virials,
    virials_from_edge_gradients,
)
from fusionmd.structure import Structure

CUTOFF = 3.0
MOLECULE = Structure([8, 1, 1], [[0, 0, 0], [0.9, 0.1, 0], [-0.2, 0.95, 0.3]])
CRYSTAL = Structure([1, 8], [[0.1, 0, 0], [1.2, 1.1, 1.3]], [[2.4, 0, 0.2], [0.1, 2.5, 0], [0, 0.3, 2.6]], True)
ALONE = Structure([8], [[0, 0, 0]])
ELEMENTS = [1, 6, 8]


def energies(graph):
    """A pair energy that depends on species, summed per structure through the slots."""
    r = graph.edge_vectors.norm(dim=1)
    strength = 1.0 + graph.species[graph.senders] + 0.5 * graph.species[graph.receivers]
    per_edge = torch.cat([strength * torch.exp(-r) * (1 - r / CUTOFF) ** 2, r.new_zeros(1)])
    per_node = per_edge[graph.slots].sum(1) + 0.1 * graph.species
    sums = torch.zeros(graph.n_structures + 1, dtype=per_node.dtype)
    return sums.index_add(0, graph.structure_index, per_node)[: graph.n_structures]


def labels(graph):
    vectors = graph.edge_vectors.clone().requires_grad_()
    energy = energies(graph._replace(edge_vectors=vectors))
    (g,) = torch.autograd.grad(energy.sum(), vectors)
    forces = forces_from_edge_gradients(g, graph.senders, graph.receivers, graph.n_nodes)
    virials = virials_from_edge_gradients(g, vectors, graph.receivers, graph.structure_index, graph.n_structures)
    return energy.detach(), forces, stresses_from_virials(virials, graph.volumes).detach()


def energy_of(structure):
    return float(energies(graph_of(structure, ELEMENTS, CUTOFF))[0])


@pytest.mark.parametrize("structure", [MOLECULE, CRYSTAL], ids=["molecule", "crystal"])
def test_forces_are_minus_the_gradient(structure):
    forces, h = labels(graph_of(structure, ELEMENTS, CUTOFF))[1], 1e-5
    for atom, axis in np.ndindex(structure.n_atoms, 3):
        shift = np.zeros((structure.n_atoms, 3))
        shift[atom, axis] = h
        up, down = (energy_of(structure.with_positions(structure.positions + s * shift)) for s in (1, -1))
        assert float(forces[atom, axis]) == pytest.approx(-(up - down) / (2 * h), abs=1e-8)


def test_stress_is_the_derivative_by_strain():
    stress, h = labels(graph_of(CRYSTAL, ELEMENTS, CUTOFF))[2][0], 1e-5
    for i, j in np.ndindex(3, 3):
        strain = np.zeros((3, 3))
        strain[i, j] += h / 2
        strain[j, i] += h / 2
        slope = (energy_of(CRYSTAL.strained(strain)) - energy_of(CRYSTAL.strained(-strain))) / (2 * h)
        assert float(stress[i, j]) == pytest.approx(slope / CRYSTAL.volume, abs=1e-8)
    assert float(stress.abs().max()) > 1e-2


def test_a_batch_is_its_members():
    members = [graph_of(s, ELEMENTS, CUTOFF) for s in (MOLECULE, ALONE, CRYSTAL, MOLECULE)]
    batch = concatenate([concatenate(members[:2]), *members[2:]])
    assert batch.n_structures == 4 and batch.n_nodes == 9
    assert batch.slots.shape[1] == max(m.slots.shape[1] for m in members)
    for together, alone in zip(labels(batch), zip(*map(labels, members), strict=True), strict=True):
        assert torch.allclose(together, torch.cat(alone), atol=1e-14)


def test_padding_changes_nothing():
    graph = concatenate([graph_of(s, ELEMENTS, CUTOFF) for s in (MOLECULE, CRYSTAL)])
    padded = pad(graph, graph.n_nodes + 3, graph.n_edges + 7, graph.slots.shape[1] + 4)
    energy, forces, stress = labels(graph)
    energy_padded, forces_padded, stress_padded = labels(padded)
    assert torch.allclose(energy, energy_padded, atol=1e-14) and torch.allclose(stress, stress_padded, atol=1e-14)
    assert torch.allclose(forces_padded[: graph.n_nodes], forces, atol=1e-14)
    assert not forces_padded[graph.n_nodes :].any()
    assert (padded.edge_vectors[graph.n_edges :].norm(dim=1) == FAR).all()
    assert (padded.slots[graph.n_nodes :] == padded.n_edges).all()
    assert (padded.structure_index[graph.n_nodes :] == 2).all()
    assert padded.receivers.max() < padded.n_nodes


def test_padding_cannot_shrink():
    graph = graph_of(MOLECULE, ELEMENTS, CUTOFF)
    with pytest.raises(UnsupportedStructureError, match="cannot pad a graph of 3 nodes"):
        pad(graph, 2, 100, 8)


def test_an_atom_alone_has_a_graph():
    energy, forces, stress = labels(graph_of(ALONE, ELEMENTS, CUTOFF))
    assert energy.tolist() == pytest.approx([0.2]) and not forces.any() and not stress.any()


def test_order_of_atoms_only_permutes_forces():
    order = [2, 0, 1]
    permuted = Structure(MOLECULE.numbers[order], MOLECULE.positions[order])
    energy, forces, _ = labels(graph_of(MOLECULE, ELEMENTS, CUTOFF))
    energy_permuted, forces_permuted, _ = labels(graph_of(permuted, ELEMENTS, CUTOFF))
    assert torch.allclose(energy, energy_permuted) and torch.allclose(forces[order], forces_permuted)


def test_unknown_element_is_named():
    with pytest.raises(UnsupportedStructureError, match=r"element O is not among those of this model \(H, C\)"):
        graph_of(MOLECULE, [1, 6], CUTOFF)


def test_nothing_to_concatenate():
    with pytest.raises(UnsupportedStructureError, match="no graphs"):
        concatenate([])


def test_dtype_is_that_of_the_vectors_only():
    graph = graph_of(CRYSTAL, ELEMENTS, CUTOFF, dtype=torch.float32)
    assert graph.edge_vectors.dtype == torch.float32 and graph.volumes.dtype == torch.float64
    assert graph.to(dtype=torch.float64).edge_vectors.dtype == torch.float64
