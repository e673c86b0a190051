"""`fusionmd calibrate`, and who then says how uncertain an energy is: evaluation, ASE, molecular dynamics, hopping."""

import csv
import json
from dataclasses import replace

import ase.io
import numpy as np
import pytest
import torch
from ase.calculators.singlepoint import SinglePointCalculator

from fusionmd.cli.main import run
from fusionmd.data.read import read_frames
from fusionmd.engines.ase import FusionCalculator
from fusionmd.errors import ConfigError, DataError, MissingQuantityError
from fusionmd.models import build_model
from fusionmd.potential import export_potential, load_potential
from fusionmd.workflows.calibrate import calibrate
from fusionmd.workflows.evaluate import compare
from fusionmd.workflows.export import export
from fusionmd.workflows.md import run_md
from fusionmd.workflows.md_settings import MDSettings
from fusionmd.workflows.namd import run_namd
from fusionmd.workflows.namd_settings import RunSettings
from tests.engines.conftest import lammps_plugin  # noqa: F401
from tests.potential.conftest import random_structure

E0 = {1: -13.6, 6: -1030.0, 8: -2040.0}
NETWORK = {"name": "fusion_net", "n_channels": 4, "n_layers": 1, "l_max": 1, "cutoff": 3.0, "radial_widths": [4]}
STATISTICS = {"mean_degree": 6.0, "rms_force": 1.0}


