"""Descents in internal coordinates: to where algebra says, with held coordinates, away from saddles, silently."""

import sys

import numpy as np
import pytest

from fusionmd.errors import ConfigError
from fusionmd.namd.descent import NO_ENERGY, Hold, InternalDescent
from fusionmd.namd.geometry import angle, distance
from fusionmd.namd.landmarks import checked_minimum, minimum
from fusionmd.namd.protocol import Electronic

WATER = np.array([8, 1, 1])
LENGTHS = {(0, 1): 1.8, (0, 2): 1.9, (1, 2): 3.0}  # bohr
LINEAR = np.array([[0.0, 0, 0], [1.7, 0, 0], [-1.7, 0, 0]]).ravel()
BENT = np.array([[0.0, 0, 0], [1.7, 0.2, 0], [-0.6, 1.6, 0]]).ravel()


class Springs:
    """E = sum over pairs (r - r0)^2 / 2, Hartree and bohr: in the second state all pairs are longer by 0.1."""

    n_states, n_dof, name, has_couplings, has_diabatic = 2, 9, "springs", False, False
    masses = np.repeat([29000.0, 1800.0, 1800.0], 3)
    fails_beyond = np.inf

    def evaluate(self, positions, asked, *, with_couplings=False):
        energies, gradients = np.zeros((len(positions), 2)), np.zeros((len(positions), 2, 9))
        for row, place in enumerate(positions):
            points = place.reshape(3, 3)
            for (i, j), length in LENGTHS.items():
                apart = points[j] - points[i]
                stretch = np.linalg.norm(apart) - length - 0.1 * np.arange(2)
                energies[row] += stretch**2 / 2
                slope = stretch[:, None] * apart / np.linalg.norm(apart)
                gradients[row, :, 3 * j : 3 * j + 3] += slope
                gradients[row, :, 3 * i : 3 * i + 3] -= slope
            if distance(points, (0, 1)) > self.fails_beyond:
                energies[row] = np.nan
        return Electronic(energies, gradients)


@pytest.mark.parametrize("state", [0, 1])
def test_every_spring_is_relaxed_at_the_minimum(state, capfd):
    found = minimum(Springs(), BENT, state, InternalDescent(WATER), gradient=1e-5, max_evaluations=100)
    points = found.positions.reshape(3, 3)
    assert found.is_converged and found.reason == "" and found.n_evaluations < 30
    for pair, length in LENGTHS.items():
        assert distance(points, pair) == pytest.approx(length + 0.1 * state, abs=1e-4)
    assert capfd.readouterr() == ("", "")


def test_a_saddle_is_counted_and_left():
    # The two bends of the line lower H-H, which is too long there.
    saddle = minimum(Springs(), LINEAR, 0, InternalDescent(WATER), gradient=1e-5, max_evaluations=100)
    assert saddle.is_converged and saddle.n_imaginary is None and saddle.energies[0] > 0.08
    found = checked_minimum(Springs(), LINEAR, 0, InternalDescent(WATER), gradient=1e-5, max_evaluations=100)
    assert found.is_converged and found.n_imaginary == 0 and found.energies[0] < 1e-8
    assert found.n_evaluations > 2 * 2 * 9


def test_a_held_angle_stays_and_only_the_rest_of_the_gradient_vanishes():
    descent = InternalDescent(WATER, (Hold("angle", (1, 0, 2), 150.0),))
    found = minimum(Springs(), BENT, 0, descent, gradient=1e-5, max_evaluations=100)
    points = found.positions.reshape(3, 3)
    gradient = Springs().evaluate(found.positions[None], None).gradients[0, 0]
    assert found.is_converged and float(angle(points, (1, 0, 2))) == pytest.approx(150.0, abs=1e-3)
    assert np.abs(gradient).max() > 0.05 > 1e-5 >= np.abs(descent.free(found.positions, gradient)).max()


def test_a_descent_that_cannot_go_on_gives_the_lowest_point_and_the_reason():
    short = minimum(Springs(), BENT, 0, InternalDescent(WATER), gradient=1e-5, max_evaluations=2)
    assert not short.is_converged and short.reason == "too many evaluations" and short.n_evaluations <= 3
    surfaces = Springs()
    surfaces.fails_beyond = 1.75
    failed = minimum(surfaces, BENT, 0, InternalDescent(WATER), gradient=1e-5, max_evaluations=50)
    assert not failed.is_converged and failed.reason == NO_ENERGY and np.isfinite(failed.energies).all()
    surfaces.fails_beyond = 0.0
    nowhere = minimum(surfaces, BENT, 0, InternalDescent(WATER), gradient=1e-5, max_evaluations=50)
    assert not nowhere.is_converged and np.array_equal(nowhere.positions, BENT)


def test_what_geometric_refuses_is_a_reason():
    alone = minimum(Springs(), BENT, 0, InternalDescent(np.array([8])), gradient=1e-5, max_evaluations=5)
    assert not alone.is_converged and alone.reason.startswith("geomeTRIC")


def test_without_geometric_the_way_out_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "geometric", None)
    with pytest.raises(ConfigError, match="pip install"):
        minimum(Springs(), BENT, 0, InternalDescent(WATER), gradient=1e-5, max_evaluations=5)
