"""Batches of hopping trajectories as tasks: here, in several processes, or on the workers of a Dask cluster.

A task knows its trajectories by number, so that it does not matter who runs it, and with whom. In processes of this
machine it writes its pieces itself; from a cluster the whole batch comes back and is written here.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from fusionmd.errors import ConfigError, PropagationError
from fusionmd.namd.batch import Batch, OnStep, Records, Rest, Stop, begun, frame, in_time, run_batch
from fusionmd.namd.config import parts_of
from fusionmd.namd.driver import Parts
from fusionmd.namd.ensemble import shifted
from fusionmd.namd.hopping import Hops
from fusionmd.namd.protocol import IntArray
from fusionmd.namd.segments import run_on_disk, write_whole
from fusionmd.namd.state import State
from fusionmd.namd.triage import Limits, bonds_of, stop_of
from fusionmd.units import ATOMIC_TIME_PER_FS, HARTREE_PER_EV
from fusionmd.workers import worker_pool
from fusionmd.workflows.namd_settings import RunSettings
from fusionmd.workflows.namd_start import Beginning, started, surfaces_of

ROUNDING = 1e-6  # of a step


@dataclass(frozen=True, eq=False)
class Task:
    """One batch. numbers: Its trajectories [n].  begun: Where these begin.  folder: Its own."""

    settings: RunSettings
    protocol: str
    numbers: IntArray
    begun: Beginning
    folder: Path


def run_here(tasks: Sequence[Task], *, on_step: OnStep | None = None) -> None:
    """One after the other, in this process."""
    done = 0
    for task in tasks:
        on_disk(task, None if on_step is None else shifted(on_step, done, len(task.numbers)))
        done += len(task.numbers) * task.settings.n_steps


def run_in_processes(tasks: Sequence[Task], n_workers: int, *, on_step: OnStep | None = None) -> None:
    """In `n_workers` fresh processes with one thread each."""
    with worker_pool(n_workers) as pool:
        futures = {pool.submit(on_disk, task): task for task in tasks}
        try:
            deque(_told(((futures[done], done.result()) for done in as_completed(futures)), on_step), maxlen=0)
        except BrokenProcessPool:
            raise PropagationError(
                "a worker process died, perhaps for want of memory; go on with fusionmd namd resume and fewer workers"
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def run_on_cluster(tasks: Sequence[Task], address: str, *, on_step: OnStep | None = None) -> None:
    """On the workers of a Dask scheduler; they need this package and, by its path or name, the potential."""
    try:
        distributed: Any = import_module("distributed")
    except ImportError:
        raise ConfigError("--scheduler needs Dask; install it with pip install 'fusionmd[namd]'") from None
    try:
        client = distributed.Client(address, timeout="20s")
    except OSError as error:
        raise ConfigError(
            f"no Dask scheduler answers at {address} ({error}); start one, or leave --scheduler"
        ) from None
    with client:
        futures = {client.submit(in_memory, task, pure=False): task for task in tasks}
        pairs = ((futures[future], result) for future, result in distributed.as_completed(futures, with_results=True))
        for task, (batch, records, hops) in _told(pairs, on_step):
            write_whole(task.folder, task.protocol, batch, records, hops)


def on_disk(task: Task, on_step: OnStep | None = None) -> None:
    """Run a task to its end, or go on with it, in its folder."""
    parts, settings = _parts(task), task.settings
    run_on_disk(
        task.folder,
        task.protocol,
        parts,
        lambda: _state(task, parts),
        n_steps=settings.n_steps,
        interval=settings.interval,
        checkpoint_s=settings.checkpoint_s,
        stop=_stop(task, parts),
        rest=_rest(settings),
        on_step=on_step,
    )


def in_memory(task: Task) -> tuple[Batch, Records, Hops]:
    """Run a task to its end, with one thread, and give back everything."""
    torch.set_num_threads(1)
    parts, settings = _parts(task), task.settings
    first = begun(_state(task, parts), parts)
    batch, records, hops = run_batch(
        first,
        parts,
        n_steps=settings.n_steps,
        interval=settings.interval,
        stop=_stop(task, parts),
        rest=_rest(settings),
    )
    return batch, in_time([frame(first.state, parts), records]), hops


def _parts(task: Task) -> Parts:
    is_limited = task.settings.triage.uncertainty_eV is not None
    surfaces = surfaces_of(task.settings.surfaces, task.begun.molecule, with_uncertainties=is_limited)
    return parts_of(task.settings.method, surfaces, task.settings.time_step_fs * ATOMIC_TIME_PER_FS)


def _stop(task: Task, parts: Parts) -> Stop:
    given, molecule = task.settings.triage, task.begun.molecule
    bonds = (
        None
        if molecule is None or given.bond_factor is None
        else bonds_of(molecule.numbers, molecule.positions, given.bond_factor)
    )
    limits = Limits(
        window=_in_hartree(given.energy_window_eV),
        step=_in_hartree(given.energy_step_eV),
        norm=given.norm,
        bonds=bonds,
        uncertainty=_in_hartree(given.uncertainty_eV),
    )
    return stop_of(limits, parts.surfaces.masses)


def _rest(settings: RunSettings) -> Rest | None:
    if settings.settle_fs is None:
        return None
    n_steps = math.ceil(settings.settle_fs / settings.time_step_fs - ROUNDING)
    return Rest(n_steps, settings.settle_gap_eV * HARTREE_PER_EV)


def _in_hartree(energy_eV: float | None) -> float | None:
    return None if energy_eV is None else energy_eV * HARTREE_PER_EV


def _state(task: Task, parts: Parts) -> State:
    return started(task.settings, parts, task.numbers, task.begun)


def _told(pairs: Iterator[tuple[Task, Any]], on_step: OnStep | None) -> Iterator[tuple[Task, Any]]:
    """The same pairs; `on_step` hears of each when it has been dealt with."""
    done = 0
    for task, result in pairs:
        yield task, result
        done += len(task.numbers) * task.settings.n_steps
        if on_step is not None:
            on_step(done)
