"""Geometries in which a bond is broken, where these are not wanted: named, and not calculated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase.data import covalent_radii

from fusionmd.elements import symbol
from fusionmd.errors import LabelError
from fusionmd.labels.protocol import Array
from fusionmd.structure import Structure

BONDED = 1.3  # times the sum of covalent radii: shorter pairs are bonds


def broken_bonds(structures: Sequence[Structure], factor: float) -> dict[int, str]:
    """By frame, the longest of the bonds of the first frame that exceeds `factor` times its sum of covalent radii."""
    if factor <= BONDED:
        raise LabelError(f"bond factor is {factor:g}; pairs closer than {BONDED:g} sums of radii are bonds: give more")
    first, radii = structures[0], _sums(structures[0])
    is_bond = np.triu(_distances(first) < BONDED * radii, 1)
    found = {}
    for frame, structure in enumerate(structures):
        if not np.array_equal(structure.numbers, first.numbers):
            raise LabelError(
                f"frame {frame} has other atoms than frame 0, whose bonds are to be kept; drop bond factor"
            )
        excess = np.where(is_bond, _distances(structure) / radii, 0.0)
        a, b = np.unravel_index(int(excess.argmax()), excess.shape)
        if not excess[a, b] <= factor:
            found[frame] = (
                f"the bond of {_atom(structure, a)} and {_atom(structure, b)} is broken: {excess[a, b]:.2f} times the "
                f"sum of covalent radii, {factor:g} are allowed"
            )
    return found


def _distances(structure: Structure) -> Array:
    places = structure.positions
    return np.asarray(np.linalg.norm(places[:, None] - places[None], axis=-1))


def _sums(structure: Structure) -> Array:
    radii = covalent_radii[structure.numbers]
    return np.asarray(radii[:, None] + radii[None])


def _atom(structure: Structure, index: np.intp) -> str:
    return f"{symbol(int(structure.numbers[index]))} {int(index)}"
