"""What is made of labels and trajectories of stilbene: the data set, and runs made small to be kept."""

import h5py
import numpy as np
import pytest
from ase import Atoms

from benchmarks.stilbene.along import along, quality_of
from benchmarks.stilbene.compact import compacted
from benchmarks.stilbene.dataset import FORCE_GRID, reason_against, write
from benchmarks.stilbene.frames import drawn, of_run, steepness, variances
from fusionmd.data.frame import ACTIVE_WEIGHT_KEY, Frame
from fusionmd.data.read import read_frames
from fusionmd.data.units import Units
from fusionmd.namd.run_file import read_run
from fusionmd.potential import export_potential, load_potential
from fusionmd.potential.rigidity import Rigidity
from fusionmd.structure import Structure
from fusionmd.workflows.namd import run_namd
from tests.namd.test_resume import ATOMS, settings
from tests.toy_model import ToyModel


def frame(*, weight=0.4, force=1.0, energy=-5.0):
    places = np.array([[0.0, 0, 0], [1.1, 0, 0]])
    energies, forces = np.array([energy, energy + 4]), np.full((2, 2, 3), force)
    return Frame(Structure(np.array([6, 1]), places), energies, forces, info={ACTIVE_WEIGHT_KEY: weight})


@pytest.fixture(scope="module")
def run_path(tmp_path_factory):
    """A short run of a molecule on a potential of three states, with a seed that may be learnt from."""
    folder = tmp_path_factory.mktemp("run")
    references = {1: -13.6, 6: -1030.0, 8: -2040.0}
    export_potential(ToyModel(n_outputs=3).double(), folder / "three.pt", atomic_energies=references)
    (folder / "start.xyz").write_text(ATOMS)
    surfaces = {"potential": str(folder / "three.pt"), "frames": str(folder / "start.xyz")}
    given = {"surfaces": surfaces, "method": {"hopping": "lzsh", "seed": 10000}, "diabatic_state": None, "state": 1}
    run_namd(settings(**given, n_steps=40, interval=5), folder / "run.h5")
    return folder / "run.h5"


def test_what_a_potential_doubts_is_drawn_more_often(tmp_path):
    model = ToyModel(n_outputs=1).double()
    export_potential(model, tmp_path / "plain.pt", atomic_energies={1: -13.6, 6: -1030.0, 8: -2040.0})
    n_features = load_potential(tmp_path / "plain.pt").descriptors([frame().structure])[0].shape[-1]
    counted = np.zeros((n_features + 3,) * 2)
    counted[-3, -3] = 1.0  # the standard deviation is the number of hydrogen atoms
    doubting = Rigidity(counted, np.array([1.0]))
    export_potential(
        model,
        tmp_path / "doubting.pt",
        atomic_energies={1: -13.6, 6: -1030.0, 8: -2040.0},
        rigidity=doubting,
        calibration={"n": 1},
    )
    places = np.arange(12.0).reshape(4, 3)
    frames = [Atoms("HCCC", places) for _ in range(50)] + [Atoms("HHHC", places) for _ in range(50)]
    assert len(drawn(frames, 40, seed=0)) == 40
    chosen = drawn(frames, 40, seed=0, shares=variances(frames, load_potential(tmp_path / "doubting.pt")))
    n_doubted = sum(one.get_chemical_symbols().count("H") == 3 for one in chosen)
    assert len(chosen) == 40 and 30 <= n_doubted <= 39


def test_steep_frames_are_those_of_large_forces_in_the_highest_state(tmp_path):
    export_potential(
        ToyModel(n_outputs=2).double(), tmp_path / "two.pt", atomic_energies={1: -13.6, 6: -1030.0, 8: -2040.0}
    )
    potential = load_potential(tmp_path / "two.pt")
    frames = [Atoms("CH", [[0, 0, 0], [x, 0, 0]]) for x in (0.9, 1.5, 3.4)]
    forces = [potential.evaluate([Structure.from_ase(one)], states=[1])[0].forces[0] for one in frames]
    expected = [np.linalg.norm(one, axis=1).max() ** 4 for one in forces]
    np.testing.assert_allclose(steepness(frames, potential), expected, rtol=1e-12)
    assert min(expected) < 0.1 * max(expected)


def test_frames_that_are_not_learnt_from_say_why():
    assert reason_against(frame(), -5.0) == ""
    assert reason_against(frame(weight=0.1), -5.0) == "other orbitals"
    assert reason_against(frame(force=-40.0), -5.0) == "forces"
    assert reason_against(frame(energy=9.0), -5.0) == "energy"


def test_the_data_set_is_read_back_in_eV(tmp_path):
    frames = [frame(energy=energy) for energy in (-5.0, -4.5)]
    write(tmp_path / "train.npz", frames)
    back = read_frames(tmp_path / "train.npz", units=Units())
    np.testing.assert_allclose([one.energy for one in back], [one.energy for one in frames])
    np.testing.assert_allclose(back[1].forces, frames[1].forces, rtol=0, atol=FORCE_GRID / 2)


def test_a_run_made_small_says_the_same(run_path, tmp_path):
    (tmp_path / "small.h5").write_bytes(compacted(run_path))
    whole, small = read_run(run_path), read_run(tmp_path / "small.h5")
    np.testing.assert_array_equal(small.state_energies, whole.state_energies)
    np.testing.assert_allclose(small.positions, whole.positions, atol=1e-5)
    assert small.protocol == whole.protocol and small.positions.dtype == np.float32
    with h5py.File(tmp_path / "small.h5") as file:
        assert file["positions"].attrs["units"] == "angstrom"


def test_a_potential_along_its_own_trajectories_has_no_error(run_path):
    found = along(load_potential(run_path.parent / "three.pt"), [read_run(run_path)])
    assert found["n_frames"] == 9 and max(found["energies_mae_meV"]) < 1e-6
    assert abs(found["smallest_gap_error_meV"]["mean"]) < 1e-6


def test_shares_within_standard_deviations_are_over_all_frames():
    true, errors = [np.zeros((4, 2)), np.zeros((6, 2))], [np.full((4, 2), 1.0), np.full((6, 2), [0.5, 3.0])]
    found = quality_of(true, errors, [np.full((4, 2), 0.7), np.full((6, 2), 1.0)])
    assert [one["within_1_std"] for one in found] == pytest.approx([0.6, 0.0])
    assert [one["within_2_std"] for one in found] == pytest.approx([1.0, 0.4])


def test_runs_for_comparison_are_not_learnt_from(run_path, tmp_path):
    assert len(list(of_run(read_run(run_path), "run"))) > 0
    content = run_path.read_bytes().replace(b"seed: 10000", b"seed: 00000")
    (tmp_path / "sealed.h5").write_bytes(content)
    with pytest.raises(SystemExit, match="seeds from 10000"):
        list(of_run(read_run(tmp_path / "sealed.h5"), "sealed"))
