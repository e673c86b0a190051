"""Jumps of the ground-state energy: velocities pay on state 0, and only there."""

import numpy as np
import pytest

from fusionmd.errors import ConfigError
from fusionmd.namd.config import method_of, parts_of
from fusionmd.namd.driver import start
from fusionmd.namd.ensemble import run_ensemble
from fusionmd.namd.protocol import Electronic
from fusionmd.units import EV_PER_HARTREE

HEIGHT, GAP, MASS, DT = 0.01, 0.3, 2000.0, 5.0


class Steps:
    """Two parallel harmonic wells with a cliff at 0 that no gradient shows."""

    n_states, n_dof, masses = 2, 1, np.array([MASS])

    def __init__(self, height):
        self.height = height

    has_couplings = has_diabatic = can_fail = False
    name = "wells with a cliff"

    def evaluate(self, positions, asked, *, with_couplings=False):
        lower = 0.01 * positions[:, 0] ** 2 + np.where(positions[:, 0] > 0, self.height, 0.0)
        gradients = np.repeat(0.02 * positions[:, None, :], 2, axis=1)
        return Electronic(np.stack([lower, lower + GAP], axis=1), np.where(asked[:, :, None], gradients, np.nan))


def run(active, *, speed=0.01, height=HEIGHT, **method):
    made = parts_of(method_of(hopping="lzsh", **method), Steps(height), DT)
    begun = start(
        made,
        trajectory=np.arange(2),
        positions=np.array([[-0.5], [-0.4]]),
        velocities=np.full((2, 1), speed),
        active=np.full(2, active),
        amplitudes=np.eye(2, dtype=np.complex128)[[active, active]],
    )
    return run_ensemble(begun, made, n_steps=40, interval=1)


def test_velocities_pay_on_the_ground_state():
    found = run(0, jumps_eV=0.05)
    assert np.abs(found.records.energies - found.records.energies[:, :1]).max() < 0.01 * HEIGHT
    assert (found.hops.source == 0).all() and (found.hops.target == 0).all()
    assert sorted(found.hops.trajectory) == [0, 1]
    assert found.hops.gap == pytest.approx(HEIGHT, rel=0.01)


def test_without_it_the_energy_jumps():
    found = run(0)
    assert found.records.energies[:, -1] - found.records.energies[:, 0] == pytest.approx(HEIGHT, rel=0.01)
    assert not len(found.hops.step)


def test_smaller_jumps_and_excited_states_are_left_alone():
    for found in (run(0, jumps_eV=1.01 * HEIGHT * EV_PER_HARTREE), run(1, jumps_eV=0.05)):
        assert found.records.energies[:, -1] - found.records.energies[:, 0] == pytest.approx(HEIGHT, rel=0.01)
        assert not len(found.hops.step)


def test_a_jump_that_costs_more_than_there_is_stays():
    found = run(0, speed=0.002, jumps_eV=0.05)
    assert (found.records.positions[:, -1, 0] > 0).any()
    assert found.records.energies.max() - found.records.energies.min() > 0.9 * HEIGHT
    assert not len(found.hops.step)


def test_the_mean_force_has_no_ground_state():
    parts = [parts_of(method_of(hopping="kcsdm", **one), Steps(HEIGHT), DT) for one in ({}, {"jumps_eV": 0.05})]
    assert parts[0].advance is parts[1].advance


def test_a_failed_calculation_is_no_jump():
    found = run(0, height=-0.04, jumps_eV=0.05)
    assert found.records.energies[:, -1] - found.records.energies[:, 0] == pytest.approx(-0.04, rel=0.01)
    assert not len(found.hops.step)


def test_a_threshold_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="jumps_eV"):
        method_of(jumps_eV=0.0)
