"""Laws of whole networks of every kind, in float64: symmetries of space, forces, order of atoms."""

import numpy as np
import pytest
import torch

from fusionmd.graph import concatenate, graph_of
from fusionmd.o3.wigner import random_rotation
from fusionmd.structure import Structure
from tests.models import nets
from tests.models.nets import ELEMENTS, KINDS, atomic_energies, energy_and_forces, molecule, moved

STENCIL = ((-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12))
STEP = 1e-3  # angstrom


@pytest.fixture(params=KINDS)
def model(request):
    return nets.of_kind(request.param)


def assert_same(found: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-10) -> None:
    """Within `tolerance` of the largest value (at least 1)."""
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= tolerance * max(1.0, float(expected.abs().max()))


def test_rotation_inversion_and_translation(model) -> None:
    rng, structure = np.random.default_rng(1), molecule()
    expected, (_, forces) = atomic_energies(model, structure), energy_and_forces(model, structure)
    for is_improper in (False, True):
        matrix, shift = random_rotation(rng, is_improper=is_improper), rng.normal(size=3)
        turned = moved(structure, structure.positions @ matrix.T + shift)
        assert_same(atomic_energies(model, turned), expected)
        assert_same(energy_and_forces(model, turned)[1], forces @ torch.from_numpy(matrix.T))


def test_the_shape_of_the_molecule_matters(model) -> None:
    """Not a law, but without it the others say nothing."""
    structure = molecule()
    other = moved(structure, structure.positions * [1.0, 1.0, 1.1])
    assert (atomic_energies(model, other) - atomic_energies(model, structure)).abs().max() > 1e-4


def test_permutation(model) -> None:
    structure = molecule()
    order = np.random.default_rng(2).permutation(structure.n_atoms)
    permuted = Structure(structure.numbers[order], structure.positions[order])
    assert_same(atomic_energies(model, permuted), atomic_energies(model, structure)[order])


def test_forces_are_finite_differences(model) -> None:
    structure = molecule()
    _, forces = energy_and_forces(model, structure)
    assert forces.abs().max() > 1e-3
    directions = np.eye(3 * structure.n_atoms).reshape(-1, structure.n_atoms, 3)[::2]
    displaced = [moved(structure, structure.positions + k * STEP * x) for x in directions for k, _ in STENCIL]
    weights = torch.tensor([weight / STEP for _, weight in STENCIL], dtype=torch.float64)
    slopes = nets.batch_energies(model, displaced).view(len(directions), len(STENCIL)) @ weights
    assert (forces.flatten()[::2] + slopes).abs().max() <= 1e-7


def test_forces_in_a_cell_smaller_than_the_cutoff(model) -> None:
    """Images of an atom are neighbours of it and of each other; a supercell has the energies of its cell."""
    cell = np.array([[3.1, 0.0, 0.0], [0.4, 2.9, 0.0], [-0.2, 0.3, 3.3]])
    crystal = Structure([1, 8], [[0.1, 0.0, 0.2], [1.6, 1.4, 1.5]], cell, True)
    positions = np.concatenate([crystal.positions, crystal.positions + cell[0]])
    twice = Structure([1, 8, 1, 8], positions, cell * [[2], [1], [1]], True)
    assert_same(atomic_energies(model, twice), atomic_energies(model, crystal).repeat(2, 1))
    _, forces = energy_and_forces(model, crystal)
    assert_same(forces.sum(0), torch.zeros(3, dtype=torch.float64))


def test_structures_of_a_batch_do_not_see_each_other(model) -> None:
    structures = [molecule(4, 3), Structure([6], [[0.0, 0.0, 0.0]]), molecule(7, 4)]
    graph = concatenate([graph_of(structure, ELEMENTS, model.cutoff) for structure in structures])
    together = model(graph.edge_vectors, graph.senders, graph.receivers, graph.slots, graph.species, graph.n_nodes)
    assert_same(together, torch.cat([atomic_energies(model, structure) for structure in structures]), 1e-12)
