"""Where built libraries live: the user's cache, under hashes of all they depend on.

The torch core depends on torch and its C++ ABI, the plugin on LAMMPS' version, headers, MPI and integer sizes, and on
where its core is. Both depend on their sources. Nothing here imports torch or lammps: every start of LAMMPS asks.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import fusionmd
from fusionmd.files import user_cache
from fusionmd_lammps.host import Host, package_folder

SOURCES = Path(__file__).resolve().parent / "src"
CORE_LIBRARY, PAIR_LIBRARY, PLUGIN = "libfusionmd_core.so", "libfusionmd_pair.so", "fusionmdplugin.so"
_FUSIONMD = Path(fusionmd.__file__).resolve().parent
# Where the generated header takes its constants from; and where the path of the native operations comes from.
TABLES = [_FUSIONMD / name for name in ("units.py", "elements.py", "potential/cache.py", "potential/inductor.py")]
NATIVE = [_FUSIONMD / "native" / name for name in ("library.py", "compiler.py")]
CXX_ABI = "cxx11"  # of every torch that fusionmd runs with


def core_folder() -> Path:
    """Folder of the torch core for the torch of this environment."""
    parts = [version("torch"), str(package_folder("torch")), CXX_ABI, platform.machine()]
    return user_cache("lammps") / f"core-{_hash(parts, [*TABLES, *_sources('core')])}"


def plugin_folder(host: Host) -> Path:
    """Folder that LAMMPS looks into for the plugin."""
    mpi = [host.mpi_include / "mpi.h"] if host.mpi_include else []
    parts = [str(core_folder()), str(host.version), host.compiler, str(host.is_bigbig), platform.machine()]
    headers = sorted(host.include.rglob("*.h"))
    native = [*NATIVE, *sorted((_FUSIONMD / "native" / "src").iterdir())]
    parts += [str(user_cache("native")), str(_FUSIONMD)]
    return user_cache("lammps") / f"plugin-{_hash(parts, [*TABLES, *native, *_sources('pair'), *headers, *mpi])}"


def is_built(host: Host) -> bool:
    """Whether both halves are there."""
    return (core_folder() / CORE_LIBRARY).is_file() and (plugin_folder(host) / PLUGIN).is_file()


def _sources(part: str) -> list[Path]:
    return sorted(path for path in (SOURCES / part).iterdir() if path.suffix in (".h", ".cpp"))


def _hash(parts: Iterable[str], files: Iterable[Path]) -> str:
    digest = hashlib.sha256("\n".join(parts).encode())
    for path in files:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
