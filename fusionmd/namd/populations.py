"""Shares of trajectories with their confidence intervals."""

from __future__ import annotations

import numpy as np

from fusionmd.namd.protocol import Array

NORMAL_95 = 1.959963984540054  # quantile 0.975 of the normal distribution


def wilson_interval(share: Array, n: int) -> tuple[Array, Array]:
    """95 % interval of a share of n trajectories. Wilson, J. Am. Stat. Assoc. 22, 209 (1927).

    Of none of them it begins at 0, of all it ends at 1, without what rounding leaves.
    """
    z2 = NORMAL_95**2 / n
    centre = (share + z2 / 2) / (1 + z2)
    half = NORMAL_95 / (1 + z2) * np.sqrt(share * (1 - share) / n + z2 / (4 * n))
    low, high = np.clip(centre - half, 0.0, 1.0), np.clip(centre + half, 0.0, 1.0)
    return np.where(share <= 0, 0.0, low), np.where(share >= 1, 1.0, high)
