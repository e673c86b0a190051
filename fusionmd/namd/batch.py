"""Trajectories that move together: what is recorded of them, and who has stopped; stopped ones cost nothing more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from fusionmd.namd.driver import Parts, total_energy
from fusionmd.namd.hopping import Hops
from fusionmd.namd.protocol import Array, IntArray
from fusionmd.namd.rows import concatenate, put, take
from fusionmd.namd.state import State, populations

MOVING, FINISHED = 0, 1  # flags; others say why a trajectory was stopped
Stop = Callable[[State, Array, Array], IntArray]
OnStep = Callable[[int], None]


@dataclass(frozen=True)
class Rest:
    """When a trajectory is finished: after n_steps on state 0 in a row with the next state farther than `gap`, Hartree.

    A smaller gap leaves the window for a hop open.
    """

    n_steps: int
    gap: float

    def steps(self, state: State, before: IntArray) -> IntArray:
        """Steps at rest so far [n]; before: Those at the step before."""
        energies = state.electronic.energies
        is_resting = (state.active == 0) & (energies[:, 1] - energies[:, 0] > self.gap)
        return np.where(is_resting, before + 1, 0)


@dataclass(frozen=True, eq=False)
class Records:
    """What is written down of each trajectory, every `interval` steps; a stopped one repeats its last values.

    active: [n_traj, n_frames].  populations: |c|^2 [n_traj, n_frames, n_states].
    energies: Total, kinetic plus active [n_traj, n_frames], Hartree.  gaps: Smallest gap between adjacent states, same.
    potentials: Energies of all states [n_traj, n_frames, n_states].  positions: [n_traj, n_frames, n_dof], bohr.
    """

    active: IntArray
    populations: Array
    energies: Array
    gaps: Array
    potentials: Array
    positions: Array


@dataclass(frozen=True, eq=False)
class Batch:
    """Where every trajectory of a batch is.

    state: Of all, stopped ones where they stopped.  flags: MOVING, FINISHED or a reason [n].
    first_energies, last_energies: Total energies at the start, and at the last frame [n], Hartree.
    resting: Steps at rest in a row [n]; 0 where nothing ends trajectories at rest.
    """

    state: State
    flags: IntArray
    first_energies: Array
    last_energies: Array
    resting: IntArray


def begun(state: State, parts: Parts) -> Batch:
    """A batch in which all move."""
    energies = total_energy(state, parts.surfaces.masses)
    none = np.zeros(state.n_trajectories, dtype=np.int64)
    return Batch(state, none, energies, energies, none)


def run_batch(
    batch: Batch,
    parts: Parts,
    *,
    n_steps: int,
    interval: int,
    stop: Stop | None = None,
    rest: Rest | None = None,
    on_step: OnStep | None = None,
) -> tuple[Batch, Records, Hops]:
    """The batch n_steps later, a frame for every `interval` of them, and the attempts to hop.

    stop: Flags [n] from a state, the first energies and those of the last frame, asked for at every frame.
    rest: Ends trajectories, at frames, that have been at rest for so long.  on_step: Told the steps done.
    """
    moving = np.flatnonzero(batch.flags == MOVING)
    state, resting = take(batch.state, moving), batch.resting[moving]
    frames, hops = [], [no_hops(state)]
    for step in range(1, n_steps + 1):
        if len(moving):
            state, attempts = parts.advance(state, parts)
            hops.append(attempts)
            resting = resting if rest is None else rest.steps(state, resting)
        if step % interval == 0:
            batch = _returned(batch, moving, state, stop, parts) if len(moving) else batch
            batch = batch if rest is None else _rested(batch, moving, resting, rest)
            going = batch.flags[moving] == MOVING
            if not going.all():
                state, moving, resting = take(state, going), moving[going], resting[going]
            frames.append(frame(batch.state, parts))
        if on_step is not None:
            on_step(step)
    return batch, in_time(frames) if frames else _no_frames(batch.state, parts), concatenate(hops)


def frame(state: State, parts: Parts) -> Records:
    """What is written down now: one frame."""
    energies = state.electronic.energies
    gaps = np.ascontiguousarray(energies[:, 1:] - energies[:, :-1]).min(axis=1)
    total, shares = total_energy(state, parts.surfaces.masses), populations(state.amplitudes)
    now = Records(state.active, shares, total, gaps, energies, state.positions)
    return Records(*(getattr(now, field.name)[:, None] for field in fields(Records)))


def in_time(parts: Sequence[Records]) -> Records:
    """Frames of the same trajectories, one after the other."""
    return Records(
        *(np.concatenate([getattr(part, field.name) for part in parts], axis=1) for field in fields(Records))
    )


def no_hops(state: State) -> Hops:
    """No attempt."""
    none = np.zeros(0, dtype=np.int64)
    return Hops(none, none, none, none, none.astype(bool), none.astype(float), state.positions[:0])


def _returned(batch: Batch, moving: IntArray, state: State, stop: Stop | None, parts: Parts) -> Batch:
    """The moving rows put back, with flags where they are to stop."""
    whole = state if state.n_trajectories == batch.state.n_trajectories else put(batch.state, moving, state)
    if stop is None:
        return replace(batch, state=whole)
    flags, energies = batch.flags.copy(), batch.last_energies.copy()
    flags[moving] = stop(state, batch.first_energies[moving], batch.last_energies[moving])
    energies[moving] = total_energy(state, parts.surfaces.masses)
    return replace(batch, state=whole, flags=flags, last_energies=energies)


def _rested(batch: Batch, moving: IntArray, resting: IntArray, rest: Rest) -> Batch:
    """The steps at rest put back; FINISHED where they are enough and nothing else was wrong."""
    steps, flags = batch.resting.copy(), batch.flags.copy()
    steps[moving] = resting
    flags[moving] = np.where((flags[moving] == MOVING) & (resting >= rest.n_steps), FINISHED, flags[moving])
    return replace(batch, flags=flags, resting=steps)


def _no_frames(state: State, parts: Parts) -> Records:
    return Records(*(getattr(frame(state, parts), field.name)[:, :0] for field in fields(Records)))
