"""What an evaluator computes, and how: plain data that travels inside a System XML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypedDict

import torch

from fusionmd.errors import ConfigError
from fusionmd.potential import Potential, load_potential
from fusionmd.potential.file import Compiled, Source

N_LOADED = 8
DTYPES = {None: None, "float32": torch.float32, "float64": torch.float64}
OF_LOADING = ("device", "dtype", "compiled")


class Options(TypedDict, total=False):
    """The fields of `Settings` that a user chooses."""

    state: int
    skin: float
    has_references: bool
    device: str
    dtype: str | None
    compiled: Compiled
    memory_GB: float | None


@dataclass(frozen=True)
class Settings:
    """Everything but the potential.

    numbers: Atomic numbers of the particles it sees [n_atoms].
    is_periodic: Along all three box vectors, or along none.
    state: Electronic state (0 = ground).
    skin: Of the neighbour list, angstrom.
    has_references: Whether energies include the reference energies E0 of the atoms.
    device: 'cpu', 'cuda', or 'auto': a GPU where there is one.
    dtype: Of the network, 'float32' or 'float64'; None is that of the file.
    compiled: 'auto' runs what `fusionmd compile` made for this machine, 'yes' makes it, 'no' does without.
    memory_GB: Bound on the working memory (None: half of what is free).
    """

    numbers: tuple[int, ...]
    is_periodic: bool = False
    state: int = 0
    skin: float = 1.0
    has_references: bool = True
    device: str = "auto"
    dtype: str | None = None
    compiled: Compiled = "auto"
    memory_GB: float | None = None


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse options that do not exist."""
    known = list(Options.__annotations__)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ConfigError(f"unknown option {', '.join(unknown)}; known are {', '.join(known)}")


def load(source: Source, settings: Settings) -> Potential:
    """The potential in a file."""
    if settings.dtype not in DTYPES:
        raise ConfigError(f"unknown dtype {settings.dtype!r}; give 'float32', 'float64' or None")
    device = _device_of(settings.device)
    return load_potential(source, device=device, compiled=settings.compiled, dtype=DTYPES[settings.dtype])


def load_shared(content: bytes, settings: Settings) -> Potential:
    """The same, once for all evaluators of this process that load the same bytes in the same way."""
    of_loading = {name: getattr(settings, name) for name in OF_LOADING}
    return _loaded(content, Settings(numbers=(), **of_loading))


@lru_cache(maxsize=N_LOADED)
def _loaded(content: bytes, settings: Settings) -> Potential:
    return load(content, settings)


def _device_of(name: str) -> torch.device:
    available = torch.cuda.is_available()
    if name.startswith("cuda") and not available:
        raise ConfigError(f"device {name!r} was asked for, but torch sees no CUDA device; use 'cpu' or 'auto'")
    return torch.device(("cuda" if available else "cpu") if name == "auto" else name)
