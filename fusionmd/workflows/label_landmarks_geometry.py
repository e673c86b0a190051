"""Geometries of landmarks: starts with changed internal coordinates, measured coordinates, bonds. Angstrom, degrees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from fusionmd.errors import ConfigError
from fusionmd.namd.geometry import angle, dihedral, distance
from fusionmd.namd.protocol import Array, BoolArray, IntArray
from fusionmd.namd.zmatrix import bonded
from fusionmd.workflows.label_landmarks_settings import Change, Measured, Pair


def atoms_of(text: str) -> Atoms:
    """From lines of `symbol x y z`."""
    words = [line.split() for line in text.strip().splitlines()]
    return Atoms([row[0] for row in words], [[float(word) for word in row[1:]] for row in words])


def changed(atoms: Atoms, changes: Sequence[Change]) -> Atoms:
    """A copy with coordinates set one after the other; ConfigError where a ring would have to open."""
    atoms = atoms.copy()
    near = bonded(atoms.numbers, atoms.positions)
    for change in changes:
        moved = list(change.moves) or _beyond(near, change)
        if change.atoms[-1] not in moved:
            raise ConfigError(
                f"{change.kind} {list(change.atoms)} cannot be set: atom {change.atoms[-1]} is not among those that go "
                f"along, {moved}; its bonds lead elsewhere, name them (moves)"
            )
        if change.kind == "distance":
            i, j = change.atoms
            atoms.set_distance(i, j, change.to, fix=0, indices=moved)
        elif change.kind == "angle":
            i, j, k = change.atoms
            atoms.set_angle(i, j, k, change.to, indices=moved)
        else:
            i, j, k, l = change.atoms
            atoms.set_dihedral(i, j, k, l, change.to, indices=moved)
    return atoms


def measured(points: Array, one: Measured) -> tuple[float, float]:
    """The coordinate at a geometry [n_atoms, 3], or the least and the largest of many."""
    if one.distances is not None:
        lengths = [float(distance(points, pair)) for pair in one.distances]
        return min(lengths), max(lengths)
    if one.pyramidalisation is not None:
        value = pyramidalisation(points, one.pyramidalisation)
    elif one.dihedral is not None:
        value = float(dihedral(points, one.dihedral))
    elif one.angle is not None:
        value = float(angle(points, one.angle))
    else:
        value = float(distance(points, one.distance or ()))
    return value, value


def pyramidalisation(points: Array, atoms: Sequence[int]) -> float:
    """Of atom i: its bond to j against the plane of i and its other neighbours k, l; degrees, 0 where planar."""
    centre, bond, *others = (points[atom] for atom in atoms)
    normal = np.cross(others[0] - centre, others[1] - centre)
    axis = bond - centre
    return float(np.degrees(np.arcsin(abs(normal @ axis) / np.linalg.norm(normal) / np.linalg.norm(axis))))


def other_bonds(numbers: IntArray, points: Array, first: Array, may_bond: Sequence[Pair]) -> list[str]:
    """What differs from the bonds of the first geometry, in words like `+7-9` and `-0-14`."""
    now, before = bonded(numbers, points), bonded(numbers, first)
    free = {tuple(sorted(pair)) for pair in may_bond}
    differing = [(int(i), int(j)) for i, j in np.argwhere(np.triu(now != before)) if (int(i), int(j)) not in free]
    return [f"{'+' if now[i, j] else '-'}{i}-{j}" for i, j in differing]


def _beyond(near: BoolArray, change: Change) -> list[int]:
    """Atoms on the far side of the bond that turns or stretches: the last but one of a dihedral, else the last."""
    stays, goes = change.atoms[-3:-1] if change.kind == "dihedral" else change.atoms[-2:]
    reached, new = {goes}, {goes}
    while new:
        new = {int(k) for atom in new for k in np.flatnonzero(near[atom]) if {atom, int(k)} != {stays, goes}} - reached
        reached |= new
    if stays in reached:
        raise ConfigError(
            f"{change.kind} {list(change.atoms)} cannot be set: its bond is in a ring; name the atoms that go along "
            "(moves), or hold it at a value instead"
        )
    return sorted(reached)
