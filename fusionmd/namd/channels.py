"""Where trajectories, or an exact packet, end in one dimension: transmitted or reflected, on which state."""

from __future__ import annotations

import numpy as np

from fusionmd.namd.exact import Wave
from fusionmd.namd.protocol import Array
from fusionmd.namd.state import State

CHANNELS = ("transmitted, lower", "transmitted, upper", "reflected, lower", "reflected, upper")


def of_wave(wave: Wave) -> Array:
    """Probability of each channel [4]: adiabatic state, and side of x = 0."""
    densities, is_right = wave.adiabatic_densities(), wave.grid.points[:, 0] > 0
    return np.concatenate([densities[:, is_right].sum(axis=1), densities[:, ~is_right].sum(axis=1)])


def of_trajectories(state: State) -> Array:
    """Share of trajectories in each channel [4]."""
    channel = np.where(state.positions[:, 0] > 0, 0, 2) + state.active
    return np.bincount(channel, minlength=4) / state.n_trajectories
