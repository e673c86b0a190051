"""Energies of all states on straight lines between geometries, in internal (LIIC) or aligned Cartesian coordinates."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import ase.io
import numpy as np
from ase import Atoms
from matplotlib.figure import Figure

from fusionmd.errors import ConfigError, DataError
from fusionmd.files import atomic_write, write_text_atomic
from fusionmd.namd.alignment import aligned
from fusionmd.namd.figures import write_picture
from fusionmd.namd.protocol import Array, Surfaces
from fusionmd.namd.zmatrix import interpolated, zmatrix_of
from fusionmd.potential import Potential
from fusionmd.units import ANGSTROM_PER_BOHR, EV_PER_HARTREE
from fusionmd.workflows.namd_landmarks import surfaces_of_molecule
from fusionmd.workflows.namd_start import molecule_of, read_frames

Coordinates = Literal["internal", "cartesian"]
TITLES = {
    "internal": "straight lines in internal coordinates (Z-matrix)",
    "cartesian": "straight lines between aligned Cartesian coordinates",
}


@dataclass(frozen=True, eq=False)
class Scan:
    """frames: All geometries.  shares: k at the k-th one given, between them fractions [n].

    energies: Of all states, above the lowest at the first geometry [n, n_states], eV.  names: Of the geometries given.
    """

    frames: list[Atoms]
    shares: Array
    energies: Array
    names: list[str]
    coordinates: Coordinates


def scan(potential: Potential, paths: Sequence[str | Path], *, n_points: int, coordinates: Coordinates) -> Scan:
    """`n_points` steps between each geometry and the next; paths: files whose frames are the geometries, in order."""
    ends = [frame for path in paths for frame in read_frames(str(path))]
    _check(ends, n_points)
    surfaces = surfaces_of_molecule(potential, molecule_of(ends[0]))
    return line_through(surfaces, ends, n_points=n_points, coordinates=coordinates)


def line_through(
    surfaces: Surfaces, ends: Sequence[Atoms], *, n_points: int, coordinates: Coordinates = "internal"
) -> Scan:
    """The same through given geometries on any surfaces of their molecule."""
    _check(ends, n_points)
    places, shares = _line(ends, n_points, coordinates)
    asked = np.zeros((len(places), surfaces.n_states), dtype=bool)
    asked[:, 0] = True
    energies = surfaces.evaluate(places.reshape(len(places), -1) / ANGSTROM_PER_BOHR, asked).energies * EV_PER_HARTREE
    frames = [Atoms(ends[0].numbers, place) for place in places]
    names = [str(frame.info.get("name", index)) for index, frame in enumerate(ends)]
    return Scan(frames, shares, energies - energies[0].min(), names, coordinates)


def write_scan(folder: Path, found: Scan) -> list[Path]:
    """path.csv, path.json, path.xyz, path.png and path.svg in a folder."""
    states = [f"state_{state}_eV" for state in range(found.energies.shape[1])]
    table = StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["path", *states])
    for share, energies in zip(found.shares, found.energies, strict=True):
        writer.writerow([f"{share:.6f}", *(f"{energy:.6f}" for energy in energies)])
    write_text_atomic(folder / "path.csv", table.getvalue())
    write_text_atomic(folder / "path.json", json.dumps(summary(found), indent=2) + "\n")
    for frame, share, row in zip(found.frames, found.shares, found.energies, strict=True):
        frame.info = {"path": float(share), "energies_eV": row}
    with atomic_write(folder / "path.xyz") as temporary:
        ase.io.write(temporary, found.frames, format="extxyz")
    pictures = write_picture(_plot(found), folder, "path")
    return [*(folder / f"path.{kind}" for kind in ("csv", "json", "xyz")), *pictures]


def summary(found: Scan) -> dict[str, Any]:
    """As JSON has it."""
    gaps = np.diff(found.energies, axis=1)
    return {
        "interpolation": TITLES[found.coordinates],
        "geometries": found.names,
        "path": found.shares.tolist(),
        "energies_eV": found.energies.tolist(),
        "smallest_gap_eV": float(np.abs(gaps).min()) if gaps.size else None,
    }


def _line(ends: Sequence[Atoms], n_points: int, coordinates: Coordinates) -> tuple[Array, Array]:
    """Geometries [n, n_atoms, 3], each laid over the one before, and where they are on the path [n]."""
    weights, shares = ends[0].get_masses(), np.arange(n_points + 1) / n_points
    given = [ends[0].positions]
    for end in ends[1:]:
        given.append(aligned(end.positions, given[-1], weights))
    tree = zmatrix_of(ends[0].numbers, given) if coordinates == "internal" else None
    places, where = [given[0]], [0.0]
    for index, (first, last) in enumerate(zip(given[:-1], given[1:], strict=True)):
        line = (
            interpolated(tree, first, last, shares)
            if tree is not None
            else first + shares[:, None, None] * (last - first)
        )
        for share, place in zip(shares[1:], line[1:], strict=True):
            places.append(aligned(place, places[-1], weights))
            where.append(index + float(share))
    return np.array(places), np.array(where)


def _plot(found: Scan) -> Figure:
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    for state in range(found.energies.shape[1]):
        axes.plot(found.shares, found.energies[:, state], ".-", label=f"state {state}")
    for place in range(1, len(found.names) - 1):
        axes.axvline(place, color="0.8", linewidth=1, zorder=0)
    axes.set(ylabel="energy (eV)", title=TITLES[found.coordinates])
    axes.set_xticks(range(len(found.names)), found.names, fontsize="small")
    axes.legend(fontsize="small")
    return figure


def _check(ends: Sequence[Atoms], n_points: int) -> None:
    if len(ends) < 2 or n_points < 1:
        raise ConfigError(
            f"{len(ends)} geometry and {n_points} steps; a path needs two geometries or more, and a step or more"
        )
    first = ends[0]
    if any(len(end) != len(first) or (end.numbers != first.numbers).any() for end in ends):
        raise DataError("the geometries of a path are not of one molecule; give the same atoms in the same order")
    if first.pbc.any():
        raise DataError("a path is for molecules, and this structure is periodic; give it without a cell")
