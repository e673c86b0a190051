"""Landmarks of a potential: minima and crossings from given starts, and two sets of them beside each other.

OUT/landmarks.xyz has a frame for each, with `name`, `states`, `energies_eV` and `is_converged`; OUT/landmarks.json the
same as numbers. A set made by other means is compared if its frames have `energies_eV`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms

from fusionmd.errors import ConfigError, DataError
from fusionmd.files import atomic_write, write_text_atomic
from fusionmd.namd.alignment import rmsd
from fusionmd.namd.descent import InternalDescent
from fusionmd.namd.landmarks import Landmark, checked_minimum, crossing, minimum, saddle
from fusionmd.namd.protocol import Array, IntArray
from fusionmd.namd.surfaces import PotentialSurfaces
from fusionmd.potential import Potential
from fusionmd.units import (
    ANGSTROM_PER_BOHR,
    EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR,
    EV_PER_HARTREE,
    HARTREE_PER_EV,
)
from fusionmd.workflows.namd_start import Molecule, molecule_of, read_frames

Found = list[tuple[str, Landmark]]
OnStart = Callable[[int], None]


def optimise(
    potential: Potential,
    start: str | Path,
    states: tuple[int, ...],
    *,
    force_eV_per_angstrom: float,
    gap_eV: float,
    max_evaluations: int,
    is_checked: bool = False,
    is_saddle: bool = False,
    on_start: OnStart | None = None,
) -> tuple[Molecule, Found]:
    """From every frame of `start` the minimum of one state, or the crossing of two; named by the frame or numbered.

    is_checked: Whether minima are told from saddles, and saddles left.  is_saddle: Whether a saddle is wanted instead.
    """
    frames = read_frames(str(start))
    molecule = molecule_of(frames[0])
    if np.any(molecule.pbc):
        raise DataError(f"{start} is periodic; landmarks are of molecules, give it without a cell")
    descent = InternalDescent(molecule.numbers)
    surfaces = surfaces_of_molecule(potential, molecule)
    limits: dict[str, Any] = {
        "gradient": force_eV_per_angstrom / EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR,
        "max_evaluations": max_evaluations,
    }
    found: Found = []
    for index, frame in enumerate(frames):
        place = frame.positions.ravel() / ANGSTROM_PER_BOHR
        if is_saddle:
            landmark = saddle(surfaces, place, states[0], partial(_way_up, molecule.numbers), **limits)
        elif len(states) == 1:
            search = checked_minimum if is_checked else minimum
            landmark = search(surfaces, place, states[0], descent, **limits)
        else:
            gap = gap_eV * HARTREE_PER_EV
            landmark = crossing(surfaces, place, (states[0], states[1]), descent, gap=gap, **limits)
        found.append((str(frame.info.get("name", _name(states, index, len(frames)))), landmark))
        if on_start is not None:
            on_start(index + 1)
    return molecule, found


def _way_up(numbers: IntArray, hessian: Array) -> InternalDescent:
    return InternalDescent(numbers, hessian=hessian)


def surfaces_of_molecule(potential: Potential, molecule: Molecule) -> PotentialSurfaces:
    """All states of a potential for a molecule."""
    return PotentialSurfaces(
        potential, molecule.numbers, cell=molecule.cell, pbc=molecule.pbc, masses_amu=molecule.masses
    )


def states_of(text: str) -> tuple[int, ...]:
    """States like '0,1'; ConfigError where they are none."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"the states are {text!r}; write numbers with a comma between them, like 0,1") from None


def summary(found: Found, potential: Potential) -> dict[str, Any]:
    """Everything as JSON has it; energies also above the lowest state of the first landmark."""
    lowest = found[0][1].energies.min()
    rows = [
        {
            "name": name,
            "states": list(one.states),
            "energies_eV": one.energies * EV_PER_HARTREE,
            "relative_eV": (one.energies - lowest) * EV_PER_HARTREE,
            "gap_eV": None if one.gap is None else one.gap * EV_PER_HARTREE,
            "gradient_eV_per_angstrom": one.gradient * EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR,
            "n_evaluations": one.n_evaluations,
            "is_converged": one.is_converged,
            "reason": one.reason,
            "n_imaginary": one.n_imaginary,
        }
        for name, one in found
    ]
    source = {"name": potential.metadata.name, "sha256": potential.sha256}
    return {"potential": source, "landmarks": rows, "is_converged": all(row["is_converged"] for row in rows)}


def write_landmarks(folder: Path, molecule: Molecule, found: Found, said: dict[str, Any]) -> list[Path]:
    """Geometries and numbers into `folder`."""
    frames = []
    for name, one in found:
        places = one.positions.reshape(-1, 3) * ANGSTROM_PER_BOHR
        frame = Atoms(molecule.numbers, places, cell=molecule.cell, pbc=molecule.pbc)
        frame.info = {
            "name": name,
            "states": list(one.states),
            "energies_eV": one.energies * EV_PER_HARTREE,
            "is_converged": one.is_converged,
        }
        frames.append(frame)
    with atomic_write(folder / "landmarks.xyz") as temporary:
        ase.io.write(temporary, frames, format="extxyz")
    text = json.dumps(said, indent=2, default=lambda array: array.tolist())
    write_text_atomic(folder / "landmarks.json", text + "\n")
    return [folder / "landmarks.xyz", folder / "landmarks.json"]


def compare(learned: str | Path, reference: str | Path) -> list[dict[str, Any]]:
    """Landmarks of equal name in two files: distances after alignment, and differences of energies and gaps.

    Energies are counted from the lowest state of the first common landmark in each file; differences are learned minus
    reference, eV. rmsd_angstrom: Of the structure or its mirror image, atoms in the order of the file.
    """
    ours, theirs = _named(learned), _named(reference)
    common = [name for name in ours if name in theirs]
    if not common:
        raise DataError(
            f"{learned} has {', '.join(ours)} and {reference} has {', '.join(theirs)}; give landmarks of equal `name`"
        )
    zeros = _energies(ours[common[0]]).min(), _energies(theirs[common[0]]).min()
    return [_row(name, ours[name], theirs[name], zeros) for name in common]


def _row(name: str, ours: Atoms, theirs: Atoms, zeros: tuple[float, float]) -> dict[str, Any]:
    if len(ours) != len(theirs) or (ours.numbers != theirs.numbers).any():
        raise DataError(f"landmark {name} has other atoms in the two files; give them in the same order")
    one, other = _energies(ours) - zeros[0], _energies(theirs) - zeros[1]
    if len(one) != len(other):
        raise DataError(f"landmark {name} has {len(one)} and {len(other)} states; give equally many")
    return {
        "name": name,
        "rmsd_angstrom": rmsd(ours.positions, theirs.positions),
        "learned_eV": one,
        "reference_eV": other,
        "difference_eV": one - other,
        "gap_difference_eV": np.diff(one) - np.diff(other),
    }


def _named(path: str | Path) -> dict[str, Atoms]:
    """Frames by name, or by number where they have none."""
    frames: Sequence[Atoms] = read_frames(str(path))
    return {str(frame.info.get("name", index)): frame for index, frame in enumerate(frames)}


def _energies(frame: Atoms) -> Array:
    if "energies_eV" not in frame.info:
        raise DataError("a frame has no energies_eV in its comment line; write the energies of all states there")
    return np.atleast_1d(np.asarray(frame.info["energies_eV"], dtype=np.float64))


def _name(states: tuple[int, ...], index: int, n: int) -> str:
    kind = f"minimum {states[0]}" if len(states) == 1 else f"crossing {states[0]}/{states[1]}"
    return f"{kind}, {index}" if n > 1 else kind
