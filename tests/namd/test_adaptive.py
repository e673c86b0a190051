"""Curvature of gaps from Hessians, gap minima inside a step, and steps that are halved near small gaps."""

import numpy as np
import pytest

from fusionmd.errors import ConfigError
from fusionmd.namd.config import method_of, parts_of
from fusionmd.namd.driver import gap_is_near
from fusionmd.namd.ensemble import run_ensemble
from fusionmd.namd.hermitian import dot
from fusionmd.namd.landau_zener import _lowest
from fusionmd.namd.model_systems import ModelSurfaces
from fusionmd.namd.scattering_models import ExtendedCoupling, LandauZenerLine, SimpleAvoidedCrossing
from fusionmd.namd.surfaces import PotentialSurfaces
from fusionmd.namd.vibronic_models import linear_vibronic
from fusionmd.potential import load_potential
from fusionmd.units import ANGSTROM_PER_BOHR
from tests.namd.springs import write_springs
from tests.namd.systems import line_start, packet_start, parts, vibronic_start


def assert_curvatures(surfaces, positions, velocities, *, step, rtol):
    asked = np.ones((len(positions), surfaces.n_states), dtype=bool)
    ahead, behind = (surfaces.evaluate(positions + sign * step * velocities, asked).gradients for sign in (1, -1))
    expected = dot(ahead - behind, velocities[:, None, :]) / (2 * step)
    found = surfaces.curvatures(positions, velocities, asked)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize(
    "model", [SimpleAvoidedCrossing(), ExtendedCoupling(), linear_vibronic()], ids=lambda m: m.name[:9]
)
def test_curvatures_of_models(model):
    rng = np.random.default_rng(1)
    n_dof = len(model.masses)
    assert_curvatures(
        ModelSurfaces(model), rng.normal(size=(30, n_dof)) + 0.1, rng.normal(size=(30, n_dof)), step=1e-4, rtol=1e-4
    )


def test_curvatures_of_potential_files(tmp_path):
    write_springs(tmp_path)
    surfaces = PotentialSurfaces(load_potential(tmp_path / "two.pt"), [8, 1, 1])
    places = np.array([[0, 0, 0, 0.97, 0, 0, -0.3, 0.95, 0], [0, 0, 0, 1.1, 0, 0, -0.2, 0.9, 0.1]]) / ANGSTROM_PER_BOHR
    speeds = np.random.default_rng(2).normal(size=places.shape) * 1e-3
    assert_curvatures(surfaces, places, speeds, step=0.1, rtol=1e-4)
    some = np.array([[True, False], [False, False]])
    partly = surfaces.curvatures(places, speeds, some)
    assert partly[0, 0] == pytest.approx(surfaces.curvatures(places, speeds, ~some | some)[0, 0], rel=1e-12)
    assert np.isnan(partly[~some]).all()


def test_the_minimum_of_a_cubic_is_found():
    u = np.array([0.2, 0.5, 0.93])
    z = lambda x: (x - u) ** 2 * (1 + 0.3 * (x - u)) + 0.1  # noqa: E731
    slope = lambda x: 2 * (x - u) + 0.9 * (x - u) ** 2  # noqa: E731
    np.testing.assert_allclose(_lowest(z(0.0), z(1.0), slope(0.0), slope(1.0)), u, atol=1e-12)


@pytest.mark.parametrize("bohr_per_step", [0.04, 0.25, 1.0])
def test_exact_curvature_keeps_the_formula_with_any_step(bohr_per_step):
    model, n, speed = LandauZenerLine(), 4000, 0.005
    made = parts(model, bohr_per_step / speed, hopping="lzsh", gap_curvature="exact", seed=8)
    n_steps = round(4 / bohr_per_step)
    result = run_ensemble(line_start(made, n, speed, x=-2.11), made, n_steps=n_steps, interval=n_steps)
    expected = model.diabatic_probability(speed)
    share = result.active_populations()[-1, 1]
    assert abs(share - expected) < 3 * np.sqrt(expected * (1 - expected) / n)
    np.testing.assert_allclose(result.hops.positions, 0.0, atol=0.25 * bohr_per_step**2)


def test_hops_inside_a_step_keep_the_energy():
    made = parts(linear_vibronic(), 4.0, hopping="lzsh", gap_curvature="exact")
    result = run_ensemble(vibronic_start(made, 40), made, n_steps=300)
    differences = parts(linear_vibronic(), 4.0, hopping="lzsh")
    other = run_ensemble(vibronic_start(differences, 40), differences, n_steps=300)
    assert result.hops.is_accepted.sum() > 10
    spans = [np.median(np.ptp(one.records.energies, axis=1)) for one in (result, other)]
    assert spans[0] < 1.5 * spans[1]


def test_halved_steps_mend_what_a_coarse_one_misses():
    model, speed = LandauZenerLine(), 0.01
    expected, errors = model.diabatic_probability(speed), {}
    for halvings in (0, 6):
        made = parts(
            model, 1.0 / speed, hopping="fssh", amplitudes="coupling", decoherence="none", substeps=4, halvings=halvings
        )
        result = run_ensemble(line_start(made, 3, speed, x=-8.3), made, n_steps=16, interval=16)
        errors[halvings] = abs(result.amplitude_populations()[-1, 1] - expected)
    assert errors[6] < 0.01 < 0.05 < errors[0]


def test_only_rows_near_a_small_gap_are_halved_and_time_adds_up():
    made = parts(SimpleAvoidedCrossing(), 120.0, hopping="fssh", amplitudes="diabatic", halvings=3)
    state = packet_start(made, 50, x=-0.5)
    near = gap_is_near(state, 120.0)
    assert 0 < near.sum() < 50
    after, _ = made.advance(state, made)
    assert (after.step == 1).all() and (after.trajectory == state.trajectory).all()
    free = (after.positions - state.positions)[:, 0] / 120.0
    np.testing.assert_allclose(free, state.velocities[:, 0], rtol=0.12)  # forces change it by 7 %, a hop by more


def test_methods_with_a_memory_refuse_unequal_steps():
    surfaces = ModelSurfaces(SimpleAvoidedCrossing())
    with pytest.raises(ConfigError, match="gap_curvature: exact"):
        parts_of(method_of(hopping="lzsh", halvings=1), surfaces, 1.0)
    with pytest.raises(ConfigError, match="earlier energies"):
        parts_of(method_of(hopping="fssh", amplitudes="curvature_energies", halvings=1), surfaces, 1.0)
