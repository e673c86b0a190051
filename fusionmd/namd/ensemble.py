"""An ensemble of trajectories, run in batches, in memory. Any batch size gives the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from fusionmd.errors import ConfigError
from fusionmd.namd.batch import FINISHED, MOVING, OnStep, Records, Stop, begun, frame, in_time, run_batch
from fusionmd.namd.driver import Parts
from fusionmd.namd.hopping import Hops
from fusionmd.namd.protocol import Array, BoolArray, IntArray
from fusionmd.namd.rows import concatenate, take
from fusionmd.namd.state import State

IsFinished = Callable[[State], BoolArray]


@dataclass(frozen=True, eq=False)
class Ensemble:
    """The result of a run, sorted by trajectory.

    times: [n_frames], atomic time.  final: Where each trajectory ended.  hops: All attempts, by trajectory and step.
    flags: 0 where it ran to the end, FINISHED, or why it was stopped [n_traj].
    """

    times: Array
    records: Records
    final: State
    hops: Hops
    flags: IntArray

    @property
    def n_trajectories(self) -> int:
        """How many there are."""
        return self.final.n_trajectories

    def active_populations(self) -> Array:
        """Share of trajectories on each state [n_frames, n_states]."""
        n_states = self.records.populations.shape[2]
        return np.stack([(self.records.active == state).mean(axis=0) for state in range(n_states)], axis=1)

    def amplitude_populations(self) -> Array:
        """Mean of |c|^2 [n_frames, n_states]."""
        return np.asarray(self.records.populations.mean(axis=0))


def run_ensemble(
    state: State,
    parts: Parts,
    *,
    n_steps: int,
    interval: int = 1,
    batch_size: int | None = None,
    is_finished: IsFinished | None = None,
    on_step: OnStep | None = None,
) -> Ensemble:
    """Run all rows of `state` by n_steps, or until they are finished.

    batch_size: Trajectories that move together (None: all).  on_step: Called with trajectory-steps done.
    """
    check_lengths(n_steps, interval)
    stop = None if is_finished is None else _stop_of(is_finished)
    done, results = 0, []
    for rows in slices(state.n_trajectories, batch_size):
        batch = begun(take(state, rows), parts)
        tell = None if on_step is None else shifted(on_step, done, len(rows))
        first = frame(batch.state, parts)
        batch, records, hops = run_batch(batch, parts, n_steps=n_steps, interval=interval, stop=stop, on_step=tell)
        results.append((in_time([first, records]), batch.state, hops, batch.flags))
        done += len(rows) * n_steps
    return gathered(results, parts.dt, interval)


def gathered(results: list[tuple[Records, State, Hops, IntArray]], dt: float, interval: int) -> Ensemble:
    """Batches as one ensemble; dt in atomic time."""
    records, finals, hops, flags = (list(part) for part in zip(*results, strict=True))
    whole, attempts = concatenate(records), concatenate(hops)
    times = dt * interval * np.arange(whole.active.shape[1], dtype=np.float64)
    order = np.lexsort((attempts.step, attempts.trajectory))
    return Ensemble(times, whole, concatenate(finals), take(attempts, order), np.concatenate(flags))


def slices(n: int, size: int | None) -> Iterator[IntArray]:
    """Numbers of the trajectories of each batch."""
    size = n if size is None else size
    if n < 1 or size < 1:
        raise ConfigError(f"batch size {size} with {n} trajectories; both must be positive")
    for begin in range(0, n, size):
        yield np.arange(begin, min(begin + size, n))


def check_lengths(n_steps: int, interval: int) -> None:
    """ConfigError if the records do not divide the steps."""
    if n_steps < 0 or interval < 1 or n_steps % interval:
        raise ConfigError(f"{n_steps} steps with a record every {interval}: give a multiple of the interval")


def shifted(on_step: OnStep, done: int, n: int) -> OnStep:
    """Steps of a batch of n trajectories as trajectory-steps of all, `done` before it."""
    return lambda step: on_step(done + step * n)


def _stop_of(is_finished: IsFinished) -> Stop:
    return lambda state, *_: np.where(is_finished(state), FINISHED, MOVING)
