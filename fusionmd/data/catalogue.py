"""Getting known data sets: from a local copy or from their official address, checked, whole or not at all.

Nothing is downloaded unless asked for; `FUSIONMD_DATA=DIR` names a folder of local copies, DIR/<name>/<file>.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from fusionmd.data.known import CATALOGUE, KnownData
from fusionmd.errors import DataError
from fusionmd.files import atomic_write, sha256_of_file

VARIABLE = "FUSIONMD_DATA"
TIMEOUT_S = 60.0


def find_file(name: str, file: str, *, folder: str | os.PathLike[str] | None = None) -> Path:
    """Path of a local copy: in `folder`, or below FUSIONMD_DATA."""
    root = folder or os.environ.get(VARIABLE)
    if not root:
        raise DataError(f"data set {name}: no local copy named; set {VARIABLE}=DIR or run `fusionmd data fetch {name}`")
    for path in (Path(root) / name / file, Path(root) / file):
        if path.is_file():
            return path
    raise DataError(f"{file} of data set {name} is neither in {root} nor in {Path(root) / name}")


def known_data(name: str) -> KnownData:
    """The entry called `name`."""
    if name not in CATALOGUE:
        raise DataError(f"unknown data set {name!r}; known are {', '.join(CATALOGUE)}")
    return CATALOGUE[name]


def fetch(name: str, to: str | os.PathLike[str], *, from_dir: str | os.PathLike[str] | None = None) -> list[Path]:
    """Put the files of a data set into `to`/<name>, from a local copy (`from_dir`, FUSIONMD_DATA) or its address.

    Every file is checked against its SHA-256 where that is known, and appears whole or not at all.
    """
    entry = known_data(name)
    local = from_dir or os.environ.get(VARIABLE)
    return [_fetch_file(entry, file, Path(to) / name / file, local) for file in entry.files]


def _fetch_file(entry: KnownData, file: str, target: Path, local: str | os.PathLike[str] | None) -> Path:
    if target.is_file() and _matches(target, entry.files[file]):
        return target
    source = find_file(entry.name, file, folder=local) if local else None
    with atomic_write(target) as temporary:
        if source:
            shutil.copyfile(source, temporary)
        else:
            _download(entry, file, temporary)
        if not _matches(temporary, entry.files[file]):
            raise DataError(
                f"{file} has SHA-256 {sha256_of_file(temporary)}, wanted {entry.files[file]}: "
                f"another version or damaged; get it from {entry.homepage}"
            )
    return target


def _matches(path: Path, expected: str | None) -> bool:
    return expected is None or sha256_of_file(path) == expected


def _download(entry: KnownData, file: str, target: Path) -> None:
    address = entry.addresses.get(file)
    if address is None:
        raise DataError(
            f"{file} of {entry.name} cannot be fetched by itself; get the data from {entry.homepage} "
            f"and pass --from DIR, or set {VARIABLE}"
        )
    if not address.startswith("https://"):
        raise DataError(f"{address} is not https; refused")
    try:
        with urlopen(address, timeout=TIMEOUT_S) as response, open(target, "wb") as copy:
            shutil.copyfileobj(response, copy)
    except (URLError, OSError) as error:
        raise DataError(f"cannot download {address}: {error}; get it by hand and pass --from DIR") from error
