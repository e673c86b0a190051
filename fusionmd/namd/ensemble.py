"""An ensemble of trajectories, run in batches; finished ones leave the batch. Any batch size gives the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from fusionmd.errors import ConfigError
from fusionmd.namd.driver import Parts, total_energy
from fusionmd.namd.hopping import Hops
from fusionmd.namd.protocol import Array, BoolArray, IntArray
from fusionmd.namd.rows import concatenate, take
from fusionmd.namd.state import State, populations

IsFinished = Callable[[State], BoolArray]
OnStep = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Records:
    """What is written down of each trajectory, every `interval` steps; a finished one repeats its last values.

    active: [n_traj, n_frames].  populations: |c|^2 [n_traj, n_frames, n_states].
    energies: Total, kinetic plus active [n_traj, n_frames], Hartree.  gaps: Smallest gap between adjacent states, same.
    """

    active: IntArray
    populations: Array
    energies: Array
    gaps: Array


@dataclass(frozen=True, eq=False)
class Ensemble:
    """The result of a run, sorted by trajectory.

    times: [n_frames], atomic time.  final: Where each trajectory ended.  hops: All attempts, by trajectory and step.
    """

    times: Array
    records: Records
    final: State
    hops: Hops

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
        return self.records.populations.mean(axis=0)


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
    if n_steps < 0 or interval < 1 or n_steps % interval:
        raise ConfigError(f"{n_steps} steps with a record every {interval}: give a multiple of the interval")
    size = state.n_trajectories if batch_size is None else batch_size
    if size < 1:
        raise ConfigError(f"batch size {size} with {state.n_trajectories} trajectories; both must be positive")
    done, batches = 0, []
    for rows in _slices(state.n_trajectories, size):
        batch = take(state, rows)
        tell = None if on_step is None else _shifted(on_step, done, batch.n_trajectories)
        batches.append(_run_batch(batch, parts, n_steps, interval, is_finished, tell))
        done += batch.n_trajectories * n_steps
    times = parts.dt * np.arange(0, n_steps + 1, interval, dtype=np.float64)
    records, finals, hops = (list(part) for part in zip(*batches, strict=True))
    return Ensemble(times, concatenate(records), concatenate(finals), _sorted(concatenate(hops)))


def _run_batch(
    state: State, parts: Parts, n_steps: int, interval: int, is_finished: IsFinished | None, on_step: OnStep | None
) -> tuple[Records, State, Hops]:
    """One batch; `whole` holds every trajectory, `state` those that still move, at the rows `moving` of it."""
    whole, moving = state, np.arange(state.n_trajectories)
    frames, hops = [_frame(whole, parts)], []
    for step in range(1, n_steps + 1):
        if len(moving):
            state, attempts = parts.advance(state, parts)
            hops.append(attempts)
        if step % interval == 0 and len(moving):
            whole = _returned(whole, moving, state)
            if is_finished is not None:
                left = ~is_finished(state)
                state, moving = (state, moving) if left.all() else (take(state, left), moving[left])
        if step % interval == 0:
            frames.append(_frame(whole, parts))
        if on_step is not None:
            on_step(step)
    records = [np.stack(column, axis=1) for column in zip(*frames, strict=True)]
    return Records(*records), whole, concatenate(hops) if hops else _no_hops(whole)


def _returned(whole: State, rows: IntArray, part: State) -> State:
    return part if part.n_trajectories == whole.n_trajectories else _put(whole, rows, part)


def _put(whole: State, rows: IntArray, part: State) -> State:
    order = np.arange(whole.n_trajectories)
    order[rows] = whole.n_trajectories + np.arange(len(rows))
    return take(concatenate([whole, part]), order)


def _frame(state: State, parts: Parts) -> tuple[IntArray, Array, Array, Array]:
    energies = state.electronic.energies
    gaps = np.ascontiguousarray(energies[:, 1:] - energies[:, :-1]).min(axis=1)
    return state.active, populations(state.amplitudes), total_energy(state, parts.surfaces.masses), gaps


def _slices(n: int, size: int) -> Iterator[IntArray]:
    for begin in range(0, n, size):
        yield np.arange(begin, min(begin + size, n))


def _shifted(on_step: OnStep, done: int, n: int) -> OnStep:
    return lambda step: on_step(done + step * n)


def _sorted(hops: Hops) -> Hops:
    return take(hops, np.lexsort((hops.step, hops.trajectory)))


def _no_hops(state: State) -> Hops:
    none = np.zeros(0, dtype=np.int64)
    return Hops(none, none, none, none, none.astype(bool), none.astype(float), state.positions[:0])
