"""Pieces of one ensemble, run apart with trajectories of different numbers, as one file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import yaml

from fusionmd.errors import DataError
from fusionmd.namd.protocol import Array, IntArray
from fusionmd.namd.trajectory import Arrays, shares, write_arrays

OF_A_PIECE = {"first", "n_trajectories", "batch_size", "checkpoint_s"}
OF_ITS_SURFACES = {"frames", "compiled", "jobs", "parameters"}  # replaced parameters are in the name of surfaces


@dataclass(frozen=True, eq=False)
class Piece:
    """The file of a run, as it is. numbers: Of its trajectories [n]."""

    path: str
    arrays: Arrays
    attributes: dict[str, Any]
    numbers: IntArray


def trajectories(paths: Sequence[str | os.PathLike[str]]) -> IntArray:
    """Numbers of all trajectories of pieces [n]; DataError as of `join`."""
    return np.concatenate([piece.numbers for piece in _pieces(paths)])


def join(paths: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str]) -> None:
    """Write one file of all trajectories.

    DataError where numbers are missing or doubled, or surfaces, molecule or protocol differ.
    """
    pieces = _pieces(paths)
    first, numbers = pieces[0], np.concatenate([piece.numbers for piece in pieces])
    whole = {"first": int(numbers[0]), "n_trajectories": len(numbers)}
    protocol = yaml.safe_dump(yaml.safe_load(first.attributes["protocol"]) | whole, sort_keys=False)
    write_arrays(output, _joined(pieces), first.attributes | {"protocol": protocol}, numbers)


def shared(protocol: str) -> dict[str, Any]:
    """What the pieces of an ensemble have in common, of a protocol."""
    content = {key: value for key, value in yaml.safe_load(protocol).items() if key not in OF_A_PIECE}
    surfaces = {key: value for key, value in content["surfaces"].items() if key not in OF_ITS_SURFACES}
    return content | {"surfaces": surfaces}


def _pieces(paths: Sequence[str | os.PathLike[str]]) -> list[Piece]:
    """In the order of their trajectories."""
    pieces = sorted((_read(path) for path in paths), key=lambda piece: int(piece.numbers[0]))
    numbers = np.concatenate([piece.numbers for piece in pieces])
    if not np.array_equal(numbers, numbers[0] + np.arange(len(numbers))):
        spans = ", ".join(f"{piece.numbers[0]}..{piece.numbers[-1]} in {piece.path}" for piece in pieces)
        raise DataError(f"trajectories do not follow one another: {spans}; give each piece once, and all of them")
    for piece in pieces[1:]:
        _check(pieces[0], piece)
    return pieces


def _read(path: str | os.PathLike[str]) -> Piece:
    try:
        with h5py.File(path) as file:
            arrays = {
                name: (data[:], data.attrs["units"], [axis[0].name.strip("/") for axis in data.dims])
                for name, data in file.items()
                if not data.is_scale
            }
            return Piece(os.fspath(path), arrays, dict(file.attrs), file["trajectory"][:])
    except (OSError, KeyError, RuntimeError) as error:
        raise DataError(
            f"{os.fspath(path)} is no file of hopping trajectories ({error}); give one that fusionmd namd wrote"
        ) from None


def _check(one: Piece, other: Piece) -> None:
    mine, theirs = (shared(piece.attributes["protocol"]) for piece in (one, other))
    wrong = [key for key in sorted({*mine, *theirs}) if mine.get(key) != theirs.get(key)]
    for name in ("surfaces", "atomic_numbers"):
        ours, others = (np.asarray(piece.attributes.get(name)) for piece in (one, other))
        wrong += [] if np.array_equal(ours, others) else [name]
    wrong += [name for name in ("time", "masses") if not np.array_equal(one.arrays[name][0], other.arrays[name][0])]
    if wrong:
        raise DataError(f"{one.path} and {other.path} are no pieces of one ensemble: {', '.join(wrong)} differ")


def _joined(pieces: Sequence[Piece]) -> Arrays:
    """Rows of trajectories and hops one after the other; shares are counted again."""
    begins = np.cumsum([0, *(len(piece.numbers) for piece in pieces)])
    arrays: Arrays = {}
    for name, (values, unit, dimensions) in pieces[0].arrays.items():
        columns = [piece.arrays[name][0] for piece in pieces]
        if name == "hop_trajectory":
            columns = [column + begin for column, begin in zip(columns, begins[:-1], strict=True)]
        is_row = dimensions[0] in ("trajectory", "hop")
        arrays[name] = (np.concatenate(columns) if is_row else values, unit, dimensions)
    return arrays | shares(_populations(arrays), int(begins[-1]))


def _populations(arrays: Arrays) -> Array:
    active, n_states = arrays["active_state"][0], arrays["state_energies"][0].shape[2]
    return np.stack([(active == state).mean(axis=0) for state in range(n_states)], axis=1)
