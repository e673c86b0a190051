"""Parts of a run on disk: all that the next step depends on, and what was recorded, each with its protocol."""

from __future__ import annotations

import os
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_type_hints
from zipfile import BadZipFile

import numpy as np

from fusionmd.errors import DataError
from fusionmd.files import atomic_write
from fusionmd.namd.state import State

PROTOCOL = "protocol"
Tree = TypeVar("Tree")


def write_state(path: str | os.PathLike[str], state: State, protocol: str) -> None:
    """Write atomically, as .npz without pickles; protocol: Text that `read_state` must be given again."""
    write_tree(path, state, protocol)


def read_state(path: str | os.PathLike[str], protocol: str) -> State:
    """The state in a file; DataError if it belongs to another protocol, or is no such file."""
    return read_tree(path, State, protocol)


def write_tree(path: str | os.PathLike[str], tree: Any, protocol: str) -> None:
    """Write a dataclass of arrays and of such dataclasses; what is None is left out."""
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **{PROTOCOL: np.array(protocol)}, **_flat(tree, ""))  # type: ignore[arg-type]


def read_tree(path: str | os.PathLike[str], kind: type[Tree], protocol: str) -> Tree:
    """What `write_tree` wrote; DataError if it belongs to another protocol, or is no such file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        written = str(arrays.pop(PROTOCOL))
        tree = _tree(kind, arrays)
    except (KeyError, TypeError, ValueError, EOFError, BadZipFile) as error:
        raise DataError(f"{os.fspath(path)} is no checkpoint of trajectories ({error}); give another file") from None
    if written != protocol:
        raise DataError(
            f"{os.fspath(path)} belongs to another protocol or other surfaces; continue it with those it was made by"
        )
    return tree


def _flat(tree: Any, prefix: str) -> dict[str, Any]:
    """Arrays by dotted name."""
    found: dict[str, Any] = {}
    for field in fields(tree):
        value, name = getattr(tree, field.name), f"{prefix}{field.name}"
        if is_dataclass(value):
            found |= _flat(value, f"{name}.")
        elif value is not None:
            found[name] = value
    return found


def _tree(kind: type[Tree], arrays: dict[str, Any]) -> Tree:
    """A dataclass from arrays by dotted name; its own fields decide what may be missing."""
    values = {name: value for name, value in arrays.items() if "." not in name}
    hints = get_type_hints(kind)
    for first in {name.split(".", 1)[0] for name in arrays if "." in name}:
        inner = {name.split(".", 1)[1]: value for name, value in arrays.items() if name.startswith(f"{first}.")}
        values[first] = _tree(hints[first], inner)
    return kind(**values)
