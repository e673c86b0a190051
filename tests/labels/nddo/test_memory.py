"""Starts of the field from the geometries before: how near they come, and what is forgotten."""

import numpy as np
import pytest

from fusionmd.labels.nddo.elements import AM1
from fusionmd.labels.nddo.memory import Memory, combination
from fusionmd.labels.nddo.molecule import Molecule

WATER, AMMONIA = Molecule(np.array([8, 1, 1]), AM1), Molecule(np.array([7, 1, 1, 1]), AM1)


def path(t):
    """A vibration of water, bohr, sampled far below its period."""
    phases = np.arange(9.0).reshape(3, 3)
    return 2.0 * phases + 0.3 * np.sin(0.05 * t * np.pi + phases)


def fock(t):
    """Smooth in the geometry."""
    x = path(t).ravel()[:6]
    return np.outer(np.cos(x), np.cos(x))


def test_the_start_is_extrapolated_along_a_trajectory_in_whatever_order():
    def error(kept):
        memory = Memory()
        for t in kept:
            memory.add(WATER, path(t), fock(t))
        return np.abs(memory.start(WATER, path(5)) - fock(5)).max()

    assert error([4]) == pytest.approx(np.abs(fock(4) - fock(5)).max())
    assert error([3, 4]) < 0.3 * error([4]) and error([2, 3, 4]) < 0.05 * error([4])
    assert error([2, 3, 4]) == pytest.approx(error([4, 2, 3]), rel=1e-6)


def test_geometries_far_away_and_other_molecules_are_not_used():
    memory = Memory()
    memory.add(WATER, path(0), fock(0))
    assert memory.start(WATER, path(0) + 0.31) is None
    assert memory.start(AMMONIA, np.vstack([path(0), np.ones(3)])) is None
    assert np.allclose(memory.start(WATER, path(0) + 0.29), fock(0))


def test_weights_sum_to_one_and_stay_small_where_geometries_are_equal():
    for offsets in (np.zeros((3, 9)), np.ones((4, 9)), np.array([[1.0, 0.0], [1.0, 1e-9]])):
        weights = combination(offsets)
        assert weights.sum() == pytest.approx(1.0) and np.abs(weights).max() < 2
