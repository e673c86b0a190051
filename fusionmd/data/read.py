"""Reading frames from files of every known format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

from fusionmd.data.ase_db import ase_db_records, ase_db_units
from fusionmd.data.extxyz import extxyz_records
from fusionmd.data.frame import Frame, require_labels
from fusionmd.data.npz import NPZ_UNITS, npz_records
from fusionmd.data.record import KNOWN_KEYS, Keys, Record, frame_of, keys_present
from fusionmd.data.units import Units
from fusionmd.errors import DataError

READERS = {"extxyz": extxyz_records, "ase-db": ase_db_records, "npz": npz_records}
FORMATS_BY_SUFFIX = {".xyz": "extxyz", ".extxyz": "extxyz", ".db": "ase-db", ".json": "ase-db", ".npz": "npz"}


def read_frames(
    path: str | PathLike[str],
    format: str | None = None,
    *,
    energy_key: str | None = None,
    forces_key: str | None = None,
    stress_key: str | None = None,
    virial_key: str | None = None,
    couplings_key: str | None = None,
    units: Units | None = None,
    require: Sequence[str] = (),
) -> list[Frame]:
    """All frames of a file, labels in eV and angstrom.

    format: 'extxyz', 'ase-db' or 'npz'; by the file's suffix if None.
    energy_key ...: Where the label is; None looks for the usual names (`record.KNOWN_KEYS`), '' ignores the label.
        A stress key is read with ASE's convention, a virial key with QUIP's (`fusionmd.data.conventions`).
    units: Units of the file; None takes eV and angstrom, for npz kcal/mol, for a database what its metadata declare.
    require: Labels every frame must have: 'energy', 'forces', 'stress'.
    """
    keys = Keys(energy_key, forces_key, stress_key, virial_key, couplings_key)
    return [require_labels(frame, *require) for frame in iterate_frames(path, format, keys, units)]


def iterate_frames(
    path: str | PathLike[str], format: str | None = None, keys: Keys | None = None, units: Units | None = None
) -> Iterator[Frame]:
    """Frames one by one; a named key that no frame has, or a file without frames, is an error at the end."""
    keys = keys or Keys()
    units = units or default_units(path, format)
    seen: set[str] | None = None
    for record in records(path, format):
        seen = (seen or set()) | keys_present(record)
        yield frame_of(record, keys, units)
    if seen is None:
        raise DataError(f"{path}: holds no frames")
    _check_named_keys(keys, seen, path)


def records(path: str | PathLike[str], format: str | None = None) -> Iterator[Record]:
    """What the file says, before keys and units are applied."""
    if not Path(path).is_file():
        raise DataError(f"{path}: no such file")
    return READERS[format_of(path, format)](path)


def format_of(path: str | PathLike[str], format: str | None = None) -> str:
    """The format named, or the one of the suffix."""
    chosen = format or FORMATS_BY_SUFFIX.get(Path(path).suffix.lower())
    if chosen not in READERS:
        raise DataError(
            f"{path}: unknown data format {format or Path(path).suffix!r}; name one of {', '.join(READERS)}"
        )
    return chosen


def default_units(path: str | PathLike[str], format: str | None = None) -> Units:
    """Units of a file whose user named none."""
    kind = format_of(path, format)
    if kind == "npz":
        return NPZ_UNITS
    return ase_db_units(path) if kind == "ase-db" else Units()


def units_of(path: str | PathLike[str], given: Mapping[str, str | None], format: str | None = None) -> Units:
    """Units of a file: those that are `given` ('energy', 'length', 'forces', 'stress'), else those of its format."""
    return replace(default_units(path, format), **{name: unit for name, unit in given.items() if unit is not None})


def _check_named_keys(keys: Keys, seen: set[str], path: str | PathLike[str]) -> None:
    """A usual name may be absent, as in files without labels, but not while another name of that label is there."""
    for label, usual in KNOWN_KEYS.items():
        key = getattr(keys, label)
        others = sorted(seen.intersection(usual))
        if key and key not in seen and (key not in usual or others):
            hint = f"{label} may be {others[0]!r}" if others else f"the keys are {sorted(seen)}"
            raise DataError(f"{path}: no frame has the key {key!r}; {hint}: name it with {label}_key")
