import numpy as np
import pytest
import torch

from fusionmd.errors import IrrepsError
from fusionmd.o3 import Irreps, SphericalHarmonics, random_rotation, representation, wigner_d


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.mark.parametrize("l", [0, 1, 2, 3, 6, 10])
def test_rotates_spherical_harmonics(l, rng):
    rotation, vectors = random_rotation(rng), rng.normal(size=(20, 3))
    harmonics = SphericalHarmonics(l)
    before, after = (harmonics(torch.from_numpy(v))[:, l * l :].numpy() for v in (vectors, vectors @ rotation.T))
    np.testing.assert_allclose(after, before @ wigner_d(l, rotation).T, atol=1e-12)


@pytest.mark.parametrize("l", [1, 2, 5, 12])
def test_is_an_orthogonal_representation(l, rng):
    first, second = random_rotation(rng), random_rotation(rng)
    d = wigner_d(l, first)
    np.testing.assert_allclose(d @ d.T, np.eye(2 * l + 1), atol=1e-12)
    np.testing.assert_allclose(wigner_d(l, first @ second), d @ wigner_d(l, second), atol=1e-12)
    assert np.linalg.det(d) == pytest.approx(1.0)


@pytest.mark.parametrize("l", range(7))
def test_trace_is_the_character(l):
    """chi_l(theta) = sin((l + 1/2) theta) / sin(theta / 2)."""
    theta = 0.7
    turn = np.array([[np.cos(theta), -np.sin(theta), 0], [np.sin(theta), np.cos(theta), 0], [0, 0, 1]])
    character = np.sin((l + 0.5) * theta) / np.sin(theta / 2)
    assert np.trace(wigner_d(l, turn)) == pytest.approx(character, abs=1e-13)


def test_against_e3nn(rng):
    o3 = pytest.importorskip("e3nn.o3")
    rotation = random_rotation(rng)
    yzx = [1, 2, 0]
    theirs = o3.Irreps("0e+1o+2e+3o+4e").D_from_matrix(torch.from_numpy(rotation[np.ix_(yzx, yzx)]))
    np.testing.assert_allclose(representation("0e + 1o + 2e + 3o + 4e", rotation), theirs, atol=1e-6)


def test_parity_and_layout(rng):
    """Inversion acts as the parity; channels come last within a block."""
    irreps = Irreps("2x0o + 3x1e + 1o")
    inversion = np.diag([-1.0] * 2 + [1.0] * 9 + [-1.0] * 3)
    np.testing.assert_allclose(representation(irreps, -np.eye(3)), inversion, atol=1e-15)
    matrix, x = random_rotation(rng, is_improper=True), rng.normal(size=(3, 4))
    moved = (representation("4x1e", matrix) @ x.ravel()).reshape(3, 4)
    np.testing.assert_allclose(moved, wigner_d(1, -matrix) @ x, atol=1e-14)


def test_random_rotations_are_uniform():
    rng = np.random.default_rng(0)
    matrices = np.array([random_rotation(rng) for _ in range(4000)])
    np.testing.assert_allclose(np.linalg.det(matrices), 1.0)
    np.testing.assert_allclose(matrices @ matrices.transpose(0, 2, 1), np.tile(np.eye(3), (4000, 1, 1)), atol=1e-14)
    traces = np.trace(matrices, axis1=1, axis2=2)  # <chi_1> = 0 and <chi_1^2> = 1 for the Haar measure
    assert abs(traces.mean()) < 0.06
    assert abs((traces**2).mean() - 1) < 0.1


def test_bad_matrices_are_refused():
    with pytest.raises(IrrepsError, match="improper"):
        wigner_d(1, -np.eye(3))
    with pytest.raises(IrrepsError, match="rotation matrix"):
        wigner_d(1, 2 * np.eye(3))
    with pytest.raises(IrrepsError, match="rotation matrix"):
        representation("1o", np.eye(2))
    with pytest.raises(IrrepsError, match="l = -1"):
        wigner_d(-1, np.eye(3))
