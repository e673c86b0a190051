"""Molecular dynamics from the workflow and from the command line."""

import csv
import json

import ase.io
import numpy as np
import pytest
import yaml
from ase import Atoms, units

from fusionmd.cli.main import run
from fusionmd.errors import ConfigError, DataError, MissingQuantityError, PropagationError, UnsupportedStructureError
from fusionmd.potential import export_potential, load_potential
from fusionmd.workflows.md import read_start, run_md
from fusionmd.workflows.md_settings import MDSettings, md_settings
from tests.potential.conftest import random_structure
from tests.toy_model import ToyModel

E0 = {1: -13.6, 6: -1030.0, 8: -2040.0}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("md") / "toy.pt"
    export_potential(ToyModel(n_outputs=2).double(), path, atomic_energies=E0)
    return path


@pytest.fixture(scope="module")
def potential(path):
    return load_potential(path)


@pytest.fixture
def molecule():
    return random_structure(8, edge=4.5, seed=4).to_ase()


@pytest.fixture
def crystal():
    return random_structure(12, edge=5.5, seed=3, pbc=True).to_ase()


def rows(folder):
    with open(folder / "log.csv") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def test_nve_conserves_energy_and_writes_everything(potential, molecule, tmp_path):
    settings = MDSettings(steps=60, timestep_fs=0.2, temperature_K=100, interval=5)
    seen = []
    result = run_md(potential, molecule, settings, tmp_path / "run", on_step=lambda step, line: seen.append(step))
    lines, frames = rows(tmp_path / "run"), ase.io.read(tmp_path / "run/trajectory.xyz", index=":")
    assert seen == list(range(0, 61, 5)) and len(lines) == len(frames) == 13
    totals = [line["total_energy_eV"] for line in lines]
    kinetic = [line["kinetic_energy_eV"] for line in lines]
    assert np.ptp(totals) < 0.02 * np.ptp(kinetic) and np.ptp(kinetic) > 1e-3
    assert (result.n_steps, result.time_fs, result.is_interrupted) == (60, 12.0, False)
    assert result.energy_slope_meV_per_atom_per_ps is not None and result.temperature_K > 0
    assert lines[-1]["time_fs"] == 12.0 and frames[-1].info["step"] == 60
    assert frames[3].get_potential_energy() == pytest.approx(lines[3]["potential_energy_eV"], abs=1e-6)
    written = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    assert written["md"]["steps"] == 60 and written["potential"]["sha256"] == potential.sha256


def test_last_frame_continues_the_run(potential, molecule, tmp_path):
    def go(start, steps, name):
        settings = MDSettings(steps=steps, timestep_fs=0.2, temperature_K=50, interval=10)
        run_md(potential, start, settings, tmp_path / name)
        return read_start(tmp_path / name / "last.xyz")

    whole = go(molecule, 40, "whole")
    half = go(go(molecule, 20, "first"), 20, "second")
    np.testing.assert_allclose(half.positions, whole.positions, atol=1e-6)
    np.testing.assert_allclose(half.get_velocities(), whole.get_velocities(), atol=1e-5)


def test_same_seed_same_run(potential, molecule, tmp_path):
    settings = {"ensemble": "nvt", "steps": 10, "timestep_fs": 0.2}
    for name, seed in [("a", 1), ("b", 1), ("c", 2)]:
        run_md(potential, molecule, MDSettings(**settings, seed=seed), tmp_path / name)
    a, b, c = [(tmp_path / name / "last.xyz").read_text() for name in "abc"]
    assert a == b != c


def test_thermostat_heats(potential, molecule, tmp_path):
    molecule.set_velocities(np.full((8, 3), 1e-6))
    settings = MDSettings(ensemble="nvt", steps=100, timestep_fs=0.2, temperature_K=400, friction_per_ps=500)
    run_md(potential, molecule, settings, tmp_path / "run")
    temperatures = [line["temperature_K"] for line in rows(tmp_path / "run")]
    assert temperatures[0] < 1 and np.mean(temperatures[5:]) > 100


def test_barostat_moves_the_volume(potential, crystal, tmp_path):
    settings = MDSettings(
        ensemble="npt", steps=40, timestep_fs=0.2, temperature_K=50, pressure_GPa=100, barostat_fs=20, thermostat_fs=10
    )
    run_md(potential, crystal, settings, tmp_path / "run")
    lines = rows(tmp_path / "run")
    assert lines[-1]["volume_A3"] < 0.999 * lines[0]["volume_A3"]
    assert np.isfinite(lines[0]["pressure_GPa"])


def test_state_drives(potential, molecule, tmp_path):
    energies = []
    for state in (0, 1):
        run_md(potential, molecule, MDSettings(steps=0, state=state), tmp_path / str(state))
        energies.append(rows(tmp_path / str(state))[0]["potential_energy_eV"])
    assert abs(energies[0] - energies[1]) > 1e-3


