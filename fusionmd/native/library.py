"""The library of native operations: built once per machine and torch, kept in the user's cache, loaded into torch."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import torch

from fusionmd.errors import CompilerError
from fusionmd.files import is_own, user_cache
from fusionmd.native import schemas  # noqa: F401  the library finds them defined
from fusionmd.native.compiler import build_shared, cpu_features, torch_flags

SOURCES = Path(__file__).parent / "src"


@cache
def library_path() -> Path:
    """Where the library is, or would be: under a hash of its sources, of torch and of the processor."""
    parts = [path.read_bytes() for path in sorted(SOURCES.iterdir())]
    parts += [torch.__version__.encode(), cpu_features().encode()]
    return Path(hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]) / "libfusionmd_native.so"


def library_file() -> Path:
    """`library_path` in the user's cache."""
    return user_cache("native") / library_path()


def build_library() -> Path:
    """Build the library if it is not there (half a minute) and return its path; CompilerError where that fails."""
    path = library_file()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        build_shared([SOURCES / "library.cpp"], path, torch_flags())
    return path


def load_library() -> None:
    """Load what `build_library` made; CompilerError if it belongs to somebody else or does not load."""
    path = library_file()
    if not is_own(path):
        raise CompilerError(
            f"{path} belongs to another user and is not run; remove it, or set FUSIONMD_CACHE to a folder of yours"
        )
    try:
        torch.ops.load_library(str(path))
    except OSError as error:
        raise CompilerError(f"{path} does not load ({error}); remove it and run `fusionmd compile` again") from error
