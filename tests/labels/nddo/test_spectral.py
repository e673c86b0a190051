"""Derivatives of functions of matrices, where eigenvalues are apart and where they meet."""

import numpy as np
import pytest

from fusionmd.labels.nddo.spectral import Spectral, gaussian_differences, highest_differences

STEP = 1e-5


def gauss(x):
    return np.exp(-(x**2) / (2 * 0.08**2))


def test_divided_differences():
    x = np.array([-0.4, -0.05, 0.0999, 0.1, 0.1003, 0.2, 0.21, 0.9])
    found = gaussian_differences(x, 0.08)
    apart = x[:, None] - x
    wanted = np.where(apart, (gauss(x)[:, None] - gauss(x)) / np.where(apart, apart, 1.0), 0.0)
    np.fill_diagonal(wanted, (gauss(x + STEP) - gauss(x - STEP)) / (2 * STEP))
    assert found == pytest.approx(wanted, abs=1e-6)
    assert found == pytest.approx(found.T)


def apply(matrix, function):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * function(values)) @ vectors.T


def test_slopes_stay_right_where_eigenvalues_meet():
    rng = np.random.default_rng(0)
    vectors = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    values = np.array([-0.1, 0.05, 0.05, 0.051, 0.4])
    matrix = (vectors * values) @ vectors.T
    weights, way = rng.normal(size=(5, 5)), rng.normal(size=(5, 5))
    way = way + way.T
    found = Spectral(vectors, gauss(values), gaussian_differences(values, 0.08))
    assert found.value == pytest.approx(apply(matrix, gauss))
    ahead, behind = (np.sum(weights * apply(matrix + k * STEP * way, gauss)) for k in (1, -1))
    assert np.sum(found.backward(weights) * way) == pytest.approx((ahead - behind) / (2 * STEP), rel=1e-5)


def test_projectors_turn_with_the_matrix():
    rng = np.random.default_rng(1)
    matrix, way, weights = (rng.normal(size=(6, 6)) for _ in range(3))
    matrix, way = matrix + matrix.T, way + way.T

    def highest(x):
        return apply(x, lambda values: np.where(np.arange(6) < 4, 0.0, 1.0))

    values, vectors = np.linalg.eigh(matrix)
    found = Spectral(vectors, np.where(np.arange(6) < 4, 0.0, 1.0), highest_differences(values, 2))
    slope = (np.sum(weights * highest(matrix + STEP * way)) - np.sum(weights * highest(matrix - STEP * way))) / (
        2 * STEP
    )
    assert np.sum(found.backward(weights) * way) == pytest.approx(slope, rel=1e-5)