def write_network(path, **changes):
    description = {"model": NETWORK | changes, "elements": [1, 6, 8], "statistics": STATISTICS}
    torch.manual_seed(0)
    model = build_model(description["model"], elements=[1, 6, 8], statistics=STATISTICS)
    export_potential(model, path, atomic_energies=E0, config=[description], licence_weights="CC0-1.0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network; frames near some geometries, and their energies with noise that grows away from these."""
    folder, rng = tmp_path_factory.mktemp("calibrate"), np.random.default_rng(3)
    write_network(folder / "plain.pt")
    potential = load_potential(folder / "plain.pt")
    for name, n, most in (("train", 120, 0.1), ("held", 80, 0.3)):
        frames = []
        for k in range(n):
            atoms = random_structure(8, edge=4.5, seed=k % 6).to_ase()
            width = most * rng.random()
            atoms.positions += width * rng.normal(size=(8, 3))
            calculator = FusionCalculator(potential)
            energy = calculator.get_potential_energy(atoms) + 0.5 * width * rng.normal()
            atoms.calc = SinglePointCalculator(atoms, energy=energy)
            frames.append(atoms)
        ase.io.write(folder / f"{name}.xyz", frames)
    return folder


@pytest.fixture(scope="module")
def path(folder):
    calibrate(folder / "plain.pt", *(read_frames(folder / f"{n}.xyz") for n in ("train", "held")), folder / "c.pt")
    return folder / "c.pt"


def test_the_potential_stays_what_it_was(folder, path):
    before, after = load_potential(folder / "plain.pt"), load_potential(path)
    structures = [frame.structure for frame in read_frames(folder / "held.xyz")]
    for old, new in zip(before.evaluate(structures), after.evaluate(structures), strict=True):
        np.testing.assert_allclose(new.forces, old.forces, atol=1e-5)
        assert new.energy == pytest.approx(old.energy, abs=1e-4)
    assert after.metadata.licence_weights == "CC0-1.0" and after.metadata.name == "plain"
    assert (after.metadata.calibration["n_train"], after.metadata.calibration["n_held_out"]) == (120, 80)


def test_the_native_form_says_the_same(folder, path):
    structures = [frame.structure for frame in read_frames(folder / "held.xyz")][:5]
    scripted, native = load_potential(path), load_potential(path, compiled="yes")
    assert native.is_compiled
    np.testing.assert_allclose(native.uncertainties(structures), scripted.uncertainties(structures), rtol=1e-4)


def test_evaluation_tells_how_well_it_holds(folder, path):
    comparison = compare(load_potential(path), read_frames(folder / "held.xyz"))
    assert comparison.energies_std.shape == (80, 1)
    assert run(["evaluate", str(path), str(folder / "held.xyz"), "--json", str(folder / "e.json")]) == 0
    found = json.loads((folder / "e.json").read_text())
    assert found["energy_within_1_std"] == pytest.approx(0.68, abs=0.03)
    assert 0.85 < found["energy_within_2_std"] <= 1 and found["energy_std_rank_correlation"] > 0.2


def test_exporting_once_more_keeps_it_and_a_committee_drops_it(folder, path, tmp_path):
    export([path], tmp_path / "again.pt")
    structures = [frame.structure for frame in read_frames(folder / "held.xyz")][:5]
    again, first = load_potential(tmp_path / "again.pt"), load_potential(path)
    np.testing.assert_allclose(again.uncertainties(structures), first.uncertainties(structures), rtol=1e-6)
    assert again.metadata.calibration == first.metadata.calibration
    export([path, path], tmp_path / "two.pt", is_committee=True)
    assert not load_potential(tmp_path / "two.pt").metadata.calibration


def test_ase_finds_out_when_asked(path):
    atoms = random_structure(8, edge=4.5, seed=1).to_ase()
    atoms.calc = FusionCalculator(path)
    atoms.get_forces()
    assert "energy_std" not in atoms.calc.results
    found = atoms.calc.get_property("energy_std", atoms)
    assert found == pytest.approx(load_potential(path).uncertainties([random_structure(8, edge=4.5, seed=1)])[0, 0])
    atoms.positions[0] += 0.1
    assert atoms.calc.get_property("energy_std", atoms) != found and "forces" in atoms.calc.results


@pytest.mark.parametrize("engine", ["ase", "openmm", "lammps"])
def test_dynamics_log_it(engine, path, tmp_path, request):
    if engine == "lammps":
        request.getfixturevalue("lammps_plugin")
    start = random_structure(8, edge=4.5, seed=1)
    settings = MDSettings(engine=engine, steps=2, timestep_fs=0.2, interval=1)
    run_md(load_potential(path), start.to_ase(), settings, tmp_path / engine)
    with open(tmp_path / engine / "log.csv") as file:
        spreads = [float(line["energy_std_eV"]) for line in csv.DictReader(file)]
    last = ase.io.read(tmp_path / engine / "trajectory.xyz", index=-1)
    assert len(spreads) == 3
    calculator = FusionCalculator(path)
    assert spreads[-1] == pytest.approx(calculator.get_property("energy_std", last), rel=1e-4)


def hopping(path, folder, limit_eV):
    start = random_structure(8, edge=4.5, seed=1).to_ase()
    start.set_momenta(np.zeros((8, 3)))
    ase.io.write(folder / "start.xyz", start)
    return RunSettings.model_validate(
        {
            "surfaces": {"potential": str(path), "frames": str(folder / "start.xyz")},
            "time_step_fs": 0.1,
            "n_steps": 4,
            "interval": 2,
            "triage": {"uncertainty_eV": limit_eV, "energy_step_eV": 100.0},
        }
    )


@pytest.fixture(scope="module")
def two_states(folder):
    write_network(folder / "two.pt", n_outputs=2)
    frames = read_frames(folder / "train.xyz")
    potential = load_potential(folder / "two.pt")
    frames = [replace(one, energy=potential.evaluate([one.structure])[0].energies + 0.05) for one in frames]
    calibrate(folder / "two.pt", frames, frames[:40], folder / "two-c.pt")
    return folder / "two-c.pt"


def test_hopping_stops_where_it_is_uncertain(two_states, folder, tmp_path):
    spread = load_potential(two_states).uncertainties([random_structure(8, edge=4.5, seed=1)]).max()
    assert run_namd(hopping(two_states, tmp_path, 0.5 * spread), tmp_path / "a.h5")["n_discarded"] == 1
    assert (tmp_path / "a.h5.uncertain.xyz").exists()
    assert run_namd(hopping(two_states, tmp_path, 5.0 * spread), tmp_path / "b.h5")["n_discarded"] == 0


def test_hopping_with_a_limit_nobody_can_tell(folder, two_states, tmp_path):
    with pytest.raises((ConfigError, MissingQuantityError), match="fusionmd calibrate"):
        run_namd(hopping(folder / "two.pt", tmp_path, 0.1), tmp_path / "a.h5")
    assert not (tmp_path / "a.h5").exists()


def test_the_command(folder, tmp_path, capsys):
    files = ["--train", str(folder / "train.xyz"), "--held-out", str(folder / "held.xyz")]
    output = tmp_path / "c.pt"
    code = run(["calibrate", str(folder / "plain.pt"), *files, "-o", str(output), "--json", str(tmp_path / "c.json")])
    assert code == 0 and "within_1_std" in capsys.readouterr().out
    assert json.loads((tmp_path / "c.json").read_text())["calibration"]["n_held_out"] == 80
    assert load_potential(output).metadata.has_uncertainties
    assert run(["inspect", str(output)]) == 0 and "calibrated on 80 frames" in capsys.readouterr().out


def test_with_the_frames_of_a_training(folder, tmp_path):
    (tmp_path / "c.yaml").write_text(
        f"data: {{train: {folder / 'train.xyz'}, valid_count: 30}}\nmodel: {{name: fusion_net}}\n"
    )
    assert (
        run(["calibrate", str(folder / "plain.pt"), "--config", str(tmp_path / "c.yaml"), "-o", str(tmp_path / "c.pt")])
        == 0
    )
    calibration = load_potential(tmp_path / "c.pt").metadata.calibration
    assert (calibration["n_train"], calibration["n_held_out"]) == (90, 30)


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["--train", "a"],
        ["--config", "c.yaml", "--train", "a"],
        ["--config", "c.yaml", "--train", "a", "--held-out", "b"],
    ],
)
def test_frames_from_nowhere_or_from_two_places(given, folder, tmp_path, capsys):
    assert run(["calibrate", str(folder / "plain.pt"), *given, "-o", str(tmp_path / "c.pt")]) == 2
    assert "either --config" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["mace", "nequip", "tensor_frames"])
