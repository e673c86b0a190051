"""A record: one frame as a file states it, before its keys, units and conventions are understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fusionmd.data.conventions import stress_from_ase, stress_from_virial
from fusionmd.data.frame import DEFAULT_CONFIG_TYPE, Frame
from fusionmd.data.units import Units
from fusionmd.errors import DataError, UnsupportedStructureError
from fusionmd.structure import Structure

# Looked for in this order when no key is named. Two that hold different things are never mixed: see `_key_of`.
KNOWN_KEYS = {
    "energy": ("energy", "REF_energy"),
    "forces": ("forces", "force", "REF_forces"),
    "stress": ("stress", "REF_stress"),
    "virial": ("virial", "virials", "REF_virials", "REF_virial"),
    "couplings": ("couplings", "nacs", "REF_couplings"),
}
WEIGHT_KEYS = {
    "config_weight": "all",
    "config_energy_weight": "energy",
    "config_forces_weight": "forces",
    "config_stress_weight": "stress",
}


@dataclass(frozen=True)
class Keys:
    """Names under which a file holds its labels; None looks for the usual names, '' ignores the label."""

    energy: str | None = None
    forces: str | None = None
    stress: str | None = None
    virial: str | None = None
    couplings: str | None = None


@dataclass(frozen=True)
class Record:
    """Raw content of one frame in the file's own units.

    values: Everything that is not geometry: key -> number, text or array.
    source: 'file, frame index'.
    """

    numbers: Any
    positions: Any
    cell: Any
    pbc: Any
    values: Mapping[str, Any] = field(default_factory=dict)
    source: str = "record"


def frame_of(record: Record, keys: Keys, units: Units) -> Frame:
    """The frame a record means, in eV and angstrom."""
    values = dict(record.values)
    try:
        structure = _structure(record, units)
        labels = _labels(values, keys)
        return Frame(
            structure,
            energy=_scaled(labels["energy"], units.energy_factor),
            forces=_forces(labels["forces"], structure.n_atoms, units.forces_factor),
            stress=_stress(labels, structure, units),
            couplings=_couplings(labels["couplings"], structure.n_atoms, units),
            config_type=str(values.pop("config_type", DEFAULT_CONFIG_TYPE)),
            weights={name: float(values.pop(key)) for key, name in WEIGHT_KEYS.items() if key in values},
            info=values,
            source=record.source,
        )
    except (DataError, UnsupportedStructureError, ValueError, TypeError) as error:
        raise DataError(_with_source(str(error), record.source)) from error


def keys_present(record: Record) -> set[str]:
    """Names of everything the record holds besides geometry."""
    return set(record.values)


def _structure(record: Record, units: Units) -> Structure:
    structure = Structure(record.numbers, record.positions, record.cell, record.pbc)
    if units.length_factor == 1.0:
        return structure
    scale = units.length_factor
    return Structure(structure.numbers, structure.positions * scale, structure.cell * scale, structure.pbc)


def _labels(values: dict[str, Any], keys: Keys) -> dict[str, Any]:
    """Take the labels out of `values`; of stress and virial, the one that is named goes first."""
    only_virial = bool(keys.virial) and keys.stress is None
    labels = {name: _take(values, name, getattr(keys, name)) for name in KNOWN_KEYS}
    return {**labels, "stress": None} if only_virial and labels["virial"] is not None else labels


def _take(values: dict[str, Any], name: str, key: str | None) -> Any:
    """Remove and return the label, or None."""
    chosen = _key_of(values, name) if key is None else key
    return values.pop(chosen, None) if chosen else None


def _key_of(values: Mapping[str, Any], name: str) -> str | None:
    present = [key for key in KNOWN_KEYS[name] if key in values]
    if len(present) > 1:
        raise DataError(f"{name} is given twice, as {' and '.join(present)}; choose one with {name}_key=...")
    return present[0] if present else None


def _scaled(label: Any, factor: float) -> Any:
    if label is None:
        return None
    if isinstance(label, str):
        raise DataError(f"a label is the text {label!r}; wanted numbers")
    return label * factor


def _forces(label: Any, n_atoms: int, factor: float) -> Any:
    """Forces [n_atoms, 3], or [n_states, n_atoms, 3] of a table [n_atoms, n_states * 3]."""
    forces = np.asarray(_scaled(label, factor)) if label is not None else None
    if forces is not None and n_atoms == 1 and forces.ndim == 1 and len(forces) == 3:
        return forces[None]
    if (
        forces is None
        or forces.ndim != 2
        or forces.shape[0] != n_atoms
        or forces.shape[1] in (0, 3)
        or forces.shape[1] % 3
    ):
        return forces
    return forces.reshape(n_atoms, -1, 3).transpose(1, 0, 2)


def _couplings(label: Any, n_atoms: int, units: Units) -> Any:
    """Couplings [n_pairs, n_atoms, 3] of a table [n_atoms, n_pairs * 3]."""
    couplings = _forces(label, n_atoms, 1.0 / units.length_factor)
    return couplings if couplings is None or couplings.ndim != 2 else couplings[None]


def _stress(labels: Mapping[str, Any], structure: Structure, units: Units) -> Any:
    if not structure.is_periodic:
        return None  # files of molecules often carry zeros
    if labels["stress"] is not None:
        return stress_from_ase(labels["stress"]) * units.stress_factor
    if labels["virial"] is not None:
        return stress_from_virial(labels["virial"], structure.volume) * units.energy_factor
    return None


def _with_source(message: str, source: str) -> str:
    return message if message.startswith(source) else f"{source}: {message}"
