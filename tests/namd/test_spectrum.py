"""Absorption of an ensemble: sum rule, line shapes, errors; starts from a window, and the run that begins with them."""

import json

import ase.io
import h5py
import numpy as np
import pytest
import yaml
from scipy.constants import c, e, epsilon_0, hbar, m_e

from fusionmd.cli.main import run
from fusionmd.errors import DataError
from fusionmd.namd.absorption import ANGSTROM2_EV_PER_STRENGTH, chosen_excitations, line, spectrum
from tests.namd.springs import write_springs

ENERGIES = np.random.default_rng(1).normal(size=(500, 2)) * [0.2, 0.1] + [4.0, 5.0]


@pytest.mark.parametrize("shape", ["gaussian", "lorentzian"])
def test_lines_are_normalised_and_have_their_width(shape):
    distance = np.linspace(-400, 400, 800_001)
    values = line(distance, 0.3, shape)
    assert np.trapezoid(values, distance) == pytest.approx(1.0, abs=1e-3)
    assert line(np.array([0.15]), 0.3, shape)[0] == pytest.approx(line(np.zeros(1), 0.3, shape)[0] / 2)


def test_the_integral_of_the_cross_section_is_that_of_the_strengths():
    """integral sigma dE = pi e^2 hbar/(2 m c epsilon_0) sum f, Thomas, Reiche, Kuhn."""
    strengths = np.tile([0.7, 0.2], (500, 1))
    found = spectrum(ENERGIES, strengths, width=0.05, shape="gaussian")
    expected = np.pi * e**2 * hbar / (2 * m_e * c * epsilon_0) * 0.9 * 1e20 / e  # J m^2 -> eV angstrom^2
    assert np.trapezoid(found.total, found.energies) == pytest.approx(expected, rel=1e-3)
    assert pytest.approx(expected / 0.9, rel=1e-8) == ANGSTROM2_EV_PER_STRENGTH
    np.testing.assert_allclose(found.by_state.sum(axis=0), found.total, rtol=1e-12)


def test_without_strengths_it_counts_excitations_and_the_error_falls_with_the_root():
    found = spectrum(ENERGIES, None, width=0.05, shape="gaussian")
    assert not found.has_strengths
    assert np.trapezoid(found.total, found.energies) == pytest.approx(2.0, rel=1e-3)
    few = spectrum(ENERGIES[:125], None, width=0.05, shape="gaussian")
    assert few.error.max() / found.error.max() == pytest.approx(2.0, rel=0.25)


def test_the_window_chooses_with_strength_over_square_of_energy():
    rng = np.random.default_rng(2)
    energies = rng.uniform(3.0, 6.0, size=(6000, 2))
    strengths = np.tile([0.8, 0.2], (6000, 1))
    frames, states = chosen_excitations(energies, strengths, (3.0, 6.0), seed=4)
    weights = strengths / energies**2
    expected = weights.sum(axis=0) / weights.max()
    counts = np.array([(states == 1).sum(), (states == 2).sum()])
    np.testing.assert_allclose(counts, expected, atol=4 * np.sqrt(expected.max()))
    low = energies[frames[states == 1], 0] < 4.0
    among = weights[:, 0][energies[:, 0] < 4.0].sum() / weights[:, 0].sum()
    assert low.mean() == pytest.approx(among, abs=0.04) and among > 0.45  # uniform ones would give a third
    again, _ = chosen_excitations(energies, strengths, (3.0, 6.0), seed=4)
    assert np.array_equal(again, frames)


