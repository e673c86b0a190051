"""What an ensemble says: populations, decay, drift, and when each trajectory came to rest on the ground state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusionmd.namd.populations import wilson_interval
from fusionmd.namd.protocol import Array, BoolArray, IntArray
from fusionmd.namd.run_file import RunFile


@dataclass(frozen=True, eq=False)
class Populations:
    """Shares of trajectories with 95 % intervals, and mean |c|^2; all [n_frames, n_states].  time: fs."""

    time: Array
    mean: Array
    low: Array
    high: Array
    amplitudes: Array


def populations_of(run: RunFile, rows: BoolArray) -> Populations:
    """Of the chosen trajectories."""
    states = np.arange(run.n_states)
    mean = (run.active_state[rows][:, :, None] == states).mean(axis=0)
    low, high = wilson_interval(mean, int(rows.sum()))
    return Populations(run.time, mean, low, high, run.amplitude_population[rows].mean(axis=0))


def energy_drifts(run: RunFile) -> Array:
    """|slope| of the total energy between hops, times the length of each trajectory [n_traj], eV.

    One slope a trajectory and an offset of its own for every stretch without an accepted hop or a jump (least squares).
    """
    drifts = np.zeros(run.n_trajectories)
    for row, end in enumerate(run.end_frames):
        stretch = _stretches(run, row, end)
        times = _centred(run.time[: end + 1], stretch)
        energies = _centred(run.total_energy[row, : end + 1], stretch)
        if (spread := float(times @ times)) > 0:
            drifts[row] = abs(float(times @ energies)) / spread * (run.time[end] - run.time[0])
    return drifts


def energy_changes(run: RunFile) -> Array:
    """|last total energy - first| of each trajectory [n_traj], eV: what drift between hops leaves out is in it."""
    rows = np.arange(run.n_trajectories)
    return np.asarray(np.abs(run.total_energy[rows, run.end_frames] - run.total_energy[:, 0]))


def hop_times(run: RunFile) -> Array:
    """Of every attempt, fs."""
    return run.hops.step * (run.time[1] - run.time[0]) / run.steps_per_frame


def arrivals(run: RunFile) -> Array:
    """When each trajectory came to state 0 for good, fs [n_traj]; infinite where it did not, 0 where it never left."""
    result = np.where(run.active_state[:, -1] == 0, 0.0, np.inf)
    times, hops = hop_times(run), run.hops
    for index in np.flatnonzero(hops.accepted & (hops.target == 0)):
        if np.isfinite(result[hops.trajectory[index]]):
            result[hops.trajectory[index]] = times[index]
    return result


def first_arrivals(run: RunFile) -> Array:
    """When each trajectory first came to state 0, fs [n_traj]; infinite where it never did."""
    result = np.where(run.active_state[:, 0] == 0, 0.0, np.inf)
    made = run.hops.accepted & (run.hops.target == 0)
    np.minimum.at(result, run.hops.trajectory[made], hop_times(run)[made])
    return result


def last_seen(run: RunFile) -> Array:
    """When each trajectory ended, fs [n_traj]."""
    return run.time[run.end_frames]


def attempts_table(run: RunFile) -> list[tuple[int, int, int, int]]:
    """Source, target, accepted, frustrated; for every pair of states that occurs."""
    pairs: dict[tuple[int, int], list[int]] = {}
    for source, target, accepted in zip(run.hops.source, run.hops.target, run.hops.accepted, strict=True):
        pairs.setdefault((int(source), int(target)), [0, 0])[0 if accepted else 1] += 1
    return [(source, target, *counts) for (source, target), counts in sorted(pairs.items())]  # type: ignore[misc]


def _stretches(run: RunFile, row: int, end: int) -> IntArray:
    """How many accepted hops and jumps lie before each frame of a trajectory [end + 1]."""
    breaks = [one.step[(one.trajectory == row) & one.accepted] for one in (run.hops, run.jumps)]
    steps = np.arange(end + 1) * run.steps_per_frame
    return np.searchsorted(np.sort(np.concatenate(breaks)), steps, side="right")


def _centred(values: Array, stretch: IntArray) -> Array:
    """Less the mean of each stretch."""
    means = np.bincount(stretch, values) / np.maximum(np.bincount(stretch), 1)
    return np.asarray(values - means[stretch])
