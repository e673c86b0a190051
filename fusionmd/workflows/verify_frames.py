"""Frames that a potential is verified on where the user gives none."""

from __future__ import annotations

import numpy as np

from fusionmd.potential import Potential
from fusionmd.potential.frames import default_frames, dense_frame
from fusionmd.structure import Structure

# Of the cell of a single atom, angstrom: a skewed one, smaller than any cutoff.
ONE_ATOM_CELL = np.array([[2.4, 0.0, 0.0], [0.3, 2.5, 0.0], [-0.2, 0.4, 2.6]])
MAX_DENSE_CUTOFF = 6.0  # angstrom; beyond it the dense frame would take the time


def trial_frames(potential: Potential) -> list[Structure]:
    """A cluster, a cell smaller than the cutoff, a lone atom, one atom in a cell, a dense periodic frame."""
    elements, cutoff = potential.elements, potential.cutoff
    lone = Structure([elements[-1]], [[0.1, 0.2, 0.3]], ONE_ATOM_CELL, True)
    return [*default_frames(elements, cutoff), lone, dense_frame(elements, min(cutoff, MAX_DENSE_CUTOFF))]
