"""How far an atom sees, exactly: n_hops edges; and who owns energy when part of the nodes is context."""

import numpy as np
import pytest
import torch

from fusionmd.graph import graph_of
from fusionmd.potential.blocks import block_graph, compact_blocks
from fusionmd.structure import Structure
from tests.models.nets import ELEMENTS, KINDS, atomic_energies, energy_and_forces, molecule, moved, of_kind


def chain(model: torch.nn.Module, n_atoms: int, spacing: float) -> Structure:
    """Atoms on a gently bent line, `spacing` cutoffs apart: each sees its two neighbours and no others."""
    k = np.arange(n_atoms)
    positions = np.stack([0.99 * k, 0.05 * (k % 2), 0.03 * (k % 3)], axis=1) * spacing * model.cutoff
    return Structure([ELEMENTS[i % 3] for i in k], positions)


@pytest.mark.parametrize("kind", ["default", "cartesian", "centre on edges", "centre after the sum", "bare edges"])
@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_influence_goes_n_hops_edges_and_no_farther(kind: str, n_layers: int) -> None:
    model = of_kind(kind, n_layers)
    assert model.n_hops == n_layers
    structure = chain(model, n_layers + 3, 0.9)
    of_first = torch.zeros(structure.n_atoms, 1, dtype=torch.float64)
    of_first[0] = 1.0
    _, forces = energy_and_forces(model, structure, of_first)
    felt = forces.abs().sum(1)
    reaches = n_layers if kind != "bare edges" else 1  # no h_j: what neighbours know of theirs is not asked for
    assert (felt[1 : reaches + 1] > 0).all()
    assert not felt[reaches + 1 :].any()


def test_an_atom_beyond_the_cutoff_changes_nothing() -> None:
    """One layer: a far atom may move, change its element or go away."""
    model, structure = of_kind("one layer"), molecule()
    alone = atomic_energies(model, structure)
    far = structure.positions[0] + [0.0, 0.0, model.cutoff + 1e-9]
    far[2] = structure.positions[:, 2].max() + model.cutoff + 1e-9
    for number, shift in ((1, 0.0), (8, 0.0), (6, 5.0)):
        positions = np.concatenate([structure.positions, [far + [0.0, 0.0, shift]]])
        joined = atomic_energies(model, Structure([*structure.numbers, number], positions))
        assert (joined[:-1] - alone).abs().max() <= 1e-14 * alone.abs().max()


def test_the_second_layer_sees_neighbours_of_neighbours() -> None:
    """The second shell, beyond the cutoff, is felt by two layers; the third shell is not."""
    model = of_kind("default")
    structure = chain(model, 4, 0.9)
    before = atomic_energies(model, structure)[0]
    changes = []
    for atom in (2, 3):
        positions = structure.positions.copy()
        positions[atom] += [0.0, 0.1, 0.0]
        assert np.linalg.norm(positions[atom] - positions[0]) > model.cutoff
        changes.append((atomic_energies(model, moved(structure, positions))[0] - before).abs().item())
    assert changes[0] > 1e-12 and changes[1] == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_energy_is_smooth_where_a_neighbour_leaves(kind: str) -> None:
    """At the cutoff the pair's energy is that of two lone atoms, and arrives there with the power of the envelope."""
    model = of_kind(kind, 1)
    gaps = []
    for inside in (0.02, 0.01, -0.01):
        pair = Structure([1, 8], [[0.0, 0.0, 0.0], [0.0, 0.0, model.cutoff * (1 - inside)]])
        lone = torch.cat([atomic_energies(model, Structure([z], [[0.0, 0.0, 0.0]])) for z in (1, 8)])
        gaps.append((atomic_energies(model, pair) - lone).abs().max().item())
    assert gaps[2] <= 1e-15 and 0.0 < gaps[1] < gaps[0] / 4 < 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_context_owns_no_energy(kind: str) -> None:
    """Owned atoms first: their energies are those of the whole, with all nodes or with their receptive field alone."""
    model, structure = of_kind(kind), molecule(9, 1)
    graph = graph_of(structure, ELEMENTS, model.cutoff)
    everything = atomic_energies(model, structure)
    for n_local in (1, 5):
        part = atomic_energies(model, structure, n_local)
        assert part.shape == (n_local, model.n_outputs)
        assert (part - everything[:n_local]).abs().max() <= 1e-13 * everything.abs().max()
    line = chain(model, 9, 0.9)
    graph, everything = graph_of(line, ELEMENTS, model.cutoff), atomic_energies(model, line)
    for block in compact_blocks(line, graph, model.n_hops, 3):
        cut = block_graph(graph, block)
        assert block.n_local < cut.n_nodes < line.n_atoms
        values = model(cut.edge_vectors, cut.senders, cut.receivers, cut.slots, cut.species, block.n_local)
        owned = everything[torch.from_numpy(block.nodes[: block.n_local])]
        assert (values - owned).abs().max() <= 1e-13 * everything.abs().max()


@pytest.mark.parametrize("kind", KINDS)
def test_an_atom_without_neighbours(kind: str) -> None:
    model = of_kind(kind)
    energies = [atomic_energies(model, Structure([z], [[0.0, 0.0, 0.0]])) for z in ELEMENTS]
    assert all(x.shape == (1, model.n_outputs) and x.isfinite().all() for x in energies)
    assert len({x[0, 0].item() for x in energies}) == len(ELEMENTS)
    lonely = molecule()
    positions = np.concatenate([lonely.positions, [[0.0, 0.0, 50.0]]])
    joined = Structure([*lonely.numbers, 8], positions)
    assert (atomic_energies(model, joined)[-1] - energies[2][0]).abs().max() <= 1e-14
    _, forces = energy_and_forces(model, joined)
    assert forces.isfinite().all() and not forces[-1].any()
