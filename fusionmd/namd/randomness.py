"""Counter-based random numbers: trajectory k draws the same at step n, alone or in a batch, now or after a restart.

Philox4x32-10, Salmon, Moraes, Dror, Shaw, Proc. SC11, 16 (2011), doi 10.1145/2063384.2063405. Key: the seed.
Counter: (trajectory, step, draw, purpose). Repeated or rejected steps consume nothing.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fusionmd.errors import ConfigError
from fusionmd.namd.protocol import Array

Words = NDArray[np.uint64]
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (0x9E3779B9, 0xBB67AE85)
N_ROUNDS = 10
MASK, SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)


class Purpose(IntEnum):
    """What a random number is for; each purpose has its own stream."""

    HOP = 0
    DECOHERENCE = 1
    POSITION = 2
    VELOCITY = 3
    ACTIVE_STATE = 4
    EXCITATION = 5
    THERMOSTAT = 6


def uniform(seed: int, trajectory: ArrayLike, step: ArrayLike, purpose: Purpose, draw: ArrayLike = 0) -> Array:
    """Uniform numbers in [0, 1) with 53 bits; trajectory, step and draw are broadcast."""
    words = _words(seed, trajectory, step, purpose, draw)
    return _fraction(words[0], words[1])


def normal(seed: int, trajectory: ArrayLike, step: ArrayLike, purpose: Purpose, draw: ArrayLike = 0) -> Array:
    """Standard normal numbers, by Box and Muller, Ann. Math. Stat. 29, 610 (1958)."""
    words = _words(seed, trajectory, step, purpose, draw)
    first, second = _fraction(words[0], words[1]), _fraction(words[2], words[3])
    return np.sqrt(-2.0 * np.log1p(-first)) * np.cos(2.0 * np.pi * second)


def philox(counter: tuple[Words, Words, Words, Words], key: tuple[int, int]) -> tuple[Words, Words, Words, Words]:
    """Four random 32-bit words (held in uint64) from four counter words and two key words."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(N_ROUNDS):
        left, right = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (
            (right >> SHIFT) ^ c1 ^ np.uint64(k0),
            right & MASK,
            (left >> SHIFT) ^ c3 ^ np.uint64(k1),
            left & MASK,
        )
        k0, k1 = (k0 + WEYL[0]) & 0xFFFFFFFF, (k1 + WEYL[1]) & 0xFFFFFFFF
    return c0, c1, c2, c3


def _words(seed: int, trajectory: ArrayLike, step: ArrayLike, purpose: Purpose, draw: ArrayLike) -> tuple[Words, ...]:
    if not 0 <= seed < 2**64:
        raise ConfigError(f"seed {seed} is not between 0 and 2^64 - 1; choose another")
    counter = np.broadcast_arrays(*(np.asarray(word, dtype=np.uint64) for word in (trajectory, step, draw, purpose)))
    return philox(tuple(np.atleast_1d(word) & MASK for word in counter), (seed & 0xFFFFFFFF, seed >> 32))  # type: ignore[arg-type]


def _fraction(high: Words, low: Words) -> Array:
    """53 bits of two words as a number in [0, 1)."""
    return ((high << np.uint64(21)) | (low >> np.uint64(11))).astype(np.float64) * 2.0**-53
