"""A potential file with a diabatic head: matrix, eigenvectors and couplings as trajectories read them."""

import numpy as np
import pytest

from fusionmd.namd.config import method_of, parts_of
from fusionmd.namd.driver import start
from fusionmd.namd.ensemble import run_ensemble
from fusionmd.namd.rows import take
from fusionmd.namd.sampling import adiabatic_start
from fusionmd.namd.surfaces import PotentialSurfaces
from fusionmd.potential import export_potential, load_potential
from tests.namd.test_driver import same
from tests.namd.test_surfaces import NUMBERS, positions  # noqa: F401
from tests.toy_model import ToyModel


@pytest.fixture(scope="module")
def surfaces(tmp_path_factory):
    path = tmp_path_factory.mktemp("diabatic") / "three.pt"
    export_potential(
        ToyModel(n_outputs=6).double(), path, atomic_energies={1: -13.6, 6: -1030.0, 8: -2040.0}, head="diabatic"
    )
    return PotentialSurfaces(load_potential(path), NUMBERS)


def test_matrix_vectors_and_couplings_belong_together(surfaces, positions):  # noqa: F811
    assert surfaces.has_diabatic and surfaces.has_couplings
    asked = np.ones((len(positions), 3), dtype=bool)
    found = surfaces.evaluate(positions, asked, with_couplings=True)
    diagonal = np.einsum("nia,nij,njb->nab", found.vectors, found.diabatic, found.vectors)
    np.testing.assert_allclose(diagonal, found.energies[:, :, None] * np.eye(3), atol=1e-12)
    step = np.zeros(15)
    step[4] = 1e-4
    ahead, behind = (surfaces.evaluate(positions + sign * step, asked).vectors for sign in (1, -1))
    for turned in (ahead, behind):
        turned *= np.sign((turned * found.vectors).sum(1))[:, None, :]
    wanted = np.einsum("nia,nib->nab", found.vectors, (ahead - behind) / 2e-4)
    assert np.abs(wanted).max() > 1e-2
    np.testing.assert_allclose(found.couplings[..., 4], wanted, atol=1e-6)
    assert surfaces.evaluate(positions, asked).couplings is None


METHODS = {
    "local diabatisation": {"hopping": "fssh", "amplitudes": "diabatic"},
    "coupling vectors": {"hopping": "fssh", "amplitudes": "coupling", "rescaling": "coupling"},
}


@pytest.mark.parametrize("name", METHODS)
def test_hopping_on_a_potential_with_couplings(name, surfaces, positions):  # noqa: F811
    made = parts_of(method_of(seed=4, decoherence="none", **METHODS[name]), surfaces, 2.0)
    numbers = np.arange(len(positions))
    active, amplitudes = adiabatic_start(numbers, 2, 3)
    speeds = 2e-3 * np.random.default_rng(2).normal(size=positions.shape)
    begin = start(
        made, trajectory=numbers, positions=positions, velocities=speeds, active=active, amplitudes=amplitudes
    )
    final = run_ensemble(begin, made, n_steps=60).final
    norms = (np.abs(final.amplitudes) ** 2).sum(1)
    assert np.abs(norms - 1).max() < 1e-12
    moved = (np.abs(final.amplitudes[:, :2]) ** 2).sum(1)
    assert moved.max() > 1e-3
    totals = []
    for state in (begin, final):
        kinetic = 0.5 * (surfaces.masses * state.velocities**2).sum(1)
        totals.append(kinetic + state.electronic.energies[numbers, state.active])
    assert np.abs(totals[1] - totals[0]).max() < 2e-4


@pytest.mark.parametrize("name", METHODS)
def test_chunks_give_the_same_bits_in_any_batch(name, surfaces, positions):  # noqa: F811
    chunked = PotentialSurfaces(surfaces.potential, NUMBERS, chunk=4)
    made = parts_of(method_of(seed=4, **METHODS[name]), chunked, 4.0)
    speeds = 2e-3 * np.random.default_rng(2).normal(size=positions.shape)

    def final(numbers, batch_size=None):
        active, amplitudes = adiabatic_start(numbers, 2, 3)
        given = {"positions": positions[numbers], "velocities": speeds[numbers], "active": active}
        begin = start(made, trajectory=numbers, amplitudes=amplitudes, **given)
        return run_ensemble(begin, made, n_steps=6, batch_size=batch_size).final

    whole = final(np.arange(len(positions)))
    same(whole, final(np.arange(len(positions)), 2))
    same(take(whole, np.array([7])), final(np.array([7])))
