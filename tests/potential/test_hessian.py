"""Second derivatives of a potential that was exported and loaded again."""

import numpy as np
import pytest

from fusionmd.errors import MissingQuantityError, UnsupportedStructureError
from fusionmd.structure import Structure


def differences(potential, structure, state, step=1e-4):
    """Hessian [3n, 3n] from central differences of forces."""
    n = 3 * structure.n_atoms
    moves = step * np.concatenate([np.eye(n), -np.eye(n)]).reshape(-1, structure.n_atoms, 3)
    frames = [structure.with_positions(structure.positions + move) for move in moves]
    forces = np.array([r.forces[0].reshape(-1) for r in potential.evaluate(frames, states=state)])
    return -(forces[:n] - forces[n:]) / (2 * step)


@pytest.mark.parametrize("which", ["molecule", "crystal"])
@pytest.mark.parametrize("state", [0, 1])
def test_hessian_against_differences(two_hop, which, state, request):
    structure = request.getfixturevalue(which)
    structure = Structure(structure.numbers[:6], structure.positions[:6], structure.cell, structure.pbc)
    hessian = two_hop.hessian(structure, state=state)
    np.testing.assert_allclose(hessian, differences(two_hop, structure, state), atol=1e-7)
    assert np.abs(hessian).max() > 1e-2


def test_hessian_does_not_depend_on_memory(two_hop, molecule):
    np.testing.assert_allclose(two_hop.hessian(molecule, memory_GB=1e-6), two_hop.hessian(molecule), atol=1e-12)


def test_products_are_the_hessian_times_vectors(two_hop, molecule):
    vectors = np.random.default_rng(0).normal(size=(2, 3, molecule.n_atoms, 3))
    products = two_hop.hessian_vector_product(molecule, vectors)
    expected = vectors.reshape(6, -1) @ two_hop.hessian(molecule)
    np.testing.assert_allclose(products.reshape(6, -1), expected, atol=1e-11)


def test_repeated_calls_agree(two_hop, molecule):
    """TorchScript optimises after the first calls; double backward must survive it."""
    first = two_hop.hessian(molecule)
    for _ in range(4):
        np.testing.assert_allclose(two_hop.hessian(molecule), first, atol=1e-12)


def test_committee_hessian_is_the_mean(committee, molecule):
    small = Structure(molecule.numbers[:4], molecule.positions[:4])
    np.testing.assert_allclose(committee.hessian(small), differences(committee, small, 0, 1e-2), atol=5e-3)


def test_lone_atom_has_no_curvature(two_hop):
    assert not two_hop.hessian(Structure([6], [[0, 0, 0]])).any()


def test_wrong_shape_and_state(two_hop, molecule):
    with pytest.raises(UnsupportedStructureError, match=r"give \[..., 8, 3\]"):
        two_hop.hessian_vector_product(molecule, np.zeros((7, 3)))
    with pytest.raises(MissingQuantityError, match="states 0..1"):
        two_hop.hessian(molecule, state=2)
