"""Trajectories that go wrong are flagged with the reason and stopped; the others do not notice."""

from dataclasses import replace

import ase.io
import h5py
import numpy as np
import pytest

from fusionmd.namd.batch import begun, run_batch
from fusionmd.namd.protocol import Electronic
from fusionmd.namd.rows import take
from fusionmd.namd.state import State
from fusionmd.namd.triage import Flag, Limits, bonds_of, stop_of
from fusionmd.namd.vibronic_models import linear_vibronic
from fusionmd.potential import export_potential
from fusionmd.units import ANGSTROM_PER_BOHR, HARTREE_PER_EV
from fusionmd.workflows.namd import run_namd
from fusionmd.workflows.namd_settings import RunSettings
from tests.namd.springs import ENERGIES, MorsePairs
from tests.namd.springs import WATER as WATER_XYZ
from tests.namd.systems import parts, vibronic_start
from tests.namd.test_driver import same

WATER = np.array([0, 0, 0, 0.97, 0, 0, -0.3, 0.95, 0]) / ANGSTROM_PER_BOHR


@pytest.fixture
def ensemble():
    made = parts(linear_vibronic(), 10.0, hopping="fssh", amplitudes="diabatic", substeps=2, decoherence="none")
    return made, vibronic_start(made, 20)


def run(made, state, limits, n_steps=30):
    stop = stop_of(limits, made.surfaces.masses)
    return run_batch(begun(state, made), made, n_steps=n_steps, interval=10, stop=stop)[0]


def test_a_large_step_leaves_the_energy_window_and_a_small_one_does_not(ensemble):
    made, state = ensemble
    limits = Limits(window=0.02 * HARTREE_PER_EV, norm=1e-9)
    assert (run(made, state, limits).flags == Flag.COMPLETE).all()
    coarse = replace(made, dt=120.0)
    flags = run(coarse, vibronic_start(coarse, 20), limits).flags
    assert (flags == Flag.ENERGY_WINDOW).sum() > 5
    flags = run(coarse, vibronic_start(coarse, 20), Limits(step=0.02 * HARTREE_PER_EV)).flags
    assert (flags == Flag.ENERGY_STEP).sum() > 5


def test_one_that_is_stopped_changes_nothing_for_the_others(ensemble):
    made, state = ensemble
    bad = state.amplitudes.copy()
    bad[[3, 11]] *= 1.01
    batch = run(made, replace(state, amplitudes=bad), Limits(norm=1e-6))
    assert np.flatnonzero(batch.flags).tolist() == [3, 11] and (batch.flags[[3, 11]] == Flag.NORM).all()
    assert (batch.state.step[[3, 11]] == 10).all()
    rest = np.setdiff1d(np.arange(20), [3, 11])
    same(take(batch.state, rest), take(run(made, state, Limits()).state, rest))


def test_broken_bonds_are_those_of_the_first_geometry():
    bonds = bonds_of(np.array([8, 1, 1]), WATER, 1.5)
    assert list(zip(bonds.first, bonds.second, strict=True)) == [(0, 1), (0, 2)]
    places = np.stack([WATER, WATER])
    places[1, 3] += 1.5
    state = State(**dict.fromkeys(State.__dataclass_fields__))
    state = replace(
        state,
        trajectory=np.arange(2),
        positions=places,
        velocities=np.zeros((2, 9)),
        active=np.zeros(2, dtype=int),
        amplitudes=np.ones((2, 1), dtype=complex),
        electronic=Electronic(np.zeros((2, 1)), np.zeros((2, 1, 9))),
    )
    flags = stop_of(Limits(bonds=bonds), np.ones(9))(state, np.zeros(2), np.zeros(2))
    assert flags.tolist() == [Flag.COMPLETE, Flag.BROKEN_BOND]


def test_uncertain_frames_are_written_for_labelling(tmp_path):
    """A committee whose members agree at rest, and less the more a bond is stretched."""
    members = [MorsePairs().double(), MorsePairs(1.3).double()]
    export_potential(members, tmp_path / "two.pt", atomic_energies=ENERGIES)
    start = WATER_XYZ.replace("pos:R:3", "pos:R:3:momenta:R:3").replace("0.0\n", "0.0 0.0 0.0 0.0\n")
    stretched = start.replace("0.97 0.00", "1.35 0.00")
    (tmp_path / "start.xyz").write_text(start + stretched + start)
    settings = {
        "surfaces": {"potential": str(tmp_path / "two.pt"), "frames": str(tmp_path / "start.xyz")},
        "time_step_fs": 0.2,
        "n_steps": 20,
        "interval": 2,
        "triage": {"uncertainty_eV": 0.1},
    }
    summary = run_namd(RunSettings.model_validate(settings), tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["flag"][:].tolist() == [0, int(Flag.UNCERTAIN), 0]
        place = file["final_positions"][1].reshape(3, 3)
        assert file.attrs["atomic_numbers"].tolist() == [8, 1, 1]
    (frame,) = ase.io.read(tmp_path / "out.h5.uncertain.xyz", index=":")
    np.testing.assert_allclose(frame.positions, place, atol=1e-7)
    assert summary["n_discarded"] == 1
