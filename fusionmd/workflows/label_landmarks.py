"""Landmarks of a molecule at a level of theory, by a protocol: found one after the other, kept, and used again.

FOLDER/found/NAME.json has what ended; it is used again where method, entry and start are the same.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from fusionmd.files import write_text_atomic
from fusionmd.labels.methods import method_of
from fusionmd.labels.protocol import Method
from fusionmd.labels.run import check_structure
from fusionmd.namd.descent import NO_ENERGY, InternalDescent
from fusionmd.namd.landmarks import Landmark, checked_minimum, crossing, minimum
from fusionmd.namd.protocol import Array, Surfaces
from fusionmd.structure import Structure
from fusionmd.units import (
    ANGSTROM_PER_BOHR,
    EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR,
    EV_PER_HARTREE,
    HARTREE_PER_EV,
)
from fusionmd.workflows.direct_surfaces import DirectSurfaces
from fusionmd.workflows.label_landmarks_geometry import atoms_of, changed, measured, other_bonds
from fusionmd.workflows.label_landmarks_settings import Entry, LandmarkProtocol, read_protocol

OnLandmark = Callable[[int, str], None]


@dataclass(frozen=True, eq=False)
class Row:
    """One landmark, as it is kept.

    positions: [n_atoms, 3], angstrom.  energies_eV: Of all states, absolute; NaN where there are none.  bonds: What
    differs from those expected.  elsewhere: Measured coordinates outside of what was expected.
    """

    name: str
    states: list[int]
    positions: Array
    energies_eV: Array
    gradient_eV_per_angstrom: float
    n_evaluations: int
    n_imaginary: int | None
    is_converged: bool
    reason: str
    bonds: list[str]
    elsewhere: list[str]
    coordinates: dict[str, tuple[float, float]]

    @property
    def is_usable(self) -> bool:
        """Whether it is what the protocol asks for."""
        return self.is_converged and not self.bonds and not self.elsewhere and not self.n_imaginary

    @property
    def energy(self) -> float:
        """Of its upper state, eV."""
        return float(self.energies_eV[max(self.states)])


@dataclass(frozen=True, eq=False)
class Search:
    """What all landmarks of a run share. method_key: Names the method, its settings and parameters."""

    protocol: LandmarkProtocol
    method: Method
    method_key: str
    folder: Path

    @property
    def first(self) -> Atoms:
        """The geometry that has the bonds."""
        return atoms_of(next(iter(self.protocol.geometries.values())))

    @property
    def surfaces(self) -> DirectSurfaces:
        """Of the method, one calculation at a time."""
        return DirectSurfaces(self.method, self.first.numbers, self.first.get_masses())


def search_of(
    protocol: str | Path, folder: Path, method: str, *, parameters: Path | None = None, timeout_s: float = 120.0
) -> Search:
    """Of a protocol, by file or name, at a level of theory; ConfigError or LabelError where they cannot be."""
    given = read_protocol(protocol)
    chosen = method_of(method, n_states=given.states, charge=given.charge, parameters=parameters, timeout_s=timeout_s)
    own = "" if parameters is None else hashlib.sha256(parameters.read_bytes()).hexdigest()
    search = Search(given, chosen, f"{chosen.name} {own}".strip(), folder)
    check_structure(Structure.from_ase(search.first), chosen, given.title)
    return search


def find(search: Search, *, n_jobs: int = 1, on_landmark: OnLandmark = lambda n, name: None) -> dict[str, Row]:
    """All landmarks of the protocol, in its order; `n_jobs` of them at a time, each after the one it starts from."""
    (search.folder / "found").mkdir(parents=True, exist_ok=True)
    rows: dict[str, Row] = {}
    for row in _as_they_end(search, n_jobs, rows):
        rows[row.name] = row
        on_landmark(len(rows), row.name)
    return {entry.name: rows[entry.name] for entry in search.protocol.landmarks}


def _as_they_end(search: Search, n_jobs: int, rows: dict[str, Row]) -> Iterator[Row]:
    todo = list(search.protocol.landmarks)
    with ThreadPoolExecutor(n_jobs) as pool:
        under_way: set[Future[Row]] = set()
        while todo or under_way:
            ready = [entry for entry in todo if entry.start.landmark is None or entry.start.landmark in rows]
            for entry in ready[: n_jobs - len(under_way)]:
                todo.remove(entry)
                under_way.add(pool.submit(_found, search, entry, _start(search, entry, rows)))
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


def _start(search: Search, entry: Entry, rows: dict[str, Row]) -> Atoms:
    if entry.start.landmark is not None:
        atoms = Atoms(search.first.numbers, rows[entry.start.landmark].positions)
    else:
        atoms = atoms_of(search.protocol.geometries[entry.start.geometry or ""])
    return changed(atoms, entry.start.changes)


def _found(search: Search, entry: Entry, start: Atoms) -> Row:
    """From the folder, or by a search; what a failed calculation ended is searched for again."""
    path = search.folder / "found" / f"{file_name(entry.name)}.json"
    key = _key(search, entry, start)
    kept = json.loads(path.read_text()) if path.exists() else {}
    if kept.get("key") == key:
        return _judged(search, entry, _row(kept["row"]))
    row = _judged(search, entry, _as_row(entry, _landmark(search, entry, start)))
    if np.isfinite(row.energies_eV).all() and row.reason != NO_ENERGY:
        write_text_atomic(path, json.dumps({"key": key, "row": asdict(row)}, default=lambda a: a.tolist()) + "\n")
    return row


def _landmark(search: Search, entry: Entry, start: Atoms) -> Landmark:
    protocol, surfaces = search.protocol, search.surfaces
    descent = InternalDescent(start.numbers, tuple(held.hold() for held in entry.hold))
    place = start.positions.ravel() / ANGSTROM_PER_BOHR
    limits: dict[str, Any] = {
        "gradient": protocol.force_eV_per_angstrom / EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR,
        "max_evaluations": protocol.max_evaluations,
    }
    if len(entry.states) == 2:
        pair = (entry.states[0], entry.states[1])
        return crossing(surfaces, place, pair, descent, gap=protocol.gap_eV * HARTREE_PER_EV, **limits)
    search_down = checked_minimum if entry.is_checked else minimum
    return search_down(surfaces, place, entry.states[0], descent, **limits)


def _as_row(entry: Entry, found: Landmark) -> Row:
    return Row(
        name=entry.name,
        states=list(found.states),
        positions=found.positions.reshape(-1, 3) * ANGSTROM_PER_BOHR,
        energies_eV=found.energies * EV_PER_HARTREE,
        gradient_eV_per_angstrom=found.gradient * EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR,
        n_evaluations=found.n_evaluations,
        n_imaginary=found.n_imaginary,
        is_converged=found.is_converged,
        reason=found.reason,
        bonds=[],
        elsewhere=[],
        coordinates={},
    )


def _judged(search: Search, entry: Entry, row: Row) -> Row:
    """With coordinates, and what is not as the protocol expects: cheap, and so never kept from an older protocol."""
    first = search.first
    values = {name: measured(row.positions, one) for name, one in search.protocol.coordinates.items()}
    elsewhere = [
        f"{name} {values[name][0]:.4g}"
        for name, (low, high) in entry.expect.items()
        if not low <= values[name][0] <= values[name][1] <= high
    ]
    bonds = other_bonds(first.numbers, row.positions, first.positions, entry.may_bond)
    return replace(row, coordinates=values, bonds=bonds, elsewhere=elsewhere)


def _row(kept: dict[str, Any]) -> Row:
    arrays = {name: np.array(kept[name], dtype=np.float64) for name in ("positions", "energies_eV")}
    return Row(**{**kept, **arrays})


def _key(search: Search, entry: Entry, start: Atoms) -> str:
    """Of all that a landmark depends on."""
    protocol = search.protocol.model_dump(
        mode="json", include={"charge", "states", "force_eV_per_angstrom", "gap_eV", "max_evaluations"}
    )
    own = entry.model_dump(mode="json", include={"kind", "states", "hold", "is_checked"})
    text = json.dumps([search.method_key, protocol, own], sort_keys=True)
    return hashlib.sha256(text.encode() + np.round(start.positions, 6).tobytes()).hexdigest()


def file_name(name: str) -> str:
    """A name that any file system takes; signs stay apart."""
    spelled = name.replace("+", " plus ").replace("-", " minus ")
    return re.sub(r"\W+", "_", spelled).strip("_") or "_"


def best(rows: dict[str, Row], groups: dict[str, tuple[str, ...]], name: str) -> Row | None:
    """The landmark, or the lowest of a group; None where none is usable."""
    usable = [rows[one] for one in groups.get(name, (name,)) if rows[one].is_usable]
    return min(usable, key=lambda row: row.energy, default=None)


def surfaces_of(search: Search, n_jobs: int) -> Surfaces:
    """Of the method, several calculations at a time."""
    return DirectSurfaces(search.method, search.first.numbers, search.first.get_masses(), n_jobs=n_jobs)
