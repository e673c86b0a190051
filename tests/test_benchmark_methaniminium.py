"""The second molecule: geometries to label, and what is kept of the labels."""

import numpy as np
import pytest
from ase import Atoms

from benchmarks.methaniminium import fit, parameters
from benchmarks.methaniminium.dataset import usable
from benchmarks.methaniminium.geometries import BOND, closest_hydrogens, distorted
from fusionmd.data.frame import Frame
from fusionmd.labels.methods import method_of
from fusionmd.structure import Structure

PLANAR = Atoms(
    "CNH4",
    [[0, 0, -0.66], [0, 0, 0.62], [0, 0.94, -1.2], [0, -0.94, -1.2], [0, 0.87, 1.14], [0, -0.87, 1.14]],
)


@pytest.mark.parametrize("seed", range(5))
def test_distorted_geometries_keep_their_other_bonds(seed):
    frame = distorted(PLANAR, np.random.default_rng(seed))
    for bond in ((0, 2), (0, 3), (1, 4), (1, 5)):
        assert frame.get_distance(*bond) == pytest.approx(PLANAR.get_distance(*bond), abs=1e-9)
    assert BOND[0] <= frame.get_distance(0, 1) <= BOND[1]
    assert PLANAR.get_distance(0, 1) == pytest.approx(1.28)


def test_closest_hydrogens():
    assert closest_hydrogens(PLANAR) == pytest.approx(1.74)


def labelled(energy=0.0, force=0.0):
    structure = Structure(PLANAR.numbers, PLANAR.positions)
    return Frame(structure, energy=np.array([energy, 9.0, 11.0]), forces=np.full((3, 6, 3), force))


def test_frames_that_no_trajectory_reaches_are_left_out():
    frames = [labelled(), labelled(force=-31.0), labelled(energy=12.5), labelled(energy=11.5)]
    assert [frames.index(one) for one in usable(frames)] == [0, 3]


def test_hydrogens_are_ordered_by_their_neighbour():
    places = np.array([[0, 0, 0], [1.3, 0, 0], [1.8, 0.9, 0], [-0.6, 0.9, 0], [1.8, -0.9, 0], [-0.6, -0.9, 0.0]])
    ordered = fit.by_neighbour(Structure([6, 7, 1, 1, 1, 1], places))
    assert ordered.positions[2:, 0].tolist() == [-0.6, -0.6, 1.8, 1.8]


def test_parameters_of_am1_change_nothing_and_every_scale_has_one(tmp_path):
    path = tmp_path / "am1.params"
    path.write_text(parameters.text_of(parameters.AM1, comment="AM1"))
    bare = tmp_path / "bare.params"
    bare.write_text("SITE 0 1 2 3\nSITE 1 0 4 5\nBOND 0 1\nFILTER 8.0 1.4\nEND\n")
    place = Structure([6, 7, 1, 1, 1, 1], PLANAR.positions + np.random.default_rng(0).normal(scale=0.05, size=(6, 3)))
    one, other = (method_of(fit.METHOD, charge=1, parameters=each).label(place, []).energies for each in (path, bare))
    assert one == pytest.approx(other, abs=1e-6)
    assert parameters.AM1.keys() == parameters.SCALES.keys()


def test_a_step_goes_down_a_quadratic_and_no_farther_than_a_scale():
    values = dict(parameters.AM1)
    jacobian = np.eye(len(values))
    near = fit.moved(values, jacobian, np.full(len(values), 0.5), 1e-9)
    far = fit.moved(values, jacobian, np.full(len(values), 50.0), 1e-9)
    for key, scale in parameters.SCALES.items():
        assert values[key] - near[key] == pytest.approx(0.5 * scale) and values[key] - far[key] == pytest.approx(scale)
