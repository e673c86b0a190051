"""Loading a potential: the archive is checked before anything in it is run, and it answers its self-test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import torch

from fusionmd.errors import PotentialFormatError
from fusionmd.potential.archive import EXCHANGE, METADATA, SELF_TEST, unpack
from fusionmd.potential.fast import use_fast
from fusionmd.potential.metadata import Metadata
from fusionmd.potential.native import filled
from fusionmd.potential.potential import Potential
from fusionmd.potential.selftest import SelfTest, run_self_test
from fusionmd.potential.shipped import potential_path
from fusionmd.potential.torchscript import loaded

Source = str | os.PathLike[str] | bytes
Compiled = Literal["auto", "yes", "no"]


def load_potential(
    source: Source,
    *,
    device: str | torch.device = "cpu",
    compiled: Compiled = "no",
    dtype: torch.dtype | None = None,
) -> Potential:
    """Load a potential from a path, the name of a shipped one, or the bytes of a file.

    compiled: 'yes' uses this machine's compiled form and makes it if there is none (a minute, once), 'auto' uses it
    where it exists, 'no' runs TorchScript.
    dtype: Precision of the network (None: that of the file); references and sums are float64 in any case.
    """
    content, name = read_bytes(source)
    extra_files = unpack(content, source=name)
    metadata = Metadata.from_json(extra_files[METADATA], source=name)
    potential = Potential(load_module(content, name, device), metadata, content)
    run_self_test(potential, self_test_of(extra_files, name), source=name)
    if dtype is not None:
        use_precision(potential.core, dtype)
    if compiled != "no":
        use_fast(potential, build=compiled == "yes")
    return potential


def read_metadata(source: Source) -> Metadata:
    """The metadata of a potential file, without running anything in it."""
    content, name = read_bytes(source)
    return Metadata.from_json(unpack(content, source=name)[METADATA], source=name)


def load_exchange_core(source: Source, *, device: str | torch.device = "cpu") -> Any:
    """The entry whose features pass `fusionmd::ghost_exchange`, with the weights of the main entry."""
    content, name = read_bytes(source)
    extra_files = unpack(content, source=name)
    if EXCHANGE not in extra_files:
        raise PotentialFormatError(
            f"{name} has no exchange entry: its model does not support exchange; use mode expand"
        )
    entry = load_module(extra_files[EXCHANGE], f"the exchange entry of {name}", device)
    filled(entry, load_module(content, name, device))
    return entry


def use_precision(core: Any, dtype: torch.dtype) -> None:
    """Let the network of a core compute in `dtype`; its reference energies stay as they are."""
    references = core.atomic_energies
    core.to(dtype)
    core.atomic_energies = references


def read_bytes(source: Source) -> tuple[bytes, str]:
    """Content, and what to call it in messages."""
    if isinstance(source, bytes):
        return source, "the potential (given as bytes)"
    path = potential_path(source)
    return Path(path).read_bytes(), str(path)


def self_test_of(extra_files: dict[str, bytes], name: str) -> SelfTest:
    """The self-test among the extra files."""
    if SELF_TEST not in extra_files:
        raise PotentialFormatError(f"{name} carries no self-test; export the potential again")
    return SelfTest.from_npz(extra_files[SELF_TEST], source=name)


def load_module(content: bytes, name: str, device: str | torch.device = "cpu") -> Any:
    """The scripted module of an archive; PotentialFormatError where torch finds none."""
    try:
        return loaded(content, device)
    except RuntimeError as error:
        first_line = next(iter(str(error).strip().splitlines()), "no message")
        raise PotentialFormatError(
            f"torch {torch.__version__} cannot load {name} ({first_line}); copy or export it again, or use "
            f"another torch"
        ) from None