def test_every_architecture_can_be_calibrated(name, folder, tmp_path):
    small = {"name": name, "cutoff": 3.0, "n_layers": 1, "n_channels": 2}
    torch.manual_seed(0)
    model = build_model(small, elements=[1, 6, 8], statistics=STATISTICS)
    config = [{"model": small, "elements": [1, 6, 8], "statistics": STATISTICS}]
    export_potential(model, tmp_path / "plain.pt", atomic_energies=E0, config=config)
    frames = [read_frames(folder / f"{part}.xyz") for part in ("train", "held")]
    calibrate(tmp_path / "plain.pt", *frames, tmp_path / "c.pt")
    spreads = load_potential(tmp_path / "c.pt").uncertainties([frame.structure for frame in frames[1]])
    assert spreads.shape == (80, 1) and np.ptp(spreads) > 0


def test_units_beside_a_configuration(folder, tmp_path, capsys):
    (tmp_path / "c.yaml").write_text(f"data: {{train: {folder / 'train.xyz'}}}\nmodel: {{name: fusion_net}}\n")
    given = ["--config", str(tmp_path / "c.yaml"), "--energy-unit", "eV", "-o", str(tmp_path / "c.pt")]
    assert run(["calibrate", str(folder / "plain.pt"), *given]) == 2
    assert "stand in --config" in capsys.readouterr().err


def test_too_few_frames(folder, tmp_path):
    frames = read_frames(folder / "train.xyz")
    with pytest.raises(DataError, match="20 frames or more"):
        calibrate(folder / "plain.pt", frames, frames[:5], tmp_path / "c.pt")


def test_a_committee_has_its_own(folder, tmp_path):
    export([folder / "plain.pt"] * 2, tmp_path / "two.pt", is_committee=True)
    frames = read_frames(folder / "train.xyz")
    with pytest.raises(MissingQuantityError, match="committee"):
        calibrate(tmp_path / "two.pt", frames, frames, tmp_path / "c.pt")
