"""Extended XYZ: one frame after another, each `n_atoms`, a comment of key=value pairs, and one line per atom.

Format: https://github.com/libAtoms/extxyz. The comment's `Properties=species:S:1:pos:R:3:forces:R:3` names the columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusionmd.data.frame import ACTIVE_WEIGHT_KEY, DEFAULT_CONFIG_TYPE, STRENGTHS_KEY, Frame
from fusionmd.data.record import WEIGHT_KEYS, Record
from fusionmd.elements import atomic_number, symbol
from fusionmd.errors import DataError
from fusionmd.files import atomic_write

_PAIR = re.compile(
    r"""(?P<key>"[^"]*"|[^\s="']+)            # a bare or quoted key
        (?:\s*=\s*(?P<value>"(?:\\.|[^"\\])*"|'[^']*'|\[[^\]]*\]|\{[^}]*\}|\S+))?  # a value""",
    re.VERBOSE,
)
_TRUE, _FALSE = {"T", "True", "true", "TRUE"}, {"F", "False", "false", "FALSE"}
PLAIN_COLUMNS = "species:S:1:pos:R:3"


def extxyz_records(path: str | PathLike[str]) -> Iterator[Record]:
    """Each frame of an extended XYZ file, in order."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for index, (comment, rows, line) in enumerate(_blocks(file, str(path))):
            source = f"{path}, frame {index}"
            try:
                yield _record(comment, rows, source)
            except (DataError, ValueError) as error:
                raise DataError(f"{source}: {error} (it begins at line {line})") from error


def write_extxyz(path: str | PathLike[str], frames: Iterable[Frame]) -> None:
    """Write frames atomically, 17 digits, keys `energy`, `forces`, `stress` (ASE sign), eV and angstrom."""
    with atomic_write(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        for frame in frames:
            file.write(_text(frame))


def _blocks(lines: Iterator[str], path: str) -> Iterator[tuple[str, list[str], int]]:
    """Comment and atom lines of each frame, and the number of its first line, from 1."""
    index, number = 0, 0
    for line in lines:
        number += 1
        if not line.strip():
            continue
        where = f"{path}, frame {index}"
        if not re.fullmatch(r"\s*\d+\s*", line):
            raise DataError(
                f"{where}: wanted the number of atoms, got {line.strip()[:60]!r} in line {number}; is this an XYZ file?"
            )
        n_atoms = int(line)
        if n_atoms == 0:
            raise DataError(f"{where}: the frame is empty (0 atoms); remove it")
        block = list(islice(lines, n_atoms + 1))
        if len(block) < n_atoms + 1:
            raise DataError(
                f"{where}: {n_atoms} atoms announced, the file ends after {max(len(block) - 1, 0)}; is it truncated?"
            )
        yield block[0], block[1:], number
        index, number = index + 1, number + n_atoms + 1


def _record(comment: str, rows: list[str], source: str) -> Record:
    values = parse_comment(comment)
    columns = _columns(rows, str(values.pop("Properties", PLAIN_COLUMNS)))
    lattice = values.pop("Lattice", None)
    pbc = values.pop("pbc", lattice is not None)
    cell = None if lattice is None else _cell(lattice)
    numbers, positions = _numbers(columns), columns.pop("pos", None)
    if positions is None:
        raise DataError("no column `pos`; name the columns in Properties=...")
    return Record(numbers, positions, cell, pbc, {**values, **columns}, source)


def _cell(lattice: Any) -> NDArray[np.float64]:
    values = np.asarray(lattice, dtype=np.float64)
    if values.size != 9:
        raise DataError(f"Lattice has {values.size} numbers; wanted 9, the three cell vectors one after another")
    return values.reshape(3, 3)


def parse_comment(comment: str) -> dict[str, Any]:
    """The key=value pairs of a comment line; numbers, arrays and bools are recognised, a bare key is True."""
    pairs = (match.group("key", "value") for match in _PAIR.finditer(comment))
    return {key.strip('"'): True if value is None else _value(value) for key, value in pairs}


def _value(text: str) -> Any:
    is_quoted = text[0] in "\"'"
    bare = text[1:-1].replace('\\"', '"') if is_quoted else text
    if bare.startswith("_JSON"):
        return json.loads(bare[5:])
    words = bare.strip("[]{}").replace(",", " ").split()
    if words and all(word in _TRUE or word in _FALSE for word in words):
        flags = [word in _TRUE for word in words]
        return flags[0] if len(flags) == 1 else flags
    try:
        numbers = [_number(word) for word in words]
    except ValueError:
        return bare
    return bare if not numbers else numbers[0] if len(numbers) == 1 else np.array(numbers)


def _number(word: str) -> int | float:
    try:
        return int(word)
    except ValueError:
        return float(word.replace("D", "e").replace("d", "e") if word[-1:].isdigit() else word)


def _columns(rows: list[str], properties: str) -> dict[str, Any]:
    """Columns of the atom lines by name; single columns are flat."""
    fields = properties.split(":")
    if len(fields) % 3:
        raise DataError(f"Properties={properties!r} is not name:type:width repeated")
    cells = [row.split() for row in rows]
    width = sum(int(size) for size in fields[2::3])
    for line, row in enumerate(cells):
        if len(row) < width:
            text = rows[line].strip()[:80]
            raise DataError(f"atom {line} has {len(row)} columns, Properties={properties} wants {width}: {text!r}")
    columns, start = {}, 0
    for name, kind, size in zip(fields[0::3], fields[1::3], fields[2::3], strict=True):
        columns[name] = _column([row[start : start + int(size)] for row in cells], kind, name)
        start += int(size)
    return columns


def _column(cells: list[list[str]], kind: str, name: str) -> NDArray[Any]:
    kinds: dict[str, Any] = {"R": np.float64, "I": np.int64, "S": np.str_}
    if kind == "L":
        column: NDArray[Any] = np.array([[word in _TRUE for word in row] for row in cells])
    elif kind in kinds:
        try:
            column = np.array(cells).astype(kinds[kind])
        except ValueError as error:
            raise DataError(f"column {name}: {error} (atom {_first_wrong(cells, kinds[kind])})") from None
    else:
        raise DataError(f"column {name} has type {kind!r}; wanted R, I, S or L")
    return column[:, 0] if column.shape[1] == 1 else column


def _first_wrong(cells: list[list[str]], kind: Any) -> int:
    """The first row whose words are not of that kind."""
    for atom, row in enumerate(cells):
        try:
            np.array(row).astype(kind)
        except ValueError:
            return atom
    return -1


def _numbers(columns: dict[str, Any]) -> NDArray[np.int64]:
    species = columns.pop("species", None)
    numbers = columns.pop("Z", None)
    if species is None:
        if numbers is None:
            raise DataError("no column `species` or `Z`; name the columns in Properties=...")
        return np.asarray(numbers)
    return np.array([atomic_number(str(name)) for name in species], dtype=np.int64)


def _text(frame: Frame) -> str:
    structure = frame.structure
    columns: list[NDArray[np.float64]] = [structure.positions]
    properties = PLAIN_COLUMNS
    pairs: list[str] = []
    for name, vectors in (("forces", frame.forces), ("couplings", frame.couplings)):
        if vectors is not None:
            states = vectors if vectors.ndim == 3 else vectors[None]
            columns += list(states)
            properties += f":{name}:R:{3 * len(states)}"
    if structure.cell.any():
        pairs.append(f'Lattice="{_numbers_text(structure.cell)}"')
    pairs.append(f"Properties={properties}")
    pairs += [
        f'{name}="{_numbers_text(label)}"'
        for name in ("energy", "stress")
        if (label := getattr(frame, name)) is not None
    ]
    if ACTIVE_WEIGHT_KEY in frame.info:
        pairs.append(f"{ACTIVE_WEIGHT_KEY}={float(frame.info[ACTIVE_WEIGHT_KEY])!r}")
    if STRENGTHS_KEY in frame.info:
        pairs.append(f'{STRENGTHS_KEY}="{_numbers_text(frame.info[STRENGTHS_KEY])}"')
    if frame.config_type != DEFAULT_CONFIG_TYPE:
        pairs.append(f'config_type="{frame.config_type}"')
    pairs += [f"{key}={frame.weights[name]!r}" for key, name in WEIGHT_KEYS.items() if name in frame.weights]
    pairs.append('pbc="' + " ".join("T" if axis else "F" for axis in structure.pbc) + '"')
    table = np.concatenate(columns, axis=1)
    rows = [
        f"{symbol(number):2s} {_numbers_text(row)}"
        for number, row in zip(structure.numbers.tolist(), table, strict=True)
    ]
    return "\n".join([str(structure.n_atoms), " ".join(pairs), *rows, ""])


def _numbers_text(values: NDArray[np.float64]) -> str:
    return " ".join(repr(value) for value in np.asarray(values, dtype=np.float64).ravel().tolist())