def test_interrupted_run_keeps_what_it_has(potential, molecule, tmp_path):
    def stop(step, line):
        if step == 20:
            raise KeyboardInterrupt

    result = run_md(potential, molecule, MDSettings(steps=100, timestep_fs=0.2), tmp_path / "run", on_step=stop)
    assert result.is_interrupted and result.n_steps == 20
    assert len(rows(tmp_path / "run")) == 3 and (tmp_path / "run/last.xyz").exists()


def test_explosion_is_told(potential, molecule, tmp_path):
    molecule.set_velocities(np.random.default_rng(0).normal(0, 100.0, (8, 3)))
    with pytest.raises(PropagationError, match="smaller timestep"):
        run_md(potential, molecule, MDSettings(steps=10), tmp_path / "run")


def test_atoms_that_collide_are_told(potential, tmp_path):
    pair = random_structure(2, edge=4.0, seed=0).to_ase()
    towards = pair.positions[1] - pair.positions[0]
    speed = np.linalg.norm(towards) / (20 * units.fs)
    pair.set_velocities(np.array([1, -1])[:, None] * towards / np.linalg.norm(towards) * speed / 2)
    with pytest.raises(PropagationError, match="step"):
        run_md(potential, pair, MDSettings(steps=41, timestep_fs=0.5), tmp_path / "run")


def with_nan(atoms):
    atoms.positions[2, 1] = np.nan


def with_gold(atoms):
    atoms.numbers[2] = 79


def with_two_at_one_place(atoms):
    atoms.positions[2] = atoms.positions[3] + [0.0, 0.0, 0.05]


def with_a_flat_cell(atoms):
    atoms.set_cell([5.0, 5.0, 0.0])
    atoms.pbc = True


BAD_ATOMS = {with_nan: "NaN", with_gold: "element Au", with_two_at_one_place: "0.05", with_a_flat_cell: "axis 2"}


@pytest.mark.parametrize("spoil, says", BAD_ATOMS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_an_impossible_start_is_refused_before_an_earlier_run_is_touched(spoil, says, potential, molecule, tmp_path):
    run_md(potential, molecule, MDSettings(steps=2, timestep_fs=0.2), tmp_path / "run")
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    spoil(molecule)
    for folder in ("run", "new"):
        with pytest.raises(UnsupportedStructureError, match=says):
            run_md(potential, molecule, MDSettings(steps=2), tmp_path / folder, overwrite=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before
    assert not (tmp_path / "new").exists()


def test_an_unknown_state_is_refused_before_anything_is_written(potential, molecule, tmp_path):
    with pytest.raises(MissingQuantityError, match=r"states 0\.\.1"):
        run_md(potential, molecule, MDSettings(state=2), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("pbc", [False, True])
def test_one_atom_runs(pbc, potential, tmp_path):
    atom = Atoms("O", cell=[2.0, 2.1, 2.2], pbc=pbc)
    result = run_md(potential, atom, MDSettings(ensemble="nvt", steps=20), tmp_path / "run")
    assert result.n_steps == 20 and result.temperature_K > 0


def test_bad_settings(potential, molecule, tmp_path):
    with pytest.raises(ConfigError, match="periodic along all axes"):
        run_md(potential, molecule, MDSettings(ensemble="npt"), tmp_path / "run")
    with pytest.raises(ConfigError, match=r"timestep_fs.*greater than 0"):
        md_settings(timestep_fs=-1.0)
    with pytest.raises(ConfigError, match="known settings"):
        md_settings(timestep=1.0)


def test_earlier_runs_are_not_overwritten(potential, molecule, tmp_path):
    run_md(potential, molecule, MDSettings(steps=1), tmp_path)
    before = (tmp_path / "log.csv").read_text()
    with pytest.raises(ConfigError, match="already holds"):
        run_md(potential, molecule, MDSettings(steps=1), tmp_path)
    assert (tmp_path / "log.csv").read_text() == before
    run_md(potential, molecule, MDSettings(steps=20), tmp_path, overwrite=True)
    assert len(rows(tmp_path)) == 3 and len(ase.io.read(tmp_path / "trajectory.xyz", index=":")) == 3


def test_bad_starts(tmp_path):
    (tmp_path / "bad.xyz").write_text("3\n\nH 0 0\n")
    with pytest.raises(DataError, match="cannot read"):
        read_start(tmp_path / "bad.xyz")
    with pytest.raises(DataError, match="no structure file"):
        read_start(tmp_path / "none.xyz")


def test_command_line(path, molecule, tmp_path, capsys):
    ase.io.write(tmp_path / "start.xyz", molecule)
    files = [str(path), str(tmp_path / "start.xyz"), "-o", str(tmp_path / "out"), "--json", str(tmp_path / "r.json")]
    arguments = ["md", *files]
    assert run([*arguments, "--ensemble", "nvt", "--steps", "20", "--timestep", "0.2"]) == 0
    assert json.loads((tmp_path / "r.json").read_text())["n_steps"] == 20
    assert "steps/s" in capsys.readouterr().out
    assert run([*arguments, "--ensemble", "npt", "--overwrite"]) == 2
    assert "periodic along all axes" in capsys.readouterr().err
