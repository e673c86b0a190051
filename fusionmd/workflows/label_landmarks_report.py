"""What landmarks are written as: landmarks.xyz, landmarks.json, landmarks.md, and straight lines between them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import ase.io
import numpy as np
from ase import Atoms

from fusionmd.errors import FusionMDError
from fusionmd.files import atomic_write, write_text_atomic
from fusionmd.workflows.label_landmarks import Row, Search, best, file_name, surfaces_of
from fusionmd.workflows.label_landmarks_gate import Judgement
from fusionmd.workflows.label_landmarks_settings import Way
from fusionmd.workflows.namd_path import line_through, summary, write_scan

Table = tuple[list[str], list[list[str]]]


def write_paths(search: Search, rows: dict[str, Row], *, n_jobs: int = 1) -> list[dict[str, Any]]:
    """FOLDER/paths/NAME for every path whose landmarks are usable; what each says, or why it is not there."""
    return [_path(search, rows, way, n_jobs) for way in search.protocol.paths]


def _path(search: Search, rows: dict[str, Row], way: Way, n_jobs: int) -> dict[str, Any]:
    found = [best(rows, search.protocol.groups, name) for name in way.through]
    used = [row for row in found if row is not None]
    if len(used) < len(found):
        missing = [name for name, row in zip(way.through, found, strict=True) if row is None]
        return {"name": way.name, "reason": f"no usable {', '.join(missing)}"}
    folder = search.folder / "paths" / file_name(way.name)
    key = [search.method_key, way.points, [np.round(row.positions, 6).tolist() for row in used]]
    kept = folder / "kept.json"
    if kept.exists() and (content := json.loads(kept.read_text()))["key"] == key:
        return dict(content["said"])
    try:
        scan = line_through(surfaces_of(search, n_jobs), [_frame(search, row) for row in used], n_points=way.points)
    except FusionMDError as error:
        return {"name": way.name, "reason": str(error)}
    said = {"name": way.name, "folder": str(folder.relative_to(search.folder)), **summary(scan)}
    write_scan(folder, scan)
    write_text_atomic(kept, json.dumps({"key": key, "said": said}) + "\n")
    return said


def write_landmarks(
    search: Search, rows: dict[str, Row], gate: Sequence[Judgement], paths: list[dict[str, Any]]
) -> dict[str, Any]:
    """The three files; returns what landmarks.json has."""
    with atomic_write(search.folder / "landmarks.xyz") as temporary:
        ase.io.write(temporary, [_frame(search, row) for row in rows.values()], format="extxyz")
    said = {
        "protocol": search.protocol.title,
        "method": search.method.name,
        "reference": search.protocol.reference,
        "landmarks": [{**_listed(row), "relative_eV": list(relative(search, rows, row))} for row in rows.values()],
        "paths": paths,
        "gate": [asdict(one) for one in gate],
        "passed": all(one.passed for one in gate),
    }
    write_text_atomic(search.folder / "landmarks.json", json.dumps(said, indent=1) + "\n")
    write_text_atomic(search.folder / "landmarks.md", _page(search, rows, gate, paths))
    return said


def relative(search: Search, rows: dict[str, Row], row: Row) -> list[float]:
    """Energies above the lowest state of the reference [n_states], eV."""
    return [float(energy) for energy in row.energies_eV - rows[search.protocol.reference].energies_eV[0]]


def landmark_table(search: Search, rows: dict[str, Row]) -> Table:
    """Energies, gaps, coordinates, and what is to be said of each."""
    states = range(search.method.n_states)
    columns = ["landmark", *(f"E{k}" for k in states), *(f"E{k + 1}-E{k}" for k in states[:-1])]
    lines = []
    for row in rows.values():
        energies = relative(search, rows, row)
        numbers = [f"{value:.3f}" for value in (*energies, *np.diff(energies))]
        lines.append([row.name, *numbers, *map(_shown, row.coordinates.values()), _remark(row)])
    return [*columns, *search.protocol.coordinates, "converged"], lines


def gate_table(gate: Sequence[Judgement]) -> Table:
    """What was wanted, what was found."""
    lines = [
        [one.name, " .. ".join(f"{value:.3f}" for value in one.values) or "no usable landmark", one.wanted,
         ", ".join(one.used), "passed" if one.passed else "FAILED", one.source]
        for one in gate
    ]  # fmt: skip
    return ["criterion", "found", "wanted", "by", "", "source"], lines


def _frame(search: Search, row: Row) -> Atoms:
    frame = Atoms(search.first.numbers, row.positions)
    frame.info = {
        "name": row.name,
        "states": row.states,
        "energies_eV": row.energies_eV,
        "is_converged": row.is_converged,
        "is_usable": row.is_usable,
    }
    return frame


def _listed(row: Row) -> dict[str, Any]:
    listed = {**asdict(row), "is_usable": row.is_usable}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in listed.items()}


def _shown(value: tuple[float, float]) -> str:
    digits = 1 if value[1] > 10 else 3
    return "-".join(f"{one:.{digits}f}" for one in dict.fromkeys(value))


def _remark(row: Row) -> str:
    parts = ["yes" if row.is_converged else f"NO {row.reason}".strip()]
    parts += [f"{row.n_imaginary} imaginary"] if row.n_imaginary else []
    parts += [f"bonds {' '.join(row.bonds)}"] if row.bonds else []
    return "; ".join([*parts, *(f"elsewhere: {one}" for one in row.elsewhere)])


def _page(search: Search, rows: dict[str, Row], gate: Sequence[Judgement], paths: list[dict[str, Any]]) -> str:
    verdict = "passed" if all(one.passed for one in gate) else "FAILED"
    ways = [f"- {way['name']}: {way.get('reason') or _way(way)}" for way in paths]
    parts = [
        f"# {search.protocol.title}: {search.method.name}",
        f"Energies in eV above the lowest state of {search.protocol.reference}; angstrom, degrees.",
        _markdown(landmark_table(search, rows)),
        "## Straight lines in internal coordinates",
        "\n".join(ways) or "none",
        f"## The gate: {verdict}",
        _markdown(gate_table(gate)),
    ]
    return "\n\n".join(parts) + "\n"


def _way(way: dict[str, Any]) -> str:
    return f"{' -> '.join(way['geometries'])}, smallest gap {way['smallest_gap_eV']:.3f} eV, in {way['folder']}"


def _markdown(table: Table) -> str:
    columns, lines = table
    return "\n".join(f"| {' | '.join(line)} |" for line in [columns, ["---"] * len(columns), *lines])
