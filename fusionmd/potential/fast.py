"""The fast form of a potential on this machine: native operations where its file has them, else AOTInductor.

Whichever it is, it is built here, never taken from beside a potential, and compared with TorchScript before use.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from fusionmd.errors import PotentialFormatError
from fusionmd.native.library import build_library, library_file
from fusionmd.potential.cache import compiled_files
from fusionmd.potential.compile import TOLERANCES, compile_potential, compiled_differentiate, deviation
from fusionmd.potential.native import UnknownOperationError, has_native_entry, native_core
from fusionmd.potential.potential import Potential

# A file in float32 that runs in float64: its tables were rounded one by one.
ROUNDED = 1e-6


def fast_files(potential: Potential) -> list[Path]:
    """What the fast form consists of, whether it is there or not."""
    return [library_file()] if has_native_entry(potential) else compiled_files(potential)


def build_fast(potential: Potential) -> list[Path]:
    """Make the fast form if it is not there (half a minute, or minutes with AOTInductor), test it, return its files.

    Raises CompilerError or PotentialFormatError where it cannot be made, or computes something else.
    """
    if not has_native_entry(potential):
        files = compile_potential(potential)
        potential.compiled = compiled_differentiate(potential)
        return files
    build_library()
    _use_native(potential)
    return fast_files(potential)


def use_fast(potential: Potential, *, build: bool = False) -> None:
    """Let `potential` run in its fast form, if there is one or `build` is True.

    Warns, and lets it run in TorchScript, if its native entry was written for other operations than this fusionmd has.
    """
    if build:
        build_fast(potential)
    elif not has_native_entry(potential):
        potential.compiled = compiled_differentiate(potential)
    elif library_file().exists():
        try:
            _use_native(potential)
        except UnknownOperationError as problem:
            warnings.warn(f"{problem}; it runs in TorchScript", stacklevel=3)


def _use_native(potential: Potential) -> None:
    """The native core, if it computes the same."""
    core = native_core(potential)
    error, tolerance = deviation(potential, core.differentiate), _tolerance(potential)
    if not error <= tolerance:
        raise PotentialFormatError(
            f"the native form of {potential.metadata.name!r} differs from TorchScript by {error:.2g} (allowed "
            f"{tolerance:.0e}); remove {library_file().parent} and compile again, or use compiled='no'"
        )
    potential.native = core


def _tolerance(potential: Potential) -> float:
    is_rounded = potential.metadata.dtype == "float32" and potential.dtype == "float64"
    return ROUNDED if is_rounded else TOLERANCES[potential.dtype]
