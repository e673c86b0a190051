"""A batch that is run piece by piece, each piece on disk before the next: killed at any moment, it goes on from there.

    FOLDER/batch-00003/state.npz          where every trajectory is, after `n_segments` pieces
    FOLDER/batch-00003/segment-00000.npz  frames and hops of the first piece

A segment is written before the state that counts it: one without is written again, with the same content.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fusionmd.namd.batch import Batch, OnStep, Records, Rest, Stop, begun, frame, in_time, no_hops, run_batch
from fusionmd.namd.checkpoint import read_tree, write_tree
from fusionmd.namd.driver import Parts
from fusionmd.namd.hopping import Hops
from fusionmd.namd.protocol import IntArray
from fusionmd.namd.rows import concatenate
from fusionmd.namd.state import State

STATE = "state.npz"


@dataclass(frozen=True, eq=False)
class Segment:
    """Frames of a piece, and the attempts to hop in it."""

    records: Records
    hops: Hops


@dataclass(frozen=True, eq=False)
class Reached:
    """How far a batch is. n_segments, n_frames: Counts, as arrays of one number."""

    batch: Batch
    n_segments: IntArray
    n_frames: IntArray


def run_on_disk(
    folder: Path,
    protocol: str,
    parts: Parts,
    begin: Callable[[], State],
    *,
    n_steps: int,
    interval: int,
    checkpoint_s: float,
    stop: Stop | None = None,
    rest: Rest | None = None,
    on_step: OnStep | None = None,
) -> None:
    """Begin a batch, or go on with what is in `folder`, to its end; a piece is as long as `checkpoint_s` allows."""
    reached = _reached(folder, protocol) or _first(folder, protocol, begun(begin(), parts), parts)
    while (done := (int(reached.n_frames[0]) - 1) * interval) < n_steps:
        reached = _next(folder, protocol, reached, parts, done, n_steps, interval, checkpoint_s, stop, rest, on_step)


def is_complete(folder: Path, protocol: str, n_frames: int) -> bool:
    """Whether the batch in `folder` has all its frames."""
    reached = _reached(folder, protocol)
    return reached is not None and int(reached.n_frames[0]) >= n_frames


def result_of(folder: Path, protocol: str) -> tuple[Records, State, Hops, IntArray]:
    """Everything a batch has come to, as `gathered` takes it."""
    reached = read_tree(folder / STATE, Reached, protocol)
    pieces = [read_tree(_segment(folder, index), Segment, protocol) for index in range(int(reached.n_segments[0]))]
    records, hops = in_time([piece.records for piece in pieces]), concatenate([piece.hops for piece in pieces])
    return records, reached.batch.state, hops, reached.batch.flags


def write_whole(folder: Path, protocol: str, batch: Batch, records: Records, hops: Hops) -> None:
    """A batch that was run elsewhere, as one piece."""
    write_tree(_segment(folder, 0), Segment(records, hops), protocol)
    _write_reached(folder, protocol, batch, 1, records.active.shape[1])


def _reached(folder: Path, protocol: str) -> Reached | None:
    return read_tree(folder / STATE, Reached, protocol) if (folder / STATE).exists() else None


def _first(folder: Path, protocol: str, batch: Batch, parts: Parts) -> Reached:
    write_tree(_segment(folder, 0), Segment(frame(batch.state, parts), no_hops(batch.state)), protocol)
    return _write_reached(folder, protocol, batch, 1, 1)


def _next(
    folder: Path,
    protocol: str,
    reached: Reached,
    parts: Parts,
    done: int,
    n_steps: int,
    interval: int,
    checkpoint_s: float,
    stop: Stop | None,
    rest: Rest | None,
    on_step: OnStep | None,
) -> Reached:
    """One more piece on disk; frame by frame until the time is up."""
    began, batch = time.monotonic(), reached.batch
    pieces: list[tuple[Records, Hops]] = []
    while done < n_steps and (not pieces or time.monotonic() - began < checkpoint_s):
        batch, records, hops = run_batch(batch, parts, n_steps=interval, interval=interval, stop=stop, rest=rest)
        pieces.append((records, hops))
        done += interval
        if on_step is not None:
            on_step(done)
    index = int(reached.n_segments[0])
    segment = Segment(in_time([piece[0] for piece in pieces]), concatenate([piece[1] for piece in pieces]))
    write_tree(_segment(folder, index), segment, protocol)
    return _write_reached(folder, protocol, batch, index + 1, int(reached.n_frames[0]) + len(pieces))


def _write_reached(folder: Path, protocol: str, batch: Batch, n_segments: int, n_frames: int) -> Reached:
    reached = Reached(batch, np.array([n_segments]), np.array([n_frames]))
    write_tree(folder / STATE, reached, protocol)
    return reached


def _segment(folder: Path, index: int) -> Path:
    return folder / f"segment-{index:05d}.npz"
