"""Velocities after hops: energy is paid exactly, frustrated hops behave as documented, rigid motion is kept."""

from types import SimpleNamespace

import numpy as np
import pytest

from fusionmd.namd.decoherence import EDC_CONSTANT, energy_based, energy_based_legacy
from fusionmd.namd.hermitian import dot
from fusionmd.namd.rescaling import delta_v, keep, projected, rescaled, reverse
from fusionmd.namd.state import kinetic_energy
from tests.namd.systems import SimpleAvoidedCrossing, packet_start, parts

RNG = np.random.default_rng(1)
MASSES = np.repeat([1837.0, 21874.0, 29156.0, 1837.0], 3)


def velocities(n=40):
    return RNG.normal(size=(n, 12)) / np.sqrt(MASSES) * 0.05


def test_energy_is_paid_exactly_along_any_direction():
    v, h = velocities(), RNG.normal(size=(40, 12))
    cost = RNG.normal(size=40) * 2e-4
    new, is_possible = rescaled(v, h, MASSES, cost)
    assert 5 < is_possible.sum() < 40
    paid = kinetic_energy(v, MASSES) - kinetic_energy(new, MASSES)
    np.testing.assert_allclose(paid[is_possible], cost[is_possible], atol=1e-16)
    assert (new[~is_possible] == v[~is_possible]).all()


def test_along_the_momentum_all_velocities_shrink_alike():
    v = velocities()
    cost = kinetic_energy(v, MASSES) * 0.36
    new, is_possible = rescaled(v, v * MASSES, MASSES, cost)
    assert is_possible.all()
    np.testing.assert_allclose(new, v * 0.8, rtol=1e-13)
    assert not rescaled(v, v * MASSES, MASSES, cost * 3)[1].any()


def test_the_smaller_change_is_chosen():
    v, h = velocities(), RNG.normal(size=(40, 12))
    new, _ = rescaled(v, h, MASSES, np.zeros(40))
    np.testing.assert_allclose(new, v, atol=1e-18)  # the other root reverses


def test_frustrated_hops():
    v, h = velocities(), RNG.normal(size=(40, 12))
    n_rows, target = np.arange(40), np.ones(40, dtype=int)
    gradients = RNG.normal(size=(40, 2, 12))
    state = SimpleNamespace(velocities=v, electronic=SimpleNamespace(gradients=gradients))
    assert keep(state, target, h, MASSES) is v
    turned = reverse(state, target, h, MASSES)
    np.testing.assert_allclose(dot(turned, h), -dot(v, h), rtol=1e-12)
    np.testing.assert_allclose(kinetic_energy(turned, MASSES), kinetic_energy(v, MASSES), rtol=1e-13)
    chosen = delta_v(state, target, h, MASSES)
    pushes_back = dot(-gradients[n_rows, target], h) * dot(v * MASSES, h) < 0
    assert 5 < pushes_back.sum() < 35
    assert (chosen[pushes_back] == turned[pushes_back]).all() and (chosen[~pushes_back] == v[~pushes_back]).all()


def test_projected_directions_keep_momentum_and_angular_momentum():
    places, h = RNG.normal(size=(5, 12)) * 3, RNG.normal(size=(5, 12))
    state = SimpleNamespace(positions=places, velocities=h)
    clean = projected(lambda state, target, masses: h)(state, np.ones(5, dtype=int), MASSES).reshape(5, 4, 3)
    np.testing.assert_allclose(clean.sum(axis=1), 0.0, atol=1e-10)
    np.testing.assert_allclose(np.cross(places.reshape(5, 4, 3), clean).sum(axis=1), 0.0, atol=1e-10)
    assert np.abs(clean).max() > 0.1


def test_edc_fades_populations_and_the_legacy_form_twice_as_fast():
    made = parts(SimpleAvoidedCrossing(), 10.0)
    state = packet_start(made, 4)
    state.amplitudes[:] = [0.6, 0.8j]
    kinetic = kinetic_energy(state.velocities, made.surfaces.masses)
    gap = state.electronic.energies[:, 1] - state.electronic.energies[:, 0]
    rate = gap / (1 + EDC_CONSTANT / kinetic)
    for function, factor in ((energy_based, 1.0), (energy_based_legacy, 2.0)):
        after = np.abs(function(state, made.surfaces.masses, 10.0, 0, 0).amplitudes) ** 2
        np.testing.assert_allclose(after[:, 1], 0.64 * np.exp(-10.0 * rate * factor), rtol=1e-12)
        np.testing.assert_allclose(after.sum(axis=1), 1.0, rtol=1e-14)


@pytest.mark.parametrize("function", [energy_based, energy_based_legacy])
def test_edc_leaves_those_at_rest(function):
    made = parts(SimpleAvoidedCrossing(), 10.0)
    state = packet_start(made, 4)
    state.velocities[:] = 0.0
    assert (function(state, made.surfaces.masses, 10.0, 0, 0).amplitudes == state.amplitudes).all()
