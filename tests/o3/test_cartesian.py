from itertools import product

import numpy as np
import pytest
import torch

from fusionmd.errors import IrrepsError
from fusionmd.o3 import (
    SphericalHarmonics,
    cartesian_basis,
    cartesian_coupling,
    cartesian_product,
    clebsch_gordan,
    random_rotation,
    to_cartesian,
    to_spherical,
    wigner_d,
)

TRIPLES = [(l1, l2, l3) for l1, l2 in product(range(4), repeat=2) for l3 in range(abs(l1 - l2), l1 + l2 + 1)]


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.mark.parametrize("l", range(6))
def test_basis_is_orthonormal_symmetric_and_traceless(l):
    basis = cartesian_basis(l)
    assert basis.shape == (3**l, 2 * l + 1)
    np.testing.assert_allclose(basis.T @ basis, np.eye(2 * l + 1), atol=1e-13)
    tensors = basis.reshape((3,) * l + (-1,))
    for axis in range(l - 1):
        np.testing.assert_allclose(tensors, tensors.swapaxes(axis, axis + 1), atol=1e-14)
    if l > 1:
        np.testing.assert_allclose(np.trace(tensors), 0, atol=1e-14)


@pytest.mark.parametrize("l", range(6))
def test_round_trip_keeps_scalar_products(l, rng):
    x, y = rng.normal(size=(2, 4, 2 * l + 1))
    np.testing.assert_allclose(to_spherical(to_cartesian(x)), x, atol=1e-13)
    np.testing.assert_allclose(np.sum(to_cartesian(x) * to_cartesian(y), -1), np.sum(x * y, -1), atol=1e-13)


def test_to_spherical_takes_the_symmetric_traceless_part(rng):
    tensor = rng.normal(size=(3, 3))
    expected = (tensor + tensor.T) / 2 - np.trace(tensor) / 3 * np.eye(3)
    np.testing.assert_allclose(to_cartesian(to_spherical(tensor.ravel())).reshape(3, 3), expected, atol=1e-14)


@pytest.mark.parametrize("l", range(1, 5))
def test_components_turn_as_tensor_indices_do(l, rng):
    rotation, x = random_rotation(rng), rng.normal(size=2 * l + 1)
    tensor = to_cartesian(x).reshape((3,) * l)
    for axis in range(l):
        tensor = np.moveaxis(np.tensordot(rotation, tensor, (1, axis)), 0, axis)
    np.testing.assert_allclose(to_cartesian(wigner_d(l, rotation) @ x), tensor.ravel(), atol=1e-13)


@pytest.mark.parametrize("l", range(6))
def test_powers_of_the_direction_are_the_spherical_harmonics(l, rng):
    """Y_l = N Q_l^T u^l with N^2 = (2l+1) (2l-1)!! / l!."""
    vectors = rng.normal(size=(10, 3))
    u = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    power = np.ones((10, 1))
    for _ in range(l):
        power = (power[:, :, None] * u[:, None, :]).reshape(10, -1)
    norm = np.sqrt((2 * l + 1) * np.prod(np.arange(2 * l - 1, 0, -2, dtype=float)) / np.prod(np.arange(1.0, l + 1)))
    harmonics = SphericalHarmonics(l)(torch.from_numpy(vectors))[:, l * l :].numpy()
    np.testing.assert_allclose(norm * to_spherical(power), harmonics, atol=1e-13)


@pytest.mark.parametrize("triple", TRIPLES, ids=str)
def test_product_by_contraction_is_the_clebsch_gordan_product(triple, rng):
    l1, l2, l3 = triple
    x, y = rng.normal(size=(5, 2 * l1 + 1)), rng.normal(size=(5, 2 * l2 + 1))
    expected = np.einsum("na,nb,abc->nc", x, y, clebsch_gordan(*triple))
    result = cartesian_product(to_cartesian(x), to_cartesian(y), *triple)
    np.testing.assert_allclose(to_spherical(result), expected, atol=1e-13)
    np.testing.assert_allclose(result, to_cartesian(expected), atol=1e-13)


@pytest.mark.parametrize("triple", [(1, 1, 1), (2, 1, 1), (2, 2, 3), (2, 2, 2), (0, 2, 2)], ids=str)
def test_dense_coupling_is_the_product(triple, rng):
    x, y = (to_cartesian(rng.normal(size=(5, 2 * l + 1))) for l in triple[:2])
    dense = np.einsum("na,nb,abc->nc", x, y, cartesian_coupling(*triple))
    np.testing.assert_allclose(dense, cartesian_product(x, y, *triple), atol=1e-13)


def test_low_products_are_those_of_vectors_and_matrices(rng):
    a, b = rng.normal(size=(2, 3))
    np.testing.assert_allclose(cartesian_product(a, b, 1, 1, 1), np.cross(a, b) / np.sqrt(2), atol=1e-14)
    np.testing.assert_allclose(cartesian_product(a, b, 1, 1, 0), [-a @ b / np.sqrt(3)], atol=1e-14)
    symmetric = (np.outer(a, b) + np.outer(b, a)) / 2 - a @ b / 3 * np.eye(3)
    np.testing.assert_allclose(cartesian_product(a, b, 1, 1, 2), symmetric.ravel(), atol=1e-14)


def test_leading_axes_broadcast(rng):
    x, y = to_cartesian(rng.normal(size=(4, 1, 5))), to_cartesian(rng.normal(size=(6, 3)))
    for l3 in (1, 2, 3):
        table = cartesian_product(x, y, 2, 1, l3)
        assert table.shape == (4, 6, 3**l3)
        np.testing.assert_allclose(table[2, 5], cartesian_product(x[2, 0], y[5], 2, 1, l3), atol=1e-14)


def test_bad_sizes_are_refused():
    with pytest.raises(IrrepsError, match="got 4 components"):
        to_spherical(np.zeros((2, 4)))
    with pytest.raises(IrrepsError, match="got 4 components"):
        to_cartesian(np.zeros((2, 4)))
    with pytest.raises(IrrepsError, match="is needed"):
        cartesian_product(np.zeros(3), np.zeros(3), 1, 1, 3)
    with pytest.raises(IrrepsError):
        cartesian_product(np.zeros(9), np.zeros(3), 1, 1, 2)
