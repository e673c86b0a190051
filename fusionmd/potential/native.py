"""The native entry of a potential file: the same core in operations of `fusionmd.native`, on the same weights."""

from __future__ import annotations

from typing import Any

import torch

from fusionmd.errors import PotentialFormatError
from fusionmd.native.library import load_library
from fusionmd.potential.archive import NATIVE, unpack
from fusionmd.potential.potential import Potential
from fusionmd.potential.torchscript import loaded


class UnknownOperationError(PotentialFormatError):
    """A native entry asks for operations that this version does not have."""


def has_native_entry(potential: Potential) -> bool:
    """Whether its file has one for the device it runs on."""
    return potential.device.type == "cpu" and bool(potential.content) and NATIVE in unpack(potential.content)


def native_core(potential: Potential) -> Any:
    """The scripted core of the native entry; the library must have been built."""
    load_library()
    try:
        core = loaded(unpack(potential.content)[NATIVE])
    except RuntimeError as error:
        first = next(iter(str(error).strip().splitlines()), "no message")
        raise UnknownOperationError(
            f"the native entry of {potential.metadata.name!r} was written by another version of fusionmd ({first}); "
            "export the potential again"
        ) from None
    filled(core, potential.core)
    references = potential.core.atomic_energies
    if potential.core.model_dtype.dtype != getattr(torch, potential.metadata.dtype):
        core.to(potential.core.model_dtype.dtype)
    core.atomic_energies = references
    return core


def filled(entry: Any, main: Any) -> None:
    """Give every parameter and buffer that both have under one name the value of `main`."""
    values = {**dict(main.named_parameters()), **dict(main.named_buffers())}
    for name, target in [*entry.named_parameters(), *entry.named_buffers()]:
        if name in values:
            target.data = values[name].data
