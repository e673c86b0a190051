"""Lifetimes: a delayed exponential through the excited population, with bootstrap over trajectories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from fusionmd.namd.protocol import Array, BoolArray

N_BOOTSTRAP = 200
LEAST_DECAY = 0.1  # of the population; less says nothing about a lifetime


@dataclass(frozen=True)
class Lifetime:
    """tau with its 95 % interval, and the delay before the decay; in the units of the times."""

    value: float
    low: float
    high: float
    delay: float


def delayed_exponential(times: Array, delay: float, lifetime: float) -> Array:
    """1 before the delay, then exp(-(t - delay)/lifetime)."""
    return np.exp(-np.maximum(times - delay, 0.0) / lifetime)


def lifetime(times: Array, is_excited: BoolArray, *, seed: int = 0) -> Lifetime | None:
    """Fit to is_excited [n_traj, n_times]; None where fewer than a tenth have decayed."""
    if 1 - is_excited.mean(axis=0)[-1] < LEAST_DECAY:
        return None
    delay, value = _fit(times, is_excited.mean(axis=0))
    rng, n = np.random.default_rng(seed), len(is_excited)
    again = [_fit(times, is_excited[rng.integers(n, size=n)].mean(axis=0))[1] for _ in range(N_BOOTSTRAP)]
    low, high = np.quantile(again, [0.025, 0.975])
    return Lifetime(value, float(low), float(high), delay)


def _fit(times: Array, population: Array) -> tuple[float, float]:
    """Least squares for delay and lifetime; the lifetime by its logarithm, so that it stays positive."""
    span = float(times[-1] - times[0])
    area = float(np.trapezoid(population, times))
    guess = [min(0.1 * span, 0.5 * area), np.log(max(area, 1e-3 * span))]
    found = least_squares(
        lambda x: delayed_exponential(times, x[0], float(np.exp(x[1]))) - population,
        guess,
        bounds=([0.0, np.log(1e-4 * span)], [span, np.log(1e4 * span)]),
    )
    return float(found.x[0]), float(np.exp(found.x[1]))
