"""Analytic models: derivatives against finite differences, closed forms against LAPACK, couplings against overlaps."""

import numpy as np
import pytest

from fusionmd.errors import ConfigError
from fusionmd.namd import hermitian
from fusionmd.namd.model_systems import ModelSurfaces
from fusionmd.namd.scattering_models import (
    DualAvoidedCrossing,
    ExtendedCoupling,
    LandauZenerLine,
    SimpleAvoidedCrossing,
)
from fusionmd.namd.vibronic_models import bma, butatriene, linear_vibronic, pyrazine, spin_boson

MODELS = {
    "landau_zener": LandauZenerLine(),
    "tully_1": SimpleAvoidedCrossing(),
    "tully_2": DualAvoidedCrossing(),
    "tully_3": ExtendedCoupling(),
    "bma": bma(),
    "butatriene": butatriene(),
    "pyrazine": pyrazine(),
    "linear_vibronic": linear_vibronic(),
    "spin_boson": spin_boson(0.001, 0.0005, 0.002, 0.001, 5),
}
STEP = 1e-4


@pytest.fixture(params=MODELS, name="model")
def _model(request):
    return MODELS[request.param]


def positions_of(model, n=6):
    return np.random.default_rng(0).normal(size=(n, len(model.masses))) * 1.5 + 0.05


def shifted(positions, dof, by):
    result = positions.copy()
    result[:, dof] += by
    return result


def test_derivative_is_that_of_the_matrix(model):
    x = positions_of(model)
    for dof in range(x.shape[1]):
        difference = (model.matrix(shifted(x, dof, STEP)) - model.matrix(shifted(x, dof, -STEP))) / (2 * STEP)
        np.testing.assert_allclose(model.derivative(x)[..., dof], difference, atol=1e-9)


def test_gradients_and_couplings_are_those_of_energies_and_states(model):
    surfaces = ModelSurfaces(model)
    x = positions_of(model)
    asked = np.ones((len(x), 2), dtype=bool)
    here = surfaces.evaluate(x, asked, with_couplings=True)
    for dof in range(x.shape[1]):
        ahead, behind = (surfaces.evaluate(shifted(x, dof, by), asked) for by in (STEP, -STEP))
        slopes = (ahead.energies - behind.energies) / (2 * STEP)
        np.testing.assert_allclose(here.gradients[..., dof], slopes, atol=1e-8)
        moved = (ahead.vectors - behind.vectors) / (2 * STEP)
        np.testing.assert_allclose(
            here.couplings[..., dof], hermitian.product(hermitian.transposed(here.vectors), moved), atol=1e-6
        )


def test_only_what_was_asked_for_is_given():
    surfaces = ModelSurfaces(SimpleAvoidedCrossing())
    given = surfaces.evaluate(np.zeros((2, 1)), np.array([[True, False], [False, True]]))
    assert np.isnan(given.gradients[..., 0]).tolist() == [[False, True], [True, False]]
    assert given.couplings is None


@pytest.mark.parametrize("seed", range(3))
def test_closed_forms_are_those_of_lapack(seed):
    rng = np.random.default_rng(seed)
    matrices = rng.normal(size=(50, 2, 2))
    matrices = matrices + hermitian.transposed(matrices)
    matrices[0] = np.eye(2) * 0.3
    matrices[1, 0, 1] = matrices[1, 1, 0] = 1e-14
    values, vectors = hermitian.eigenstates(matrices)
    np.testing.assert_allclose(values, hermitian.general_eigenstates(matrices)[0], atol=1e-14)
    np.testing.assert_allclose(hermitian.product(matrices, vectors), vectors * values[:, None, :], atol=1e-14)
    identity = hermitian.product(hermitian.transposed(vectors), vectors)
    np.testing.assert_allclose(identity, np.broadcast_to(np.eye(2), identity.shape), atol=1e-14)
    complex_ones = matrices + 1j * np.array([[0.0, 0.7], [-0.7, 0.0]])
    np.testing.assert_allclose(
        hermitian.propagator(complex_ones, 0.9), hermitian.general_propagator(complex_ones, 0.9), atol=1e-13
    )


def test_bath_has_its_reorganisation_energy():
    model = spin_boson(0.0, 1e-3, 2e-3, 1e-3, 200)
    strengths = model.linear[:, 0, 0]
    assert (strengths**2 / (2 * model.frequencies**2)).sum() == pytest.approx(2e-3 * 200 / 201, rel=1e-12)
    with pytest.raises(ConfigError, match="n_modes"):
        spin_boson(0.0, 1e-3, 2e-3, 1e-3, 0)


@pytest.mark.parametrize("make", [bma, butatriene, pyrazine])
def test_cones_start_at_the_minimum_of_no_state_but_of_the_shifted_parabola(make):
    model = make()
    first = model.derivative(model.centre[None])[0, 1, 1]
    np.testing.assert_allclose(first, 0.0, atol=1e-12)  # W22 has its minimum at x = a/2
    assert model.matrix(model.centre[None])[0, 0, 0] > model.matrix(model.centre[None])[0, 1, 1]
