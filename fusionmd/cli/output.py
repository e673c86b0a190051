"""What verbs show: tables, progress, and the same result as JSON. Plain lines where the output is no terminal."""

import json
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from fusionmd.files import write_bytes_atomic


class Progress(Protocol):
    """What `progress` hands out: told how many steps are done, and with which remark."""

    def __call__(self, done: int, remark: str = "") -> None: ...


def write_json(path: Path | None, result: Any) -> None:
    """Write `result` as JSON to `path`, if one was asked for (`--json`)."""
    if path is not None:
        text = json.dumps(result, indent=2, default=_plain, allow_nan=True)
        write_bytes_atomic(path, (text + "\n").encode())


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> None:
    """Print a table; numbers are aligned right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = [list(row) for row in rows]
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        is_number = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        table.add_column(column, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(cell)) for cell in row))
    console = Console()
    console.width = max(console.width, 100)
    console.print(table)


@contextmanager
def progress(label: str, n_total: int, *, every_s: float = 10.0) -> Iterator[Progress]:
    """Show how far a loop of `n_total` steps is: a bar on a terminal, else plain lines, `every_s` seconds apart.

    >>> with progress("labelling", 3) as advance:
    ...     for i in range(3):
    ...         advance(i + 1)
    labelling: 3/3
    """
    if sys.stdout.isatty():
        with _bar(label, n_total) as advance:
            yield advance
    else:
        yield _plain_lines(label, n_total, every_s)


@contextmanager
def waiting(label: str, *, after_s: float = 2.0) -> Iterator[None]:
    """Show that something of unknown length goes on: a spinner on a terminal, else one line after `after_s` seconds."""
    if sys.stdout.isatty():
        with _spinner(label):
            yield
        return
    line = threading.Timer(after_s, print, args=[f"{label} ..."], kwargs={"flush": True})
    line.daemon = True
    line.start()
    try:
        yield
    finally:
        line.cancel()


@contextmanager
def _spinner(label: str) -> Iterator[None]:
    from rich.progress import Progress as RichProgress
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    with RichProgress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), transient=True) as bar:
        bar.add_task(label, total=None)
        yield


@contextmanager
def _bar(label: str, n_total: int) -> Iterator[Progress]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    parts = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with RichProgress(TextColumn("{task.description}"), *parts, TextColumn("{task.fields[remark]}")) as bar:
        task = bar.add_task(label, total=n_total, remark="")

        def advance(done: int, remark: str = "") -> None:
            bar.update(task, completed=done, remark=remark)

        yield advance


def _plain_lines(label: str, n_total: int, every_s: float) -> Progress:
    last = time.monotonic()
    first: tuple[int, float] | None = None

    def advance(done: int, remark: str = "") -> None:
        nonlocal last, first
        now = time.monotonic()
        first = first or (done, now)
        if done >= n_total or now - last >= every_s:
            last = now
            parts = (f"{label}: {done}/{n_total}", _left(first, done, n_total, now), remark)
            print(" ".join(part for part in parts if part), flush=True)

    return advance


def _left(first: tuple[int, float], done: int, n_total: int, now: float) -> str:
    """What is left at the speed since the first call (a resumed run does not begin at 0); empty if that is unknown."""
    steps = done - first[0]
    if steps <= 0 or done >= n_total:
        return ""
    return f"({timedelta(seconds=round((now - first[1]) / steps * (n_total - done)))} left)"


def _shown(cell: Any) -> str:
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _plain(value: Any) -> Any:
    """Turn arrays, NumPy numbers and paths into what JSON knows."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
