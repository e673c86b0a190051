"""The potential file as bytes: a TorchScript archive that carries extra files, the same bytes for the same content."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

from fusionmd.errors import PotentialFormatError
from fusionmd.potential.torchscript import saved

METADATA, WEIGHTS, EXCHANGE, SELF_TEST = "fusionmd.json", "weights.safetensors", "exchange.pt", "selftest.npz"
# Entries in native operations, for one process and with exchange; who runs them has built `fusionmd.native.library`.
NATIVE, NATIVE_EXCHANGE = "native.pt", "native_exchange.pt"
# Positions in the sources of the machine that exported: of no use elsewhere, and different on every machine.
_DEBUG_SUFFIX = ".debug_pkl"
_EPOCH = (1980, 1, 1, 0, 0, 0)
# What torch has in every archive; its absence tells a foreign zip from a damaged one.
_TORCH_RECORD = "data.pkl"


def pack(module: Any, extra_files: Mapping[str, bytes]) -> bytes:
    """Archive of a scripted module with extra files (where torch looks for them: `<root>/extra/<name>`)."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(module))) as source, zipfile.ZipFile(packed, "w") as target:
        root = source.namelist()[0].split("/")[0]
        for record in source.infolist():
            if not record.filename.endswith(_DEBUG_SUFFIX):
                _add(target, record.filename, source.read(record), record.compress_type)
        for name in sorted(extra_files):
            _add(target, f"{root}/extra/{name}", extra_files[name], zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def unpack(content: bytes, *, source: str = "the file") -> dict[str, bytes]:
    """The extra files of an archive; every record's checksum is tested, and nothing in it is run."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            damaged = archive.testzip()
            names = archive.namelist()
            extra_files = {name.split("/extra/", 1)[1]: archive.read(name) for name in names if "/extra/" in name}
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, zlib.error):
        raise PotentialFormatError(f"{source} {_what_it_is(content)}") from None
    if damaged is not None:
        raise PotentialFormatError(f"{source} is damaged (record {damaged}); copy or export it again")
    if METADATA not in extra_files:
        what = (
            "is a file of torch without fusionmd metadata"
            if _has_torch_record(names)
            else "is a zip file of something else"
        )
        raise PotentialFormatError(f"{source} {what}, not a fusionmd potential; make one with `fusionmd export`")
    return extra_files


def _add(archive: zipfile.ZipFile, name: str, content: bytes, compress_type: int) -> None:
    archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, compress_type=compress_type)


def _has_torch_record(names: list[str]) -> bool:
    return any(name.endswith("/" + _TORCH_RECORD) for name in names)


def _what_it_is(content: bytes) -> str:
    if not content:
        return "is empty; copy or export it again"
    if content.startswith(b"PK"):
        return "is truncated or damaged; copy or export it again"
    return "is not a fusionmd potential (no TorchScript archive); make one with `fusionmd export`"
