"""Labelling many frames: several at once, each tried twice, failures on record, killed runs continued."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from fusionmd.data.extxyz import write_extxyz
from fusionmd.data.frame import ACTIVE_WEIGHT_KEY, STRENGTHS_KEY, Frame
from fusionmd.elements import symbols
from fusionmd.errors import LabelError
from fusionmd.files import write_text_atomic
from fusionmd.labels.bonds import broken_bonds
from fusionmd.labels.journal import Journal, fingerprint
from fusionmd.labels.protocol import Labels, Method
from fusionmd.structure import Structure
from fusionmd.workers import worker_pool

TRIES = 2


def label_frames(
    structures: Sequence[Structure],
    method: Method,
    output: Path,
    *,
    roots: Sequence[int],
    n_jobs: int = 1,
    bond_factor: float | None = None,
    on_progress: Callable[[int], None] = lambda n_done: None,
) -> dict[int, str]:
    """Write the labelled frames to `output` (extxyz), failures to `output`.failures.json; return these by frame.

    Frames that fail are left out of
    `output`, never silently: LabelError if none is left. An interrupted call with the same arguments continues.
    bond_factor: Frames in which a bond of the first one is longer than so many sums of covalent radii fail.
    """
    for k, structure in enumerate(structures):
        check_structure(structure, method, f"frame {k}")
    broken = {} if bond_factor is None else broken_bonds(structures, bond_factor)
    heading: dict[str, Any] = {"method": method.name, "roots": list(roots), "frames_sha256": fingerprint(structures)}
    heading |= {} if bond_factor is None else {"bond_factor": bond_factor}
    output.parent.mkdir(parents=True, exist_ok=True)
    journal = Journal(output.with_name(output.name + ".journal"), heading)
    for frame in broken.keys() - journal.entries.keys():
        journal.add(frame, broken[frame])
    todo = [frame for frame in range(len(structures)) if frame not in journal.entries]
    on_progress(len(journal.entries))
    for frame, result in _results(structures, method, roots, todo, n_jobs):
        journal.add(frame, result)
        on_progress(len(journal.entries))
    return _write(structures, method, output, journal)


def tried(method: Method, structure: Structure, roots: Sequence[int]) -> Labels | str:
    """The labels, or what was wrong at the last try."""
    message = ""
    for _ in range(TRIES):
        try:
            return method.label(structure, roots)
        except LabelError as error:
            message = str(error)
    return message


def _results(
    structures: Sequence[Structure], method: Method, roots: Sequence[int], todo: Sequence[int], n_jobs: int
) -> Iterator[tuple[int, Labels | str]]:
    """As they come; no more than a few are under way, and an interrupt waits only for those that run."""
    waiting = iter(todo)
    under_way: dict[Future[Labels | str], int] = {}
    with _pool(method, n_jobs) as pool:
        try:
            while True:
                while len(under_way) < 2 * n_jobs and (frame := next(waiting, None)) is not None:
                    under_way[pool.submit(tried, method, structures[frame], roots)] = frame
                if not under_way:
                    return
                done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    yield under_way.pop(future), future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _pool(method: Method, n_jobs: int) -> AbstractContextManager[Executor]:
    """Threads for methods that start processes of their own; processes of one thread for those in Python."""
    if getattr(method, "is_in_process", False):
        return worker_pool(n_jobs)
    return ThreadPoolExecutor(n_jobs)


def _write(structures: Sequence[Structure], method: Method, output: Path, journal: Journal) -> dict[int, str]:
    frames, failures = [], {}
    for k, structure in enumerate(structures):
        entry = journal.entries[k]
        if isinstance(entry, str):
            failures[k] = entry
        else:
            frames.append(_frame(structure, entry, f"frame {k}"))
    if not frames:
        journal.path.unlink()
        raise LabelError(f"no frame of {len(structures)} could be labelled; the first: {next(iter(failures.values()))}")
    write_extxyz(output, frames)
    record = {"method": method.name, "n_frames": len(structures), "n_labelled": len(frames), "failures": failures}
    write_text_atomic(output.with_name(output.name + ".failures.json"), json.dumps(record, indent=1) + "\n")
    journal.path.unlink()
    return failures


def _frame(structure: Structure, labels: Labels, source: str) -> Frame:
    info: dict[str, Any] = {} if labels.strengths is None else {STRENGTHS_KEY: labels.strengths}
    info |= {} if labels.active_weight is None else {ACTIVE_WEIGHT_KEY: labels.active_weight}
    return Frame(structure, labels.energies, labels.forces, couplings=labels.couplings, info=info, source=source)


def check_structure(structure: Structure, method: Method, what: str) -> None:
    """Raise LabelError, which begins with `what`, where the method cannot work."""
    unknown = sorted({int(z) for z in structure.numbers} - (method.elements or frozenset(range(1, 119))))
    if unknown:
        raise LabelError(f"{what}: {method.name} has no parameters for {symbols(unknown)}; choose another method")
    if structure.is_periodic:
        raise LabelError(f"{what} is periodic; {method.name} is for molecules: drop the cell")
