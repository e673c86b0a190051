"""The state of an ensemble on disk: all that the next step depends on, with the name of the protocol it belongs to."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any
from zipfile import BadZipFile

import numpy as np

from fusionmd.errors import DataError
from fusionmd.files import atomic_write
from fusionmd.namd.protocol import Electronic
from fusionmd.namd.state import State

PROTOCOL = "protocol"


def write_state(path: str | os.PathLike[str], state: State, protocol: str) -> None:
    """Write atomically, as .npz without pickles; protocol: Text that `read_state` must be given again."""
    arrays = {f"electronic.{name}": values for name, values in _arrays(state.electronic).items()}
    arrays |= {name: values for name, values in _arrays(state).items() if name != "electronic"}
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **{PROTOCOL: np.array(protocol)}, **arrays)  # type: ignore[arg-type]


def read_state(path: str | os.PathLike[str], protocol: str) -> State:
    """The state in a file; DataError if it belongs to another protocol, or is no such file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        written = str(arrays.pop(PROTOCOL))
        inner = {name.removeprefix("electronic."): arrays.pop(name) for name in list(arrays) if "." in name}
        state = State(electronic=Electronic(**inner), **arrays)
    except (KeyError, TypeError, ValueError, EOFError, BadZipFile) as error:
        raise DataError(f"{os.fspath(path)} is no checkpoint of trajectories ({error}); give another file") from None
    if written != protocol:
        raise DataError(
            f"{os.fspath(path)} belongs to another protocol or other surfaces; continue it with those it was made by"
        )
    return state


def _arrays(tree: Any) -> dict[str, Any]:
    """Fields that are there, by name."""
    found = {field.name: getattr(tree, field.name) for field in fields(tree)}
    return {name: value for name, value in found.items() if value is not None}
