"""What is verified: a potential, and the same as a file in the precision that was asked for."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from fusionmd.potential import Potential, load_potential
from fusionmd.potential.archive import EXCHANGE, METADATA, NATIVE, NATIVE_EXCHANGE, pack, unpack
from fusionmd.potential.file import Source, load_module, read_bytes, use_precision
from fusionmd.potential.metadata import Metadata
from fusionmd.potential.torchscript import saved

DType = Literal["float32", "float64"]
TORCH_DTYPES: dict[DType, torch.dtype] = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True, eq=False)
class Subject:
    """potential: In `dtype`, in TorchScript.  path: Its file, for engines that read one.  content: As it was given."""

    potential: Potential
    dtype: DType
    path: Path
    content: bytes

    @property
    def folder(self) -> Path:
        """A place for what child processes read and write."""
        return self.path.parent


def subject_of(source: Source, dtype: DType, folder: Path) -> Subject:
    """The potential in `dtype`; its file goes into `folder`."""
    content, name = read_bytes(source)
    load_potential(content)  # its own self-test, in its own precision
    path = folder / "potential.pt"
    path.write_bytes(in_precision(content, dtype, name))
    return Subject(load_potential(path), dtype, path, content)


def in_precision(content: bytes, dtype: DType, name: str) -> bytes:
    """The file with its network in `dtype`; unchanged where it is, else without the native entries."""
    extra_files = unpack(content, source=name)
    metadata = Metadata.from_json(extra_files[METADATA], source=name)
    if metadata.dtype == dtype:
        return content
    core = load_module(content, name)
    use_precision(core, TORCH_DTYPES[dtype])
    extra_files[METADATA] = dataclasses.replace(metadata, dtype=dtype).to_json().encode()
    if EXCHANGE in extra_files:
        entry = load_module(extra_files[EXCHANGE], f"the exchange entry of {name}")
        use_precision(entry, TORCH_DTYPES[dtype])
        extra_files[EXCHANGE] = saved(entry)
    return pack(core, {key: value for key, value in extra_files.items() if key not in (NATIVE, NATIVE_EXCHANGE)})


def dtype_of_file(content: bytes) -> DType:
    """The precision in which a file was exported."""
    return "float64" if Metadata.from_json(unpack(content)[METADATA]).dtype == "float64" else "float32"


def precision_of(potential: Potential) -> DType:
    """The precision in which a potential runs."""
    return "float64" if potential.dtype == "float64" else "float32"
