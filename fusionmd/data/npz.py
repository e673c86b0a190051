"""NumPy archives with one molecule in many geometries: the keys of rMD17 and of sGDML; one state or several.

rMD17: Christensen, von Lilienfeld, Mach. Learn.: Sci. Technol. 1, 045018 (2020). sGDML: http://www.sgdml.org.
Both publish kcal/mol and angstrom; that is their default unit here.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusionmd.data.record import Record
from fusionmd.data.units import Units
from fusionmd.errors import DataError

# (numbers, positions, energies, forces)
LAYOUTS = {
    "rMD17": ("nuclear_charges", "coords", "energies", "forces"),
    "sGDML": ("z", "R", "E", "F"),
}
NPZ_UNITS = Units(energy="kcal/mol", length="angstrom")


def npz_records(path: str | PathLike[str]) -> Iterator[Record]:
    """Each geometry of the archive, in order; energies and forces as `energy` and `forces`."""
    arrays = _load(path)
    numbers, positions, energies, forces = _columns(arrays, str(path))
    for index in range(len(positions)):
        values: dict[str, Any] = {}
        if energies is not None:
            values["energy"] = np.squeeze(energies[index])
        if forces is not None:
            values["forces"] = forces[index]
        species = numbers if numbers.ndim == 1 else numbers[index]
        yield Record(species.astype(np.int64), positions[index], None, False, values, f"{path}, frame {index}")


def _load(path: str | PathLike[str]) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files if archive[key].dtype != object}
    except (ValueError, zipfile.BadZipFile, EOFError, AttributeError) as error:
        raise DataError(f"{path}: not a readable .npz archive of plain arrays ({error})") from error


def _columns(arrays: Mapping[str, NDArray[Any]], path: str) -> tuple[Any, ...]:
    for names in LAYOUTS.values():
        if names[0] in arrays and names[1] in arrays:
            found = tuple(arrays.get(name) for name in names)
            _check_lengths(dict(zip(names, found, strict=True)), path)
            return found
    wanted = " or ".join(", ".join(names) for names in LAYOUTS.values())
    raise DataError(f"{path}: holds {sorted(arrays)}; wanted the arrays {wanted}")


def _check_lengths(arrays: Mapping[str, Any], path: str) -> None:
    numbers, positions, energies, forces = arrays.values()
    names = list(arrays)
    shapes = {name: value.shape for name, value in arrays.items() if value is not None}
    n_frames, n_atoms = positions.shape[0], positions.shape[1] if positions.ndim == 3 else -1
    good = positions.ndim == 3 and positions.shape[2] == 3 and numbers.shape in ((n_atoms,), (n_frames, n_atoms))
    good = good and (energies is None or len(energies) == n_frames)
    if forces is not None and forces.ndim == 4:
        n_states = energies.shape[1:] if energies is not None else forces.shape[1:2]
        good = good and n_states == forces.shape[1:2] and (n_frames, *forces.shape[2:]) == positions.shape
    elif forces is not None:
        good = good and forces.shape == positions.shape
    if not good:
        raise DataError(
            f"{path}: array lengths do not match: {shapes}; wanted {names[0]} [n_atoms], "
            f"{names[1]} [n_frames, n_atoms, 3], {names[2]} [n_frames], {names[3]} like {names[1]}; of several states "
            f"{names[2]} [n_frames, n_states], {names[3]} [n_frames, n_states, n_atoms, 3]"
        )
