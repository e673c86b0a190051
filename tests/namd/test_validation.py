"""Tully's first model against the exact packet, and what the table of checks says."""

import numpy as np
import pytest

from fusionmd.namd import validation
from fusionmd.namd.populations import wilson_interval
from fusionmd.namd.scattering_models import SimpleAvoidedCrossing


def test_fssh_follows_the_exact_packet_on_tully_1():
    checks = validation.scattering(SimpleAvoidedCrossing(), 20.0, 250)
    assert [check.quantity for check in checks] == list(validation.channels.CHANNELS)
    assert sum(check.value for check in checks) == pytest.approx(1.0)
    assert sum(check.expected for check in checks) == pytest.approx(1.0, abs=1e-9)
    assert all(check.passed for check in checks), checks


def test_a_check_can_fail():
    assert not validation.Check("", "", "", 0.5, 0.01, 0.4, 0.05).passed
    assert validation.Check("", "", "", 0.44, 0.01, 0.4, 0.05).passed


def test_both_tables_have_every_kind_of_case():
    assert len(validation.cases(is_quick=True)) == 2 * 3 + 2 + 1
    assert len(validation.cases(is_quick=False)) == 4 * 3 + 6 + 1


def test_wilson_interval_covers_its_share_as_often_as_it_says():
    rng = np.random.default_rng(0)
    low, high = wilson_interval(rng.binomial(60, 0.1, size=4000) / 60, 60)
    assert ((low <= 0.1) & (0.1 <= high)).mean() == pytest.approx(0.95, abs=0.02)
    assert wilson_interval(np.array([0.0]), 60)[0] == 0.0 and wilson_interval(np.array([0.0]), 60)[1] > 0.03


def test_active_states_and_amplitudes_agree_on_a_cone_and_follow_the_exact_packet():
    active, amplitudes, exact = validation.cone_populations(150, n_frames=4)
    assert np.abs(active - amplitudes).mean() < 0.08
    assert np.abs(active - exact).mean() < 0.15
