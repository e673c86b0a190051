"""Normal modes and their Wigner function: a molecule of springs, exact moments, rigid motion, what is refused."""

import numpy as np
import pytest

from fusionmd.errors import DataError
from fusionmd.namd.normal_modes import normal_modes, thermal_variances, wigner_molecule
from fusionmd.namd.state import kinetic_energy
from fusionmd.units import BOLTZMANN_HARTREE_PER_K

PLACES = np.array([[0.0, 0, 0], [1.8, 0, 0], [-0.5, 1.7, 0], [0.4, 0.3, 1.9]])
MASSES = np.repeat([29156.0, 1837.0, 1837.0, 21874.0], 3)


def springs(places, constant=0.3):
    """Hessian of springs at rest between all pairs."""
    n = len(places)
    hessian = np.zeros((n, 3, n, 3))
    for i in range(n):
        for j in range(i):
            along = (places[i] - places[j]) / np.linalg.norm(places[i] - places[j])
            block = constant * np.outer(along, along)
            for a, b, sign in ((i, i, 1), (j, j, 1), (i, j, -1), (j, i, -1)):
                hessian[a, :, b] += sign * block
    return hessian.reshape(3 * n, 3 * n)


@pytest.fixture
def modes():
    return normal_modes(springs(PLACES), PLACES.ravel(), MASSES)


def test_modes_diagonalise_the_hessian(modes):
    assert len(modes.frequencies) == 6 and (modes.frequencies > 1e-3).all()
    weighted = springs(PLACES) / np.sqrt(MASSES[:, None] * MASSES)
    np.testing.assert_allclose(weighted @ modes.vectors, modes.vectors * modes.frequencies**2, atol=1e-15)


def test_a_diatomic_has_one_mode_of_the_reduced_mass():
    places = PLACES[:2]
    (frequency,) = normal_modes(springs(places), places.ravel(), MASSES[:6]).frequencies
    reduced = MASSES[0] * MASSES[3] / (MASSES[0] + MASSES[3])
    assert frequency == pytest.approx(np.sqrt(0.3 / reduced), rel=1e-12)


@pytest.mark.parametrize("temperature", [0.0, 2000.0])
def test_energies_are_those_of_the_thermal_state(modes, temperature):
    n = 20_000
    places, speeds = wigner_molecule(modes, np.arange(n), seed=1, temperature_K=temperature)
    kinetic = kinetic_energy(speeds, MASSES)
    shift = places - PLACES.ravel()
    potential = ((shift @ springs(PLACES)) * shift).sum(axis=1) / 2
    thermal = BOLTZMANN_HARTREE_PER_K * max(temperature, 1e-9)
    expected = (modes.frequencies / 4 / np.tanh(modes.frequencies / (2 * thermal))).sum()
    for energies in (kinetic, potential):
        assert abs(energies.mean() - expected) < 4 * energies.std() / np.sqrt(n)
    momenta = (speeds * MASSES).reshape(n, 4, 3)
    assert np.abs(momenta.sum(axis=1)).max() < 1e-10
    assert np.abs(np.cross(PLACES, momenta).sum(axis=1)).max() < 1e-10


def test_soft_modes_are_frozen_or_classical(modes):
    limit = modes.frequencies[1] * 1.001
    places, _ = wigner_molecule(modes, np.arange(50), seed=1, min_frequency=limit)
    shares = ((places - PLACES.ravel()) * np.sqrt(MASSES)) @ modes.vectors
    assert np.abs(shares[:, :2]).max() < 1e-12 < np.abs(shares[:, 2:]).min(axis=0).max()
    hot = 1e6
    quantum = thermal_variances(modes.frequencies, hot)
    np.testing.assert_allclose(thermal_variances(modes.frequencies, hot, classical_below=1.0), quantum, rtol=1e-3)
    assert thermal_variances(modes.frequencies, 0.0, classical_below=1.0).tolist() == [0.0] * 6


def test_a_trajectory_starts_the_same_in_any_batch(modes):
    together = wigner_molecule(modes, np.arange(100), seed=3, temperature_K=300.0)
    alone = wigner_molecule(modes, np.array([42]), seed=3, temperature_K=300.0)
    assert all((one[0] == many[42]).all() for one, many in zip(alone, together, strict=True))


def test_no_minimum_and_no_temperature_are_refused(modes):
    with pytest.raises(DataError, match="imaginary"):
        normal_modes(-springs(PLACES), PLACES.ravel(), MASSES)
    with pytest.raises(DataError, match="negative"):
        wigner_molecule(modes, np.arange(2), seed=0, temperature_K=-1.0)
