"""Internal coordinates of many geometries at once: distances, angles, dihedrals, and what is made of them."""

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
    return np.abs(signed_dihedral(points, atoms))


def signed_dihedral(points: Array, atoms: Sequence[int]) -> Array:
    """i-j-k-l about the middle bond, degrees, -180 to 180; positive where l is turned clockwise, seen along j-k."""
    i, j, k, l = atoms
    first, axis, last = (points[..., b, :] - points[..., a, :] for a, b in ((i, j), (j, k), (k, l)))
    one, other = np.cross(first, axis), np.cross(axis, last)
    sine = (np.cross(one, other) * axis).sum(axis=-1) / np.linalg.norm(axis, axis=-1)
    return np.degrees(np.arctan2(sine, (one * other).sum(axis=-1)))


def pyramidalisation(points: Array, atoms: Sequence[int]) -> Array:
    """Of a centre j with bonds to i, k, l: angle between bond j-i and the plane j-k-l, degrees, 0 (planar) to 90."""
    i, j, k, l = atoms
    bond, one, other = (points[..., a, :] - points[..., j, :] for a in (i, k, l))
    normal = np.cross(one, other)
    sine = np.abs((bond * normal).sum(axis=-1))
    return np.degrees(np.arctan2(sine, np.linalg.norm(np.cross(bond, normal), axis=-1)))


def least_distance(points: Array, pairs: Sequence[Sequence[int]]) -> Array:
    """The smallest of several distances."""
    return np.asarray(np.min([distance(points, pair) for pair in pairs], axis=0))


def alternation(points: Array, pairs: Sequence[Sequence[int]]) -> Array:
    """Bond length alternation: mean length of the other bonds, less that of the first."""
    first, *others = (distance(points, pair) for pair in pairs)
    return np.asarray(np.mean(others, axis=0) - first)
