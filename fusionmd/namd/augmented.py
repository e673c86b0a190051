"""Decoherence by moments, A-FSSH: amplitudes collapse where the packets of two states have moved apart.

Jain, Alguire, Subotnik, J. Chem. Theory Comput. 12, 5256 (2016), diagonal moments relative to the active state a:

    d(dP_j)/dt = (F_j - F_a) |c_j|^2,   d(dR_j)/dt = dP_j / M
    rate of collapse of j:  (F_j - F_a) . dR_j / 2 - 2 |F_ja . dR_j|,   F_ja = (E_j - E_a) d_ja
    rate of a reset of its moments:  -(F_j - F_a) . dR_j / 2

Where there are no coupling vectors, F_ja is taken along the velocity: (E_j - E_a) T_ja v/v^2.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fusionmd.namd.hermitian import dot
from fusionmd.namd.protocol import Array, BoolArray, IntArray
from fusionmd.namd.randomness import Purpose, uniform
from fusionmd.namd.state import State, populations


def augmented(state: State, masses: Array, dt: float, seed: int, part: int) -> State:
    """Moments a step later, and the collapses and resets of that step; `part` numbers the parts of one step."""
    n_states = state.amplitudes.shape[1]
    moments = _moved_moments(state, masses, dt)
    apart = dot(_force_differences(state), moments[:, 0]) / 2
    draws = part * n_states + np.arange(n_states)
    random = uniform(seed, state.trajectory[:, None], state.step[:, None], Purpose.DECOHERENCE, draws)
    is_other = np.arange(n_states) != state.active[:, None]
    is_collapse = is_other & (random < dt * (apart - _mixing(state, moments[:, 0])))
    is_reset = is_collapse | (is_other & (random < -dt * apart))
    moments = np.where(is_reset[:, None, :, None], 0.0, moments)
    return replace(_collapsed(state, is_collapse), moments=moments)


def without_moments(state: State, trajectories: IntArray) -> State:
    """All moments of these trajectories begin again, as after a hop."""
    if state.moments is None or not len(trajectories):
        return state
    changed = np.isin(state.trajectory, trajectories)
    return replace(state, moments=np.where(changed[:, None, None, None], 0.0, state.moments))


def no_moments(n: int, n_states: int, n_dof: int) -> Array:
    """Of packets that are all in one place."""
    return np.zeros((n, 2, n_states, n_dof))


def _moved_moments(state: State, masses: Array, dt: float) -> Array:
    assert state.moments is not None
    momenta = state.moments[:, 1] + dt * _force_differences(state) * populations(state.amplitudes)[:, :, None]
    return np.stack([state.moments[:, 0] + dt * momenta / masses, momenta], axis=1)


def _force_differences(state: State) -> Array:
    """F_j - F_a [n, n_states, n_dof]."""
    return state.active_gradients[:, None, :] - state.electronic.gradients


def _mixing(state: State, places: Array) -> Array:
    """2 |F_ja . dR_j| [n, n_states]."""
    rows = np.arange(state.n_trajectories)
    gaps = np.abs(state.electronic.energies - state.active_energies[:, None])
    if state.electronic.couplings is not None:
        return 2 * gaps * np.abs(dot(state.electronic.couplings[rows, state.active], places))
    speeds = np.maximum(dot(state.velocities, state.velocities), np.finfo(np.float64).tiny)
    along = dot(places, state.velocities[:, None, :]) / speeds[:, None]
    return 2 * gaps * np.abs(state.tdc[rows, state.active] * along)


def _collapsed(state: State, is_collapse: BoolArray) -> State:
    """What the collapsed states had goes to the active one, which keeps its phase."""
    amplitudes = np.where(is_collapse, 0.0, state.amplitudes)
    rows = np.arange(state.n_trajectories)
    gained = np.ascontiguousarray(np.where(is_collapse, populations(state.amplitudes), 0.0)).sum(axis=1)
    ours = populations(state.amplitudes)[rows, state.active]
    safe = np.maximum(ours, np.finfo(np.float64).tiny)
    amplitudes[rows, state.active] *= np.sqrt((ours + gained) / safe)
    return replace(state, amplitudes=np.where((ours > 0)[:, None], amplitudes, state.amplitudes))
