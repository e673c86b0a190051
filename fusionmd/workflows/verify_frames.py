"""Frames that a potential is verified on where the user gives none."""

from __future__ import annotations

import numpy as np

from fusionmd.potential import Potential
from fusionmd.potential.archive import SELF_TEST, unpack
from fusionmd.potential.frames import default_frames, dense_frame
from fusionmd.potential.selftest import SelfTest
from fusionmd.structure import Structure

# Of the cell of a single atom, angstrom: a skewed one, smaller than any cutoff.
ONE_ATOM_CELL = np.array([[2.4, 0.0, 0.0], [0.3, 2.5, 0.0], [-0.2, 0.4, 2.6]])
MAX_DENSE_CUTOFF = 6.0  # angstrom; beyond it the dense frame would take the time


def trial_frames(potential: Potential) -> list[Structure]:
    """Those of the self-test: frames like the training data where the file has some, then invented ones.

    After them a lone atom in a cell and a dense periodic frame.
    """
    elements, cutoff = potential.elements, potential.cutoff
    own = SelfTest.from_npz(unpack(potential.content)[SELF_TEST]).frames if potential.content else ()
    lone = Structure([elements[-1]], [[0.1, 0.2, 0.3]], ONE_ATOM_CELL, True)
    dense = dense_frame(elements, min(cutoff, MAX_DENSE_CUTOFF))
    return [*(own or default_frames(elements, cutoff)), lone, dense]
