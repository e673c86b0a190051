"""Internal coordinates as a tree (Z-matrix), and straight lines in them between geometries of one molecule.

Each atom after the third has a distance to j, an angle i-j-k and a dihedral i-j-k-l, where j, k, l come before it: j
bonded to i, k to j, l to k or j where the molecule allows. The tree is that of the first geometry; a Z-matrix bends at
straight angles, and those are avoided in every geometry given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from ase.data import covalent_radii

from fusionmd.errors import DataError
from fusionmd.namd.protocol import Array, BoolArray, IntArray
from fusionmd.namd.triage import BONDED

LEAST_SINE = 0.1  # of the angle between references: flatter ones define no dihedral


@dataclass(frozen=True)
class ZMatrix:
    """order: Atoms as they are placed.  references: Of each of them, up to three that were placed before."""

    order: tuple[int, ...]
    references: tuple[tuple[int, ...], ...]


def zmatrix_of(numbers: IntArray, geometries: Sequence[Array]) -> ZMatrix:
    """A tree that defines every dihedral in all geometries [n_atoms, 3], angstrom; DataError where there is none."""
    near = bonded(numbers, geometries[0])
    order = _order(near, geometries[0])
    references = tuple(_references(atom, order[:index], near, geometries) for index, atom in enumerate(order))
    return ZMatrix(tuple(order), references)


def bonded(numbers: IntArray, points: Array) -> BoolArray:
    """Which pairs of atoms are bonded in a geometry [n_atoms, 3], angstrom: [n_atoms, n_atoms]."""
    radii = covalent_radii[numbers]
    lengths = np.linalg.norm(points[:, None] - points, axis=2)
    return (lengths < BONDED * (radii[:, None] + radii)) & ~np.eye(len(numbers), dtype=bool)


def internal(tree: ZMatrix, points: Array) -> Array:
    """Distance (angstrom), angle and dihedral (radians) of each atom in the order of the tree [n_atoms, 3]."""
    values = np.zeros((len(tree.order), 3))
    for row, (atom, found) in enumerate(zip(tree.order, tree.references, strict=True)):
        chain = points[[atom, *found]]
        values[row, : len(found)] = [measure(chain) for measure in (_length, _angle, _dihedral)[: len(found)]]
    return values


def cartesian(tree: ZMatrix, values: Array) -> Array:
    """Positions [n_atoms, 3] from internal coordinates; the first atom in the origin."""
    points = np.zeros((len(tree.order), 3))
    for atom, found, (length, angle, dihedral) in zip(tree.order, tree.references, values, strict=True):
        if len(found) == 1:
            points[atom] = points[found[0]] + [length, 0.0, 0.0]
        elif len(found) == 2:
            points[atom] = _placed(points[found[0]], points[found[1]], np.array([0.0, 0.0, 1.0]), length, angle, 0.0)
        elif len(found) == 3:
            j, k, l = points[list(found)]
            points[atom] = _placed(j, k, l - k, length, angle, dihedral)
    return points


def interpolated(tree: ZMatrix, start: Array, end: Array, shares: Array) -> Array:
    """Geometries [n_shares, n_atoms, 3] on the straight line between two; dihedrals take the shorter way."""
    first, last = internal(tree, start), internal(tree, end)
    change = last - first
    change[:, 2] = (change[:, 2] + np.pi) % (2 * np.pi) - np.pi
    return np.array([cartesian(tree, first + share * change) for share in shares])


def _placed(j: Array, k: Array, towards: Array, length: float, angle: float, dihedral: float) -> Array:
    """The atom at a distance from j, an angle to k, turned by a dihedral from `towards`, seen along j-k."""
    axis = (k - j) / np.linalg.norm(k - j)
    side = towards - (towards @ axis) * axis
    side /= np.linalg.norm(side)
    across = np.cross(side, axis)
    turned = np.cos(dihedral) * side + np.sin(dihedral) * across
    return np.asarray(j + length * (np.cos(angle) * axis + np.sin(angle) * turned))


def _length(chain: Array) -> float:
    return float(np.linalg.norm(chain[1] - chain[0]))


def _angle(chain: Array) -> float:
    one, other = chain[0] - chain[1], chain[2] - chain[1]
    return float(np.arctan2(np.linalg.norm(np.cross(one, other)), one @ other))


def _dihedral(chain: Array) -> float:
    axis = (chain[2] - chain[1]) / np.linalg.norm(chain[2] - chain[1])
    side, own = chain[3] - chain[2], chain[0] - chain[1]
    side, own = side - (side @ axis) * axis, own - (own @ axis) * axis
    return float(np.arctan2(np.cross(side, axis) @ own, side @ own))


def _order(near: BoolArray, points: Array) -> list[int]:
    """From the atom with most bonds outwards, bond by bond; of separate molecules the nearest atom is next."""
    left, order = set(range(len(near))), [int(near.sum(axis=1).argmax())]
    left -= set(order)
    while left:
        pair = next(((i, j) for i, j in product(order, sorted(left)) if near[i, j]), None)
        if pair is None:
            pair = min(product(order, left), key=lambda p: float(np.linalg.norm(points[p[0]] - points[p[1]])))
        order.append(pair[1])
        left.remove(pair[1])
    return order


def _references(atom: int, before: list[int], near: BoolArray, geometries: Sequence[Array]) -> tuple[int, ...]:
    """j, k, l among the atoms before: bonded ones first, nearer ones first, none that is nearly on a line."""
    points = geometries[0]
    chosen: list[int] = []
    for last in (atom, None, None)[: len(before)]:
        centre = last if last is not None else chosen[-1]
        candidates = sorted(
            (other for other in before if other not in chosen),
            key=lambda other: (not near[centre, other], float(np.linalg.norm(points[centre] - points[other]))),
        )
        fitting = (other for other in candidates if len(chosen) < 2 or _is_bent([other, *chosen[::-1]], geometries))
        found = next(fitting, None)
        if found is None:
            raise DataError(
                f"atom {atom} has no dihedral that is defined in all geometries: its neighbours lie on a line; "
                "interpolate by aligned Cartesian coordinates instead"
            )
        chosen.append(found)
    return tuple(chosen)


def _is_bent(chain: list[int], geometries: Sequence[Array]) -> bool:
    """Whether l-k-j is away from a line in every geometry."""
    return all(np.sin(_angle(points[chain])) > LEAST_SINE for points in geometries)
