"""Time-derivative couplings T_ij = <i|d/dt j> of a state, from coupling vectors or from the curvature of gaps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fusionmd.namd.hermitian import dot
from fusionmd.namd.protocol import Array
from fusionmd.namd.state import State

TDC = Callable[[State, float], Array]


def no_couplings(state: State, dt: float) -> Array:
    """Zeros, for methods that use none."""
    return np.zeros((*state.electronic.energies.shape, state.electronic.energies.shape[1]))


def from_vectors(state: State, dt: float) -> Array:
    """T_ij = v . d_ij."""
    assert state.electronic.couplings is not None
    return dot(state.electronic.couplings, state.velocities[:, None, None, :])


def from_gradients(state: State, dt: float) -> Array:
    """Curvature of gaps by dZ/dt = (g_i - g_j) . v now and one step ago; Shu et al., JCTC 18, 1320 (2022)."""
    curvatures = (state.slopes - state.past_slopes) / dt
    return _from_curvatures(state.electronic.energies, curvatures)


def from_energies(state: State, dt: float) -> Array:
    """Curvature of gaps by energies of this step and three before; do Casal et al., Open Res. Eur. 1, 49 (2021).

    With two steps before, by three points; with fewer, T = 0.
    """
    now, (one, two, three) = state.electronic.energies, np.moveaxis(state.past_energies, 1, 0)
    four_points = (2 * now - 5 * one + 4 * two - three) / dt**2
    three_points = (now - 2 * one + two) / dt**2
    return _from_curvatures(now, np.where(np.isnan(four_points), three_points, four_points))


def _from_curvatures(energies: Array, curvatures: Array) -> Array:
    """T_ij = sgn(j - i)/2 sqrt((d2 Z/dt2)/Z), Z = E_i - E_j; 0 where the ratio is negative or unknown."""
    gaps = energies[:, :, None] - energies[:, None, :]
    bends = curvatures[:, :, None] - curvatures[:, None, :]
    ratios = np.divide(bends, gaps, out=np.zeros_like(gaps), where=gaps != 0)
    sizes = np.sqrt(np.maximum(np.nan_to_num(ratios, nan=0.0), 0.0)) / 2
    order = np.arange(energies.shape[1])
    return sizes * np.sign(order[None, :] - order[:, None])
