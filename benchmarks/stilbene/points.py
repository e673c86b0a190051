"""The landmarks of the fit, and how they are relaxed and evaluated at a level of theory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms

from fusionmd.labels.methods import method_of
from fusionmd.labels.run import tried
from fusionmd.namd.descent import Hold, InternalDescent
from fusionmd.namd.landmarks import crossing, minimum
from fusionmd.structure import Structure
from fusionmd.units import ANGSTROM_PER_BOHR, EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR, HARTREE_PER_EV
from fusionmd.workflows.direct_surfaces import DirectSurfaces

FORCE = 0.02 / EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR  # Hartree/bohr, from eV/angstrom
GAP = 0.02 * HARTREE_PER_EV
TORSION, OTHER_TORSION = (2, 0, 1, 8), (14, 0, 1, 15)
RINGS = ((1, 0, 2, 3), (0, 1, 8, 9))
Array = np.ndarray
Level = tuple[str, Path]  # name of the method, file of its parameters


@dataclass(frozen=True)
class Point:
    """states: One for a minimum, two for their crossing.  holds: Dihedrals that stay, degrees."""

    states: tuple[int, ...]
    holds: tuple[Hold, ...] = ()


def _held(*pairs: tuple[tuple[int, ...], float]) -> tuple[Hold, ...]:
    return tuple(Hold("dihedral", atoms, value) for atoms, value in pairs)


def _rings(one: float, other: float) -> tuple[Hold, ...]:
    return _held((RINGS[0], one - 180.0), (RINGS[1], other))


POINTS = {
    "cis": Point((0,), _rings(43, 43)),  # Traetteberg, Frantsen, J. Mol. Struct. 26, 69 (1975): 43 degrees
    "cis30": Point((0,), _rings(30, 30)),
    "cis65": Point((0,), _rings(65, 65)),
    "cis89": Point((0,), _rings(89, 89)),
    "cis8920": Point((0,), _rings(89, 20)),
    "trans": Point((0,), _held((TORSION, 180)) + _rings(180, 0)),
    "trans90": Point((0,), _held((RINGS[1], 90))),
    "s0_90": Point((0,), _held((TORSION, 90), (OTHER_TORSION, 90))),
    "s1_30": Point((1,), _held((TORSION, 30))),
    "s1_60": Point((1,), _held((TORSION, 60))),
    "s1_trans": Point((1,), _held((TORSION, 180))),
    "s1_140": Point((1,), _held((TORSION, 140))),
    "s1min": Point((1,)),
    "crossing": Point((0, 1)),
}
BONDS = {
    "C=C": [(0, 1)],
    "C-Ph": [(0, 2), (1, 8)],
    "C1-C2": [(2, 3), (2, 7), (8, 9), (8, 13)],
    "C2-C3": [(3, 4), (6, 7), (9, 10), (12, 13)],
    "C3-C4": [(4, 5), (5, 6), (10, 11), (11, 12)],
    "C-H ring": [(4, 17)],
    "C-H vinyl": [(0, 14)],
}


def read_geometries(path: Path) -> dict[str, Array]:
    """Positions [n_atoms, 3] by name."""
    return {frame.info["name"]: frame.positions for frame in ase.io.read(path, index=":")}


def write_geometries(path: Path, numbers: Array, places: Mapping[str, Array]) -> None:
    """Extended XYZ."""
    ase.io.write(path, [Atoms(numbers, x, info={"name": name}) for name, x in places.items()], format="extxyz")


def relax(task: tuple[str, Array, Array, Level, int]) -> tuple[str, Array]:
    """Name, geometry; where it cannot be relaxed, as far as it came."""
    name, numbers, start, (method, parameters), limit = task
    surfaces = DirectSurfaces(method_of(method, parameters=parameters), numbers, Atoms(numbers).get_masses())
    point = POINTS[name]
    descent, place = InternalDescent(numbers, point.holds), start.ravel() / ANGSTROM_PER_BOHR
    common: dict[str, Any] = {"gradient": FORCE, "max_evaluations": limit}
    if len(point.states) == 1:
        found = minimum(surfaces, place, point.states[0], descent, **common)
    else:
        found = crossing(surfaces, place, (point.states[0], point.states[1]), descent, gap=GAP, **common)
    return name, found.positions.reshape(-1, 3) * ANGSTROM_PER_BOHR


def evaluate(task: tuple[Any, Array, Array, Level, Sequence[int]]) -> tuple[Any, Array, dict[int, Array]]:
    """Key, energies [3] and forces of some roots [n_atoms, 3]; NaN where the method fails."""
    key, numbers, place, (method, parameters), roots = task
    found = tried(method_of(method, parameters=parameters), Structure(numbers, place), roots)
    if isinstance(found, str):
        return key, np.full(3, np.nan), {root: np.full(place.shape, np.nan) for root in roots}
    return key, found.energies, {root: found.forces[root] for root in roots}


def bond_lengths(name: str, place: Array) -> dict[str, float]:
    """Means over equal bonds, angstrom."""
    return {
        f"{name} {bond}": float(np.mean([np.linalg.norm(place[i] - place[j]) for i, j in pairs]))
        for bond, pairs in BONDS.items()
    }
