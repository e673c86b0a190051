"""`fusionmd namd sample`: Wigner, thermal and given starts, the window, and the run that begins with them."""

import json

import ase.io
import h5py
import numpy as np
import pytest
import yaml

from fusionmd.cli.main import run
from fusionmd.errors import ConfigError, DataError
from fusionmd.potential import load_potential
from fusionmd.units import BOLTZMANN_EV_PER_K
from fusionmd.workflows.namd_ground_state import ground_state
from fusionmd.workflows.namd_sample import modes_of, sample, sample_settings
from tests.namd.springs import write_springs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A potential of two states and a structure."""
    folder = tmp_path_factory.mktemp("sample")
    write_springs(folder)
    return folder


def drawn(folder, **values):
    return sample(ground_state(str(folder / "two.pt")), folder / "start.xyz", sample_settings(**values))


def test_wigner_from_the_command_line_starts_a_run(folder, tmp_path, capsys):
    out = tmp_path / "starts.xyz"
    arguments = ["namd", "sample", str(folder / "two.pt"), str(folder / "start.xyz"), "-o", str(out), "-n", "300"]
    assert run([*arguments, "--temperature", "300", "--json", str(tmp_path / "out.json")]) == 0
    said = json.loads((tmp_path / "out.json").read_text())
    assert said["n"] == 300 and len(said["frequencies_inverse_cm"]) == 3
    spread = said["expected_kinetic_energy_eV"] / np.sqrt(300 * 3 / 2)  # of a sum of squares, at the least
    assert abs(said["mean_kinetic_energy_eV"] - said["expected_kinetic_energy_eV"]) < 6 * spread
    written = yaml.safe_load((tmp_path / "starts.xyz.yaml").read_text())
    assert written["potential"]["sha256"] == load_potential(folder / "two.pt").sha256
    surfaces = {"potential": str(folder / "two.pt"), "frames": str(out)}
    settings = {"surfaces": surfaces, "state": 1, "n_steps": 2, "interval": 2}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(settings))
    assert run(["namd", "run", str(tmp_path / "run.yaml"), "-o", str(tmp_path / "run.h5")]) == 0
    frames = ase.io.read(out, index=":")
    with h5py.File(tmp_path / "run.h5") as file:
        np.testing.assert_allclose(file["positions"][:, 0].reshape(300, 3, 3)[7], frames[7].positions, atol=1e-7)


def test_a_larger_sample_begins_with_the_smaller(folder):
    few, many = (drawn(folder, n=n, seed=5).frames for n in (3, 80))
    for one, other in zip(few, many, strict=False):
        assert (one.positions == other.positions).all() and (one.get_momenta() == other.get_momenta()).all()


def test_the_window_keeps_what_is_inside(folder):
    all_draws = drawn(folder, n=60)
    energies = np.array([frame.info["excitation_energy_eV"] for frame in all_draws.frames])
    low, high = np.quantile(energies, [0.4, 0.7])
    inside = drawn(folder, n=15, window_eV=(low, high))
    kept = [frame.info["excitation_energy_eV"] for frame in inside.frames]
    assert len(kept) == 15 < inside.facts["n_drawn"] and all(low <= energy <= high for energy in kept)
    expected = [energy for energy in energies if low <= energy <= high]
    assert kept[: len(expected)] == pytest.approx(expected[:15], abs=1e-9)
    with pytest.raises(DataError, match="choose a window among them"):
        drawn(folder, n=1, window_eV=(90.0, 91.0))


def test_soft_modes_stay_at_rest(folder):
    wave_numbers = drawn(folder, n=1).facts["frequencies_inverse_cm"]
    stiff = drawn(folder, n=20, min_frequency=wave_numbers[0] + 1)
    assert stiff.facts["n_frozen"] == 1
    modes = modes_of(ground_state(str(folder / "two.pt")), ase.io.read(folder / "start.xyz"))
    weights = np.sqrt(np.repeat(stiff.frames[0].get_masses(), 3))
    shares = np.array([frame.get_velocities().ravel() * weights for frame in stiff.frames]) @ modes.vectors
    assert np.abs(shares[:, :1]).max() < 1e-8 < np.abs(shares[:, 1:]).max()


def test_thermal_frames_have_the_temperature_and_no_motion_of_the_whole(folder):
    found = drawn(folder, method="thermal", n=60, temperature_K=300.0, equilibration_fs=500.0, spacing_fs=30.0)
    assert len(found.frames) == 60
    temperature = np.mean([2 * frame.get_kinetic_energy() / (3 * BOLTZMANN_EV_PER_K) for frame in found.frames])
    assert temperature == pytest.approx(300.0, rel=0.25)
    assert max(np.abs(frame.get_momenta().sum(axis=0)).max() for frame in found.frames) < 1e-10
    assert max(np.abs(frame.get_angular_momentum()).max() for frame in found.frames) < 1e-8


def test_what_cannot_be_drawn_is_refused(folder, tmp_path):
    with pytest.raises(ConfigError, match="above 0 K"):
        sample_settings(method="thermal")
    with pytest.raises(ConfigError, match="empty"):
        sample_settings(window_eV=(2.0, 1.0))
    with pytest.raises(ConfigError, match="states 0..1"):
        drawn(folder, n=1, state=2, window_eV=(0.0, 9.0))
    with pytest.raises(DataError, match="no velocities"):
        drawn(folder, method="files", n=1)
    (tmp_path / "straight.xyz").write_text((folder / "start.xyz").read_text().replace("-0.3 0.95", "-0.97 0.0"))
    with pytest.raises(DataError, match="imaginary"):
        sample(ground_state(str(folder / "two.pt")), tmp_path / "straight.xyz", sample_settings(n=1, relax=False))
