"""Structures: what is accepted, what is refused and with which words."""

import numpy as np
import pytest
from ase.build import bulk, molecule

from fusionmd.errors import UnsupportedStructureError
from fusionmd.structure import Structure, axis_heights, completed_cell

CELL = [[3.0, 0, 0], [1.0, 4.0, 0], [0.5, 0.3, 5.0]]

BAD = {
    "no atoms": (([], np.zeros((0, 3))), "has no atoms"),
    "lengths": (([1, 1], [[0, 0, 0]]), r"2 atomic numbers but positions of shape \(1, 3\)"),
    "not three": (([1], [[0, 0]]), "positions of shape"),
    "nan": (([1, 1], [[0, 0, 0], [0, np.nan, 0]]), r"positions of atoms \[1\] are NaN"),
    "dummy element": (([0], [[0, 0, 0]]), r"integers 1..118, got \[0\]"),
    "fractional number": (([1.5], [[0, 0, 0]]), "integers 1..118"),
    "text": ((["H"], [[0, 0, 0]]), "integers 1..118"),
    "ragged": (([1], [[0, 0, 0], [1]]), "not an array of numbers"),
    "cell shape": (([1], [[0, 0, 0]], [1, 1, 1]), r"give three row vectors"),
    "nan cell": (([1], [[0, 0, 0]], np.full((3, 3), np.nan)), "cell holds NaN"),
    "no cell": (([1], [[0, 0, 0]], None, True), "periodic axis 0 has height 0"),
    "flat cell": (([1], [[0, 0, 0]], [[1, 0, 0], [0, 1, 0], [1, 1, 0]], True), "has height 0"),
    "flat along one axis": (([1], [[0, 0, 0]], [[1, 0, 0], [0, 0, 0], [0, 0, 1]], (True, True, False)), "axis 1"),
    "pbc": (([1], [[0, 0, 0]], CELL, (True, False)), "one bool or three"),
}


@pytest.mark.parametrize("arguments, message", BAD.values(), ids=BAD)
def test_refused(arguments, message):
    with pytest.raises(UnsupportedStructureError, match=message):
        Structure(*arguments)


def test_one_atom_and_slab_are_fine():
    assert len(Structure([6], [[0, 0, 0]])) == 1
    slab = Structure([6], [[0, 0, 0]], [[2, 0, 0], [0, 2, 0], [0, 0, 0]], (True, True, False))
    assert slab.is_periodic and slab.volume == 0.0


def test_arrays_are_copies_and_read_only():
    positions = np.zeros((1, 3))
    structure = Structure([1], positions)
    positions[0, 0] = 9.0
    assert structure.positions[0, 0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        structure.positions[0, 0] = 1.0


@pytest.mark.parametrize("atoms", [molecule("CH3OH"), bulk("NaCl", "rocksalt", a=5.6)], ids=["molecule", "crystal"])
def test_ase_and_back(atoms):
    back = Structure.from_ase(atoms).to_ase()
    assert (back.numbers == atoms.numbers).all() and (back.pbc == atoms.pbc).all()
    assert np.array_equal(back.positions, atoms.positions) and np.array_equal(back.cell.array, atoms.cell.array)


def test_volume_is_zero_without_periodicity():
    assert Structure([1], [[0, 0, 0]], CELL).volume == 0.0
    assert Structure([1], [[0, 0, 0]], CELL, True).volume == pytest.approx(60.0)


def test_heights_are_distances_of_planes():
    heights = axis_heights(np.array(CELL), (True, True, True))
    assert heights == pytest.approx(1.0 / np.linalg.norm(np.linalg.inv(CELL), axis=0))
    assert np.isinf(axis_heights(np.array(CELL), (True, False, True))[1])


@pytest.mark.parametrize("pbc", [(True, False, True), (False, False, True), (False, False, False)])
def test_completed_cell_is_orthogonal_to_the_periodic_part(pbc):
    full, periodic = completed_cell(np.array(CELL), pbc), np.array(pbc)
    added = full[~periodic]
    assert np.array_equal(full[periodic], np.array(CELL)[periodic])
    assert added @ added.T == pytest.approx(np.eye(len(added)))
    assert added @ full[periodic].T == pytest.approx(np.zeros((len(added), periodic.sum())), abs=1e-12)


def test_strain_moves_atoms_and_cell_alike():
    structure = Structure([1, 2], [[0, 0, 0], [1, 2, 3]], CELL, True)
    strain = np.array([[0.1, 0.2, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, -0.1]])
    strained = structure.strained(strain)
    before = structure.positions @ np.linalg.inv(structure.cell)
    assert strained.positions @ np.linalg.inv(strained.cell) == pytest.approx(before)
    assert strained.cell[0] == pytest.approx([3.3, 0.6, 0.0])
