"""Two samples beside each other: tests that find differences, and find none where there are none."""

import numpy as np
import pytest
from scipy import stats

from fusionmd.namd.comparison import detectable, difference, joint_probability, logrank, median, supremum


def test_newcombe_interval_is_the_published_one():
    found = difference(56, 70, 48, 80)  # Newcombe, Stat. Med. 17, 873 (1998), table II, column a
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))
    none = difference(0, 10, 0, 20)  # column g: limits of method 10
    assert (none.low, none.high) == (pytest.approx(-0.1611, abs=5e-5), pytest.approx(0.2775, abs=5e-5))


def test_supremum_is_that_of_kolmogorov_and_smirnov():
    rng, grid = np.random.default_rng(1), np.linspace(0, 3, 301)
    one, other = rng.exponential(1.0, size=500), rng.exponential(1.0, size=60)
    shares = [(times[:, None] <= grid).mean(axis=0) for times in (one, other)]
    found = supremum(*shares, 500, 60)
    exact = stats.ks_2samp(one, other, method="asymp")
    assert found.distance == pytest.approx(exact.statistic, abs=0.02)
    assert found.critical == pytest.approx(0.1856, abs=1e-3)
    assert supremum(np.zeros(3), np.full(3, 0.3), 500, 60).p_value < 1e-3


def test_logrank_sees_a_difference_through_censoring_and_nothing_where_there_is_none():
    rng, p_values = np.random.default_rng(2), []
    for scale in (100.0, 100.0, 100.0, 200.0):
        one, other = rng.exponential(100.0, size=300), rng.exponential(scale, size=120)
        censored = [np.minimum(times, 150.0) for times in (one, other)]
        p_values.append(logrank(censored[0], one < 150.0, censored[1], other < 150.0))
    assert min(p_values[:3]) > 0.01 > 1e-4 > p_values[3]
    assert logrank(np.ones(3), np.zeros(3, dtype=bool), np.ones(4), np.zeros(4, dtype=bool)) is None


def test_median_and_its_interval():
    times = np.random.default_rng(3).exponential(100.0, size=400)
    found = median(times)
    assert found.low < 100 * np.log(2) < found.high and found.high - found.low < 30
    times[:220] = np.inf
    assert median(times).value == np.inf
    times[:] = np.inf
    assert median(times).low == np.inf


def test_joint_test_of_classes_agrees_with_chi_squared_and_takes_small_counts():
    one, other = np.array([2600, 900, 1500, 0]), np.array([300, 120, 180, 0])
    table = np.stack([one, other])[:, :3]
    assert joint_probability(one, other) == pytest.approx(stats.chi2_contingency(table).pvalue, abs=0.03)
    assert joint_probability(np.array([50, 0]), np.array([0, 10])) < 1e-3
    assert joint_probability(np.array([3, 1]), np.array([2, 1])) == pytest.approx(1.0, abs=0.3)


def test_detectable_difference_is_detected_in_four_of_five_cases():
    n, m = 500, 60
    size = detectable(n, m)
    rng = np.random.default_rng(4)
    low = [difference(rng.binomial(n, 0.5 + size / 2), n, rng.binomial(m, 0.5 - size / 2), m).low for _ in range(400)]
    assert np.mean(np.array(low) > 0) == pytest.approx(0.8, abs=0.07)
