"""Where a potential comes from: hashes of the data, version of the program."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

from fusionmd.files import sha256_of_file

PACKAGE = Path(__file__).resolve().parent.parent


def data_sha256(paths: Sequence[Path]) -> str:
    """SHA-256 of the file, or of the hashes of several files in order."""
    hashes = [sha256_of_file(path) for path in paths]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def commit() -> str:
    """Commit of the checkout that this package runs from, with `+` if its code was changed; empty when installed."""
    if not (PACKAGE.parent / ".git").exists():
        return ""
    try:
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", str(PACKAGE))
        return _git("rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(PACKAGE), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
