"""Cumulative incidence of outcomes that exclude each other, where some trajectories end before they have one.

Aalen, Johansen, Scand. J. Stat. 5, 141 (1978): F_k(t) = sum over events up to t of S(t-) d_k/n, with n still at risk;
S(t) = prod (1 - d/n), Kaplan and Meier. The classes and those without outcome sum to 1 at every time.
"""

from __future__ import annotations

import numpy as np

from fusionmd.namd.protocol import Array, IntArray

CENSORED = -1


def cumulative_incidence(times: Array, outcomes: IntArray, n_outcomes: int, grid: Array) -> tuple[Array, Array]:
    """Shares with each outcome by each time of `grid` [n_outcomes, n_grid], and without one yet [n_grid].

    times: When each trajectory had its outcome, or was last seen [n].  outcomes: Which, or CENSORED [n].
    """
    incidence, without = np.zeros((n_outcomes, len(grid))), np.ones(len(grid))
    shares, left = np.zeros(n_outcomes), 1.0
    for event in np.unique(times[outcomes != CENSORED]):
        at_risk = int((times >= event).sum())
        counts = np.bincount(outcomes[(times == event) & (outcomes != CENSORED)], minlength=n_outcomes)
        shares = shares + left * counts / at_risk
        left *= 1 - counts.sum() / at_risk
        later = grid >= event
        incidence[:, later], without[later] = shares[:, None], left
    return incidence, without
