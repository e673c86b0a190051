"""ASE databases (.db, .json): one row per frame, labels from its calculator results or from its data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from ase.db import connect

from fusionmd.data.record import Record
from fusionmd.data.units import Units
from fusionmd.errors import DataError

_ENERGY_NAMES = {"ev": "eV", "hartree": "Hartree", "ha": "Hartree", "kcal/mol": "kcal/mol", "kj/mol": "kJ/mol"}
_LENGTH_NAMES = {"ang": "angstrom", "angstrom": "angstrom", "a": "angstrom", "bohr": "Bohr", "nm": "nm"}


def ase_db_records(path: str | PathLike[str]) -> Iterator[Record]:
    """Each row, in order of its id. Data win over key-value pairs, and those over calculator results."""
    for index, row in enumerate(_open(path).select(sort="id")):
        atoms = row.toatoms()
        results = atoms.calc.results if atoms.calc is not None else {}
        values = {**_numeric(results), **row.key_value_pairs, **_states_first(row.data, len(atoms))}
        yield Record(row.numbers, row.positions, row.cell, row.pbc, values, f"{path}, frame {index}")


def ase_db_units(path: str | PathLike[str]) -> Units:
    """Units that the metadata declare (`_distance_unit`, `_property_unit_dict`); else ASE's own, eV and angstrom."""
    metadata = _open(path).metadata
    declared = metadata.get("_property_unit_dict", {})
    energy = _named(declared.get("energy", "eV"), _ENERGY_NAMES, path)
    length = _named(metadata.get("_distance_unit", "Ang"), _LENGTH_NAMES, path)
    forces = declared.get("forces")
    if forces is None:
        return Units(energy, length)
    numerator, _, denominator = forces.rpartition("/")
    return Units(energy, length, f"{_named(numerator, _ENERGY_NAMES, path)}/{_named(denominator, _LENGTH_NAMES, path)}")


def _open(path: str | PathLike[str]) -> Any:
    if not Path(path).is_file():  # connect() would create it
        raise DataError(f"{path}: no such file")
    try:
        database = connect(str(path))
        _ = database.metadata
        return database
    except Exception as error:  # sqlite3, json and ase raise kinds of their own
        raise DataError(f"{path}: not an ASE database ({error})") from error


def _named(unit: str, names: Mapping[str, str], path: str | PathLike[str]) -> str:
    name = names.get(str(unit).strip().lower())
    if name is None:
        raise DataError(f"{path}: its metadata declare the unit {unit!r}; give units=Units(...) yourself")
    return name


def _numeric(results: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in results.items() if value is not None}


def _states_first(data: Mapping[str, Any], n_atoms: int) -> dict[str, Any]:
    """Row data with the axis of states first, also where it came second: energy [1, n], vectors [n_atoms, n, 3]."""
    values = dict(data)
    n_states = 0
    if "energy" in values:
        energies = np.asarray(values["energy"], dtype=np.float64)
        n_states = energies.size if energies.ndim == 2 and energies.shape[0] == 1 else 0
        values["energy"] = energies[0] if n_states > 1 else energies.reshape(-1)[0] if energies.size == 1 else energies
    for name, n in (("forces", n_states), ("nacs", n_states * (n_states - 1) // 2)):
        vectors = np.asarray(values.get(name, np.zeros(0)))
        if n_states > 1 and vectors.shape == (n_atoms, n, 3):
            values[name] = np.ascontiguousarray(vectors.transpose(1, 0, 2))
    return values
