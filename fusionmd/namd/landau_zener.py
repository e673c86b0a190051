"""Probability of a hop at a minimum of the gap. Belyaev, Lebedev, Phys. Rev. A 84, 014701 (2011), Eq. 3.

P = exp[-(pi/2) sqrt(Z^3/(d2Z/dt2))] at a minimum of Z(t) = |E_(k+1) - E_k| along the trajectory, from energies alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusionmd.namd.hermitian import dot
from fusionmd.namd.protocol import Array, BoolArray, IntArray, Surfaces
from fusionmd.namd.state import State, active_rows

SURE_GAP = 1e-5  # Hartree; a smaller gap is always crossed
DISCONTINUITY, WARNING, SMALL_PROBABILITY = 1.3, 0.3, 0.01


@dataclass(frozen=True, eq=False)
class Minima:
    """Gap minima between adjacent states k and k + 1, located at the middle of three points [n, n_states - 1].

    probabilities: 0 where there is no minimum.  gaps: At the vertex of the parabola, Hartree.
    curvatures: d2Z/dt2.  is_doubtful: The curvature of the three points before differs much.
    """

    is_minimum: BoolArray
    probabilities: Array
    gaps: Array
    curvatures: Array
    is_doubtful: BoolArray


def minima(old: State, new: State, dt: float) -> Minima:
    """Minima at the time of `old`, seen from one step later; guards as in the module constants.

    Where the second difference of the three points before differs by more than DISCONTINUITY (relative), the surfaces
    have a jump and P is 0; where it differs by more than WARNING, the minimum is doubtful.
    """
    earlier, before = _gaps(old.past_energies[:, 1]), _gaps(old.past_energies[:, 0])
    here, after = _gaps(old.electronic.energies), _gaps(new.electronic.energies)
    bend = after - 2 * here + before
    is_minimum = (here < before) & (here < after)
    safe = np.where(is_minimum, bend, 1.0)
    vertex = np.maximum(here - (after - before) ** 2 / (8 * safe), 0.0)
    curvature = safe / dt**2
    probability = np.exp(-np.pi / 2 * np.sqrt(vertex**3 / curvature))
    jump = np.nan_to_num(np.abs(1 - (here - 2 * before + earlier) / safe), nan=0.0)
    is_relevant = is_minimum & (probability > SMALL_PROBABILITY)
    probability = np.where(is_relevant & (jump > DISCONTINUITY), 0.0, probability)
    probability = np.where(vertex < SURE_GAP, 1.0, probability)
    return Minima(
        is_minimum,
        np.where(is_minimum, probability, 0.0),
        np.where(is_minimum, vertex, np.nan),
        np.where(is_minimum, curvature, np.nan),
        is_relevant & (jump > WARNING),
    )


def probabilities(found: Minima, active: IntArray, allowed: BoolArray | None = None) -> Array:
    """P(active -> b) [n, n_states]: to the states above and below, scaled where both together exceed 1.

    allowed: Between which states there are hops [n_states, n_states]; None: any.
    """
    rows, n_states = np.arange(len(active)), found.probabilities.shape[1] + 1
    result = np.zeros((len(active), n_states))
    up, down = active < n_states - 1, active > 0
    result[rows[up], active[up] + 1] = found.probabilities[rows[up], active[up]]
    result[rows[down], active[down] - 1] = found.probabilities[rows[down], active[down] - 1]
    if allowed is not None:
        result = np.where(allowed[active], result, 0.0)
    total = np.ascontiguousarray(result).sum(axis=1)
    return result / np.maximum(total, 1.0)[:, None]


def turning_points(old: State, new: State, dt: float, allowed: BoolArray | None = None) -> tuple[IntArray, Array]:
    """Where the gap beside the active state has a minimum inside a step: the other state [n] (-1: nowhere), when.

    The cubic through Z and dZ/dt at both ends; times are shares of the step [n]. Of two minima the smaller counts.
    allowed: Between which states minima count [n_states, n_states]; None: any.
    """
    n_states = old.electronic.energies.shape[1]
    other, share, smallest = np.full(len(old.active), -1), np.zeros(len(old.active)), np.full(len(old.active), np.inf)
    for side in (-1, 1):
        state = np.clip(old.active + side, 0, n_states - 1)
        (z0, s0), (z1, s1) = _gap(old, state), _gap(new, state)
        is_turn = (state != old.active) & (s0 < 0) & (s1 > 0)
        is_turn &= True if allowed is None else allowed[old.active, state]
        time = np.where(is_turn, _lowest(z0, z1, s0 * dt, s1 * dt), 0.0)
        is_better = is_turn & (np.minimum(z0, z1) < smallest)
        other, share = np.where(is_better, state, other), np.where(is_better, time, share)
        smallest = np.where(is_better, np.minimum(z0, z1), smallest)
    return other, share


def exact_probabilities(state: State, other: IntArray, surfaces: Surfaces) -> Array:
    """P(active -> other) [n, n_states] at a minimum, d2Z/dt2 = v (H_b - H_a) v + (g_b - g_a) . a from Hessians."""
    rows = np.arange(state.n_trajectories)
    order = np.arange(surfaces.n_states)
    asked = (order == state.active[:, None]) | (order == other[:, None])
    bends = surfaces.curvatures(state.positions, state.velocities, asked)
    acceleration = -state.active_gradients / surfaces.masses
    pushed = dot(state.electronic.gradients, acceleration[:, None, :])
    sign = np.sign(other - state.active)
    second = sign * (bends + pushed)[rows, other] - sign * (bends + pushed)[rows, state.active]
    gap, _ = _gap(state, other)
    safe = np.where(second > 0, second, 1.0)
    probability = np.where(second > 0, np.exp(-np.pi / 2 * np.sqrt(gap**3 / safe)), 0.0)
    result = np.zeros(state.electronic.energies.shape)
    result[rows, other] = np.where(gap < SURE_GAP, 1.0, probability)
    return result


def _gap(state: State, other: IntArray) -> tuple[Array, Array]:
    """|E_other - E_active| and its slope [n]."""
    difference = active_rows(state.electronic.energies, other) - state.active_energies
    slopes = state.slopes
    sign = np.where(difference < 0, -1.0, 1.0)
    return sign * difference, sign * (active_rows(slopes, other) - active_rows(slopes, state.active))


def _lowest(z0: Array, z1: Array, s0: Array, s1: Array) -> Array:
    """Minimum in (0, 1) of a cubic with values z and slopes s at 0 and 1, s0 < 0 < s1: 3 a u^2 + 2 b u + s0 = 0."""
    a = 2 * (z0 - z1) + s0 + s1
    b = 3 * (z1 - z0) - 2 * s0 - s1
    root = np.sqrt(np.maximum(b**2 - 3 * a * s0, 0.0))
    return np.clip(-s0 / np.where(b + root > 0, b + root, np.inf), 0.0, 1.0)


def _gaps(energies: Array) -> Array:
    return np.abs(energies[:, 1:] - energies[:, :-1])
