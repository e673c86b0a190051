"""Walls: energy, gradient, files that name them."""

import numpy as np
import pytest

from fusionmd.errors import LabelError
from fusionmd.labels.methods import method_of
from fusionmd.labels.parameters import read_parameters
from fusionmd.labels.walls import Wall
from fusionmd.structure import Structure

STEP = 1e-5
WALL = Wall(2, 0, 1.0, 1.8, 2.5)


def at(distance):
    """Three atoms; 0 and 2 so far apart."""
    return np.array([[0.1, 0.2, 0.3], [5.0, 0, 0], [0.1 + distance * 0.6, 0.2 + distance * 0.8, 0.3]])


def test_it_is_nothing_beyond_and_its_height_within():
    for distance, energy in ((3.0, 0.0), (1.8, 0.0), (1.4, 1.25), (1.0, 2.5), (0.3, 2.5)):
        assert WALL.evaluate(at(distance))[0] == pytest.approx(energy, abs=1e-12)
    assert not WALL.evaluate(at(1.9))[1].any()


@pytest.mark.parametrize("distance", [0.0, 0.7, 1.05, 1.4, 1.79, 1.9])
def test_the_gradient_is_that_of_the_energy(distance):
    positions, found = at(distance), WALL.evaluate(at(distance))[1]
    for place in np.ndindex(3, 3):
        ahead, behind = positions.copy(), positions.copy()
        ahead[place] += STEP
        behind[place] -= STEP
        slope = (WALL.evaluate(ahead)[0] - WALL.evaluate(behind)[0]) / (2 * STEP)
        assert found[place] == pytest.approx(slope, abs=1e-8)


def test_the_force_is_smooth_at_both_ends():
    for edge in (WALL.near, WALL.far):
        inner, outer = (WALL.evaluate(at(edge + side * 1e-4))[1] for side in (-1, 1))
        assert np.abs(inner - outer).max() < 1e-5


def test_a_file_with_a_wall_shifts_all_states_alike(tmp_path):
    path = tmp_path / "ethylene.params"
    path.write_text("WALL 2 1 1.0 2.5 2.0\nEND\n")
    places = np.array([[0, 0, 0], [1.34, 0, 0], [-0.2, 0.95, 0], [-0.55, -0.93, 0], [1.9, 0.93, 0], [1.9, -0.93, 0]])
    ethylene = Structure(np.array([6, 6, 1, 1, 1, 1]), places)
    plain = method_of("mopac-am1-ci22").label(ethylene, [0])
    walled = method_of("mopac-am1-ci22", parameters=path).label(ethylene, [0])
    energy, gradient = Wall(2, 1, 1.0, 2.5, 2.0).evaluate(places)
    assert energy > 0.05
    assert walled.energies - plain.energies == pytest.approx(energy, abs=1e-6)
    assert walled.forces[0] - plain.forces[0] == pytest.approx(-gradient, abs=1e-6)


@pytest.mark.parametrize(
    ("line", "said"),
    [("WALL 2 1 1.0 1.8", "no parameter"), ("WALL 2 2 1.0 1.8 2", "is none"), ("WALL 2 1 1.8 1.0 2", "is none")],
)
def test_wrong_lines_are_named(tmp_path, line, said):
    path = tmp_path / "bad.params"
    path.write_text(f"{line}\nEND\n")
    with pytest.raises(LabelError, match=said):
        read_parameters(path)


def test_the_shipped_level_of_stilbene_has_them():
    assert sum(isinstance(term, Wall) for term in method_of("mopac-am1-ci22+stilbene").parameters.terms) == 2
