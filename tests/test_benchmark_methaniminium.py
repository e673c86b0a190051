"""The second molecule: geometries to label, and what is kept of the labels."""

import numpy as np
import pytest
from ase import Atoms

from benchmarks.methaniminium.dataset import usable
from benchmarks.methaniminium.geometries import BOND, closest_hydrogens, distorted
from fusionmd.data.frame import Frame
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
