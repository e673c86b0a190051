"""Masses of the degrees of freedom of a molecule."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase.data import atomic_masses

from fusionmd.errors import UnsupportedStructureError
from fusionmd.namd.protocol import Array
from fusionmd.units import ELECTRON_MASS_PER_AMU


def dof_masses(numbers: Any, masses_amu: Any = None) -> Array:
    """Three equal ones an atom [3 n_atoms], electron masses; standard atomic weights where `masses_amu` is None.

    UnsupportedStructureError unless there is one positive mass for every atom.
    """
    weights = atomic_masses[numbers] if masses_amu is None else np.asarray(masses_amu, dtype=np.float64)
    if weights.shape != (len(numbers),) or not (weights > 0).all():
        raise UnsupportedStructureError(f"wanted {len(numbers)} positive masses, amu, got {weights.tolist()}")
    return np.repeat(weights * ELECTRON_MASS_PER_AMU, 3)