def test_without_strengths_all_in_the_window_are_chosen():
    frames, states = chosen_excitations(ENERGIES, None, (3.9, 4.1), seed=0)
    assert (ENERGIES[frames, states - 1] >= 3.9).all() and (ENERGIES[frames, states - 1] <= 4.1).all()
    assert len(frames) == ((ENERGIES >= 3.9) & (ENERGIES <= 4.1)).sum()
    with pytest.raises(DataError, match="choose a window among them"):
        chosen_excitations(ENERGIES, None, (9.0, 9.1), seed=0)
    with pytest.raises(DataError, match="wanted"):
        chosen_excitations(ENERGIES, np.ones((500, 1)), (3.9, 4.1), seed=0)
    with pytest.raises(DataError, match="bright"):
        chosen_excitations(ENERGIES, np.zeros((500, 2)), (3.9, 4.1), seed=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A potential of two states and thirty starts."""
    folder = tmp_path_factory.mktemp("spectrum")
    write_springs(folder)
    words = ["namd", "sample", str(folder / "two.pt"), str(folder / "start.xyz"), "-n", "30"]
    assert run([*words, "-o", str(folder / "starts.xyz")]) == 0
    return folder


def test_the_verb_says_what_heights_are_and_its_starts_run(folder, tmp_path, capsys):
    words = ["namd", "spectrum", str(folder / "two.pt"), str(folder / "starts.xyz"), "-o", str(tmp_path / "out")]
    assert run([*words, "--window", "0.5", "3.3"]) == 0
    assert "no oscillator strengths" in (tmp_path / "out" / "spectrum.csv").read_text().splitlines()[0]
    said = json.loads((tmp_path / "out" / "spectrum.json").read_text())
    frames = ase.io.read(tmp_path / "out" / "starts.xyz", index=":")
    sampled = ase.io.read(folder / "starts.xyz", index=":")
    assert 0 < len(frames) == said["n_chosen"]["1"] < 30
    for frame in frames:
        origin = sampled[frame.info["sample"]]
        np.testing.assert_allclose(frame.get_momenta(), origin.get_momenta(), atol=1e-6)
        assert 0.5 <= frame.info["excitation_energy_eV"] <= 3.3
    surfaces = {"potential": str(folder / "two.pt"), "frames": str(tmp_path / "out" / "starts.xyz")}
    settings = {"surfaces": surfaces, "state": "frames", "n_steps": 2, "interval": 1, "batch_size": 4}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(settings))
    assert run(["namd", "run", str(tmp_path / "run.yaml"), "-o", str(tmp_path / "run.h5")]) == 0
    with h5py.File(tmp_path / "run.h5") as file:
        assert (file["active_state"][:, 0] == 1).all() and len(file["active_state"]) == len(frames)
    assert (tmp_path / "out" / "spectrum.png").read_bytes().startswith(b"\x89PNG")


def test_each_trajectory_starts_on_the_state_of_its_structure(folder, tmp_path, capsys):
    frames = ase.io.read(folder / "starts.xyz", index=":4")
    for index, frame in enumerate(frames):
        frame.info = {"initial_state": index % 2, "oscillator_strengths": [0.1]}
    ase.io.write(tmp_path / "mixed.xyz", frames, format="extxyz")
    surfaces = {"potential": str(folder / "two.pt"), "frames": str(tmp_path / "mixed.xyz")}
    settings = {"surfaces": surfaces, "state": "frames", "n_steps": 2, "interval": 1, "batch_size": 3}

    def started():
        (tmp_path / "run.yaml").write_text(yaml.safe_dump(settings))
        return run(["namd", "run", str(tmp_path / "run.yaml"), "-o", str(tmp_path / "run.h5")])

    assert started() == 0
    with h5py.File(tmp_path / "run.h5") as file:
        assert file["active_state"][:, 0].tolist() == [0, 1, 0, 1]
    surfaces["frames"] = str(folder / "starts.xyz")
    assert started() == 2 and "namd spectrum --window" in capsys.readouterr().err
    words = ["namd", "spectrum", str(folder / "two.pt"), str(tmp_path / "mixed.xyz"), "-o", str(tmp_path / "out")]
    assert run(words) == 0 and "cross section" in capsys.readouterr().out
    assert run([*words, "--broadening", "0"]) == 2 and "positive" in capsys.readouterr().err
    assert run([*words, "--window", "5", "4"]) == 2 and "empty" in capsys.readouterr().err
