"""Probability of a hop at a minimum of the gap. Belyaev, Lebedev, Phys. Rev. A 84, 014701 (2011), Eq. 3.

P = exp[-(pi/2) sqrt(Z^3/(d2Z/dt2))] at a minimum of Z(t) = |E_(k+1) - E_k| along the trajectory, from energies alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusionmd.namd.protocol import Array, BoolArray, IntArray
from fusionmd.namd.state import State

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


def probabilities(found: Minima, active: IntArray) -> Array:
    """P(active -> b) [n, n_states]: to the states above and below, scaled where both together exceed 1."""
    rows, n_states = np.arange(len(active)), found.probabilities.shape[1] + 1
    result = np.zeros((len(active), n_states))
    up, down = active < n_states - 1, active > 0
    result[rows[up], active[up] + 1] = found.probabilities[rows[up], active[up]]
    result[rows[down], active[down] - 1] = found.probabilities[rows[down], active[down] - 1]
    total = np.ascontiguousarray(result).sum(axis=1)
    return result / np.maximum(total, 1.0)[:, None]


def _gaps(energies: Array) -> Array:
    return np.abs(energies[:, 1:] - energies[:, :-1])
