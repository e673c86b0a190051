"""Mean-field motion with decay of mixing: work, rates, rigid motion, energy, and the pointer."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from fusionmd.cli.main import run
from fusionmd.namd.config import CAUTION, method_of, parts_of
from fusionmd.namd.driver import start
from fusionmd.namd.ensemble import run_ensemble
from fusionmd.namd.hermitian import dot
from fusionmd.namd.mean_field import DECAY_ENERGY, decay_rates, decayed, forces, mean_gradients
from fusionmd.namd.rescaling import projected
from fusionmd.namd.state import kinetic_energy, populations
from fusionmd.namd.surfaces import PotentialSurfaces
from fusionmd.potential import load_potential
from fusionmd.units import ANGSTROM_PER_BOHR
from tests.namd.springs import write_springs
from tests.namd.systems import linear_vibronic, parts, vibronic_start

MASSES = np.ones(2)


def mixed(n=30):
    """Trajectories on the cone in the midst of things."""
    made = parts(linear_vibronic(), 6.0, hopping="kcsdm", substeps=4)
    return made, run_ensemble(vibronic_start(made, n), made, n_steps=60).final


def test_total_energy_is_kept_to_the_square_of_the_step():
    spans = []
    for dt in (8.0, 4.0, 2.0):
        made = parts(linear_vibronic(), dt, hopping="kcsdm", substeps=4)
        result = run_ensemble(vibronic_start(made, 40), made, n_steps=int(1200 / dt))
        assert len(result.hops.step) > 20  # of the pointer; they cost nothing
        assert np.abs(populations(result.final.amplitudes).sum(axis=1) - 1).max() < 1e-12
        assert np.abs(populations(result.final.coherent).sum(axis=1) - 1).max() < 1e-12
        spans.append(np.ptp(result.records.energies, axis=1))
    assert np.median(spans[2]) < 1e-5
    assert 3.0 < np.median(spans[0] / spans[1]) < 5.5 and 3.0 < np.median(spans[1] / spans[2]) < 5.5


def test_forces_do_the_work_that_the_amplitudes_pay():
    """v . F is minus the rate of sum rho_ii E_i, from c' = -iEc - Tc - c/(2 tau) and the rest to the pointer."""
    _, state = mixed()
    c, energies = state.amplitudes, state.electronic.energies
    coherent = 2 * (c.conj() * -(state.tdc * c[:, None, :]).sum(axis=2)).real
    decay = -decay_rates(state, MASSES) * populations(c)
    decay[np.arange(30), state.active] -= decay.sum(axis=1)
    paid = -((coherent + decay) * energies).sum(axis=1)
    done = dot(forces(state, MASSES) + mean_gradients(state), state.velocities)
    np.testing.assert_allclose(done, paid, atol=1e-16)
    assert np.abs(paid).max() > 1e-7


def test_populations_fade_by_the_rate_of_the_kinetic_energy_along_the_direction():
    _, state = mixed()
    state = replace(state, electronic=replace(state.electronic, gradients=np.ones((30, 2, 2))))
    kinetic = kinetic_energy(state.velocities, MASSES)  # no gradient difference: along the velocity itself
    gaps = state.electronic.energies[:, 1] - state.electronic.energies[:, 0]
    rate, rows, other = gaps / (1 + DECAY_ENERGY / kinetic), np.arange(30), 1 - state.active
    np.testing.assert_allclose(decay_rates(state, MASSES)[rows, other], rate, rtol=1e-12)
    after = populations(decayed(state, MASSES, 10.0))
    np.testing.assert_allclose(
        after[rows, other], populations(state.amplitudes)[rows, other] * np.exp(-10 * rate), rtol=1e-10, atol=1e-20
    )
    np.testing.assert_allclose(after.sum(axis=1), 1.0, rtol=1e-14)


def test_a_molecule_at_rest_as_a_whole_stays_so(tmp_path):
    write_springs(tmp_path)
    surfaces = PotentialSurfaces(load_potential(tmp_path / "two.pt"), [8, 1, 1])
    places = np.tile(np.array([0, 0, 0, 0.99, 0, 0, -0.3, 0.9, 0.1]) / ANGSTROM_PER_BOHR, (3, 1))
    momentum = np.random.default_rng(2).normal(size=(3, 9)) * 3
    still = SimpleNamespace(positions=places)
    speeds = projected(lambda *_: momentum)(still, np.zeros(3), surfaces.masses) / surfaces.masses
    made = parts_of(method_of(hopping="kcsdm"), surfaces, 8.0)
    half = np.full((3, 2), 0.5**0.5, dtype=np.complex128)
    given = {"positions": places, "velocities": speeds, "active": np.array([0, 1, 1])}
    state = start(made, trajectory=np.arange(3), amplitudes=half, **given)
    result = run_ensemble(state, made, n_steps=60)
    for total in momenta(result.final, surfaces.masses.reshape(3, 3)):
        np.testing.assert_allclose(total, 0.0, atol=1e-9)
    shares = populations(result.final.amplitudes)[np.arange(3), result.final.active]
    assert (shares > 0.52).all() and np.ptp(result.records.energies, axis=1).max() < 1e-3


def momenta(state, weights):
    """Momentum and angular momentum [n, 3]."""
    p = state.velocities.reshape(-1, 3, 3) * weights
    return p.sum(axis=1), np.cross(state.positions.reshape(-1, 3, 3), p).sum(axis=1)


def test_the_second_set_begins_again_where_the_coupling_was_smallest():
    made, state = mixed(60)
    strength = np.abs(state.tdc[np.arange(60), state.active]).sum(axis=1)
    past = np.stack([strength * 2 + 1e-9, strength * 3 + 2e-9], axis=1)
    falling, _ = made.advance(replace(state, past_strengths=past), made)
    dip, _ = made.advance(replace(state, past_strengths=past[:, ::-1] * [-1.0, 1.0]), made)  # below all that follow
    stays = falling.active == state.active
    rises = stays & (np.abs(falling.tdc[np.arange(60), falling.active]).sum(axis=1) > past[:, 0])
    assert (np.abs(falling.coherent - falling.amplitudes).max(axis=1) > 0)[stays & ~rises].sum() > 10
    assert (dip.coherent == dip.amplitudes).all()


@pytest.mark.parametrize("hopping, is_warned", [("kcsdm", True), ("lzsh", False)])
def test_the_user_is_told(tmp_path, capsys, hopping, is_warned):
    (tmp_path / "run.yaml").write_text(
        f"surfaces: {{model: pyrazine}}\nmethod: {{hopping: {hopping}}}\nstate: 1\nn_trajectories: 2\n"
        "n_steps: 20\ninterval: 10\n"
    )
    assert run(["namd", "run", str(tmp_path / "run.yaml"), "-o", str(tmp_path / "out.h5")]) == 0
    assert (CAUTION in capsys.readouterr().out.replace("\n", " ")) == is_warned
