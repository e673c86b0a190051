"""A calculation as a process of its own, in a folder of its own, with a time limit; it ends with all it started."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from fusionmd.errors import LabelError
from fusionmd.threads import ONE_THREAD


def run_process(
    command: Sequence[str], folder: Path, *, who: str, timeout_s: float, environment: Mapping[str, str] | None = None
) -> str:
    """What it prints, errors too; LabelError, which begins with `who`, beyond the time limit. Its status is not judged.

    The process leads a group, which is killed as a whole: programs that start others leave nothing behind.
    """
    variables = {**os.environ, **ONE_THREAD, **(environment or {})}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise LabelError(f"{who} took longer than {timeout_s:g} s; look at the geometry, or allow more") from None
    finally:
        _end(process)
    return printed.decode(errors="replace")


def read_result(path: Path, who: str, printed: str) -> str:
    """A file that the calculation should have left; LabelError with the last line it printed where it is missing."""
    if not path.is_file():
        lines = [line.strip() for line in printed.splitlines() if line.strip()]
        said = f"; it said: {lines[-1][:200]}" if lines else ""
        raise LabelError(f"{who} left no {path.name}: it crashed{said}; look at the geometry, and at its settings")
    return path.read_text(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()
    if process.stdout:
        process.stdout.close()
