"""Decoherence: the known rate of A-FSSH on two slopes, its sign, resets; and what it does to a cone."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from fusionmd.namd.augmented import augmented
from fusionmd.namd.ensemble import run_ensemble
from fusionmd.namd.protocol import Array
from fusionmd.namd.scattering_models import TwoStateLine
from fusionmd.namd.state import populations
from fusionmd.namd.validation_cones import hopping_ensemble
from fusionmd.namd.vibronic_models import pyrazine
from tests.namd.systems import line_start, parts

FORCE, MASS = 5e-3, 2000.0


@dataclass(frozen=True)
class Slopes(TwoStateLine):
    """Two straight lines that never meet and are not coupled: forces +FORCE and -FORCE."""

    mass: float = MASS

    def elements(self, x: Array) -> Array:
        return np.stack([-FORCE * x - 1.0, FORCE * x + 1.0, np.zeros_like(x)])

    def slopes(self, x: Array) -> Array:
        return np.stack([np.full_like(x, -FORCE), np.full_like(x, FORCE), np.zeros_like(x)])


def halves(n, dt=2.0, **method):
    """All on the lower line, amplitudes equal on both."""
    made = parts(Slopes(), dt, hopping="fssh", amplitudes="diabatic", decoherence="afssh", substeps=1, **method)
    state = line_start(made, n, 0.0, x=0.0)
    return made, replace(state, amplitudes=np.full((n, 2), 0.5**0.5, dtype=np.complex128))


def test_packets_on_two_slopes_part_as_newton_says():
    made, state = halves(1)
    made = replace(made, decoherence=lambda *given: replace(augmented(*given), amplitudes=given[0].amplitudes))
    final = run_ensemble(state, made, n_steps=100).final
    time, difference = 200.0, -2 * FORCE * 0.5
    assert final.moments[0, 1, 1, 0] == pytest.approx(difference * time, rel=1e-6)
    assert final.moments[0, 0, 1, 0] == pytest.approx(difference * time**2 / 2 / MASS, rel=0.02)
    assert (final.moments[:, :, 0] == 0).all()


def test_share_that_has_not_collapsed_is_the_integral_of_the_rate():
    """Rate (F_1 - F_0) . dR/2 = FORCE^2 |c|^2 t^2/MASS, so the share is exp(-FORCE^2 |c|^2 t^3/(3 MASS))."""
    n = 3000
    made, state = halves(n, dt=4.0, seed=3)
    result = run_ensemble(state, made, n_steps=360, interval=40)
    shares = (result.records.populations[:, :, 1] > 0.1).mean(axis=0)
    expected = np.exp(-(FORCE**2) * 0.5 * result.times**3 / (3 * MASS))
    assert expected[-1] < 0.01 < 0.2 < expected[4]
    assert np.abs(shares - expected).max() < 3 * np.sqrt(0.25 / n) + 0.01
    assert np.abs(populations(result.final.amplitudes).sum(axis=1) - 1).max() < 1e-12


def test_packets_that_come_together_are_reset_and_do_not_collapse():
    made, state = halves(400, dt=4.0)
    moments = state.moments.copy()
    moments[:, 0, 1] = 1.0  # where the other force pushes back
    after = augmented(replace(state, moments=moments), made.surfaces.masses, 20.0, 0, 0)
    share = (after.moments[:, 0, 1, 0] == 0).mean()
    assert 0.02 < share < 0.2 and (populations(after.amplitudes)[:, 1] > 0.4).all()


def test_amplitudes_follow_the_active_states_on_a_cone():
    """Without decoherence they come apart by 0.15."""
    distances = {}
    for name in ("none", "afssh"):
        method = {"hopping": "fssh", "amplitudes": "diabatic", "substeps": 2, "decoherence": name}
        result = hopping_ensemble(pyrazine(), 150, method)
        distances[name] = np.abs(result.active_populations() - result.amplitude_populations())[:, 1].mean()
    assert distances["afssh"] < 0.6 * distances["none"]
