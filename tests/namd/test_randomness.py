"""Counter-based numbers: the published vectors of Philox4x32-10, and the laws that restarts and batches rely on."""

import numpy as np
import pytest
from scipy.stats import kstest

from fusionmd.errors import ConfigError
from fusionmd.namd.randomness import Purpose, normal, philox, uniform

# Known answers distributed with Random123 (kat_vectors).
KNOWN = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@pytest.mark.parametrize("counter, key, expected", KNOWN)
def test_known_answers(counter, key, expected):
    words = philox(tuple(np.array([word], dtype=np.uint64) for word in counter), tuple(key))
    assert [int(word[0]) for word in words] == expected


def test_a_trajectory_draws_the_same_alone_and_in_a_batch():
    together = uniform(7, np.arange(1000), 12, Purpose.HOP)
    assert uniform(7, 123, 12, Purpose.HOP)[0] == together[123]
    assert uniform(7, np.arange(1000), 13, Purpose.HOP)[123] != together[123]
    assert uniform(7, np.arange(1000), 12, Purpose.POSITION)[123] != together[123]
    assert uniform(8, np.arange(1000), 12, Purpose.HOP)[123] != together[123]


def test_distributions():
    many = np.arange(20_000)
    assert kstest(uniform(1, many, 0, Purpose.HOP), "uniform").pvalue > 0.01
    assert kstest(normal(1, many, 0, Purpose.POSITION), "norm").pvalue > 0.01
    assert abs(np.corrcoef(uniform(1, many, 0, Purpose.HOP), uniform(1, many, 1, Purpose.HOP))[0, 1]) < 0.03


def test_a_seed_that_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="seed -1"):
        uniform(-1, 0, 0, Purpose.HOP)
