"""Two sets of trajectories beside each other: decay to the ground state, and yields; 95 % level throughout.

Trajectories decorrelate within some 100 fs, so that two sets are independent samples even from equal starts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from fusionmd.namd.populations import NORMAL_95, wilson_interval
from fusionmd.namd.protocol import Array, BoolArray, IntArray

N_BOOTSTRAP, N_PERMUTATIONS = 2000, 10000
NORMAL_80 = 0.8416212335729143  # quantile 0.8 of the normal distribution: a power of 80 %


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Supremum:
    """Largest distance between two curves, what equal ones stay below in 95 of 100 cases, and how likely it is."""

    distance: float
    critical: float
    p_value: float


def supremum(one: Array, other: Array, n_one: int, n_other: int) -> Supremum:
    """Of two populations over the same times [n_times]: the two-sample statistic of Kolmogorov and Smirnov.

    Its distribution is that of shares which only grow; hops back up make it approximate.
    """
    distance, root = float(np.abs(one - other).max()), np.sqrt(n_one * n_other / (n_one + n_other))
    return Supremum(distance, float(stats.kstwobign.ppf(0.95) / root), float(stats.kstwobign.sf(distance * root)))


def logrank(one: Array, is_one_seen: BoolArray, other: Array, is_other_seen: BoolArray) -> float | None:
    """p of equal times of decay, some of them censored [n]; None where nothing decayed. Mantel (1966)."""
    if not (is_one_seen.any() or is_other_seen.any()):
        return None
    samples = [
        stats.CensoredData.right_censored(times, ~is_seen)
        for times, is_seen in ((one, is_one_seen), (other, is_other_seen))
    ]
    return float(stats.logrank(*samples).pvalue)


def median(times: Array, *, seed: int = 0) -> Interval:
    """With its bootstrap interval; infinite where more than half have no time (inf)."""
    draws = np.random.default_rng(seed).integers(len(times), size=(N_BOOTSTRAP, len(times)))
    low, high = np.quantile(np.median(times[draws], axis=1), [0.025, 0.975], method="inverted_cdf")
    return Interval(float(np.median(times)), float(low), float(high))


def difference(count: int, n: int, reference: int, n_reference: int) -> Interval:
    """Of two shares, the first less the second. Newcombe, Stat. Med. 17, 873 (1998), method 10."""
    (p, low, high), (q, q_low, q_high) = _wilson(count, n), _wilson(reference, n_reference)
    below, above = np.hypot(p - low, q_high - q), np.hypot(high - p, q - q_low)
    return Interval(p - q, float(p - q - below), float(p - q + above))


def joint_probability(counts: IntArray, reference: IntArray, *, seed: int = 0) -> float:
    """p that all classes have equal shares in both [n_classes]: chi squared over tables with the same margins.

    The tables are drawn, so that small counts need no approximation.
    """
    totals, n = counts + reference, int(counts.sum())
    totals = totals[totals > 0]
    drawn = np.random.default_rng(seed).multivariate_hypergeometric(totals, n, size=N_PERMUTATIONS)
    expected = totals * n / totals.sum()
    seen = (((counts[counts + reference > 0] - expected) ** 2) / expected).sum()
    n_beyond = ((((drawn - expected) ** 2) / expected).sum(axis=1) >= seen * (1 - 1e-9)).sum()
    return float((n_beyond + 1) / (N_PERMUTATIONS + 1))


def detectable(n: int, n_reference: int, share: float = 0.5) -> float:
    """Smallest difference from a share that samples of these sizes see at the 5 % level in 80 of 100 cases."""
    return float((NORMAL_95 + NORMAL_80) * np.sqrt(share * (1 - share) * (1 / n + 1 / n_reference)))


def _wilson(count: int, n: int) -> tuple[float, float, float]:
    share = np.array([count / n])
    low, high = wilson_interval(share, n)
    return float(share[0]), float(low[0]), float(high[0])
