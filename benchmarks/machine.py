"""Where and with what a figure was measured: the part that every result file has."""

import os
import platform
import subprocess
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("fusionmd", "torch", "numpy", "ase", "e3nn", "mace-torch", "vesin")


def provenance(packages: Sequence[str] = PACKAGES) -> dict[str, Any]:
    """Commit, date, versions, machine, load and thread settings of this process."""
    return {
        "commit": commit(),
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": {"python": platform.python_version(), **versions(packages)},
        "machine": {"cpu": cpu_model(), "cores": os.cpu_count(), "libc": " ".join(platform.libc_ver())},
        "load_average": os.getloadavg(),
        "threads": {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")},
    }


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Versions of those packages that are installed in this interpreter."""
    found = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def cpu_model() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def commit() -> str:
    """Commit of this checkout, with `+` if tracked code differs from it."""
    try:
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", "fusionmd", "benchmarks/*.py")
        return _git("rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
