"""Internal coordinates of many geometries at once: distances, angles, dihedrals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusionmd.namd.protocol import Array


def distance(points: Array, atoms: Sequence[int]) -> Array:
    """Between two atoms; points [..., n_atoms, 3], any length."""
    i, j = atoms
    return np.asarray(np.linalg.norm(points[..., j, :] - points[..., i, :], axis=-1))


def angle(points: Array, atoms: Sequence[int]) -> Array:
    """i-j-k at the middle atom, degrees, 0 to 180."""
    i, j, k = atoms
    one, other = points[..., i, :] - points[..., j, :], points[..., k, :] - points[..., j, :]
    sine = np.linalg.norm(np.cross(one, other), axis=-1)
    return np.degrees(np.arctan2(sine, (one * other).sum(axis=-1)))


def dihedral(points: Array, atoms: Sequence[int]) -> Array:
    """i-j-k-l about the middle bond, degrees, 0 (cis) to 180 (trans): its size."""
    i, j, k, l = atoms
    first, axis, last = (points[..., b, :] - points[..., a, :] for a, b in ((i, j), (j, k), (k, l)))
    one, other = np.cross(first, axis), np.cross(axis, last)
    sine = (np.cross(one, other) * axis).sum(axis=-1) / np.linalg.norm(axis, axis=-1)
    return np.degrees(np.abs(np.arctan2(sine, (one * other).sum(axis=-1))))
