"""`fusionmd md`: runs every ensemble, leaves a trajectory, refuses what cannot run."""

import json

import pytest
from ase.build import bulk, molecule
from ase.io import read, write

from tests.cli.conftest import is_one_line


@pytest.mark.parametrize("ensemble", ["nve", "nvt", "npt"])
def test_runs(ensemble, fusionmd, data, trained, tmp_path):
    options = ["--ensemble", ensemble, "--steps", 6, "--timestep", 1, "--interval", 2, "--json", tmp_path / "md.json"]
    result = fusionmd("md", trained / "potential.pt", data / "start.xyz", *options, "-o", tmp_path / "md")
    assert result.code == 0, result.err
    assert len(read(tmp_path / "md" / "trajectory.xyz", ":")) == 4
    assert json.loads((tmp_path / "md.json").read_text())["n_steps"] == 6


def test_does_not_overwrite(fusionmd, data, trained, tmp_path):
    call = ["md", trained / "potential.pt", data / "start.xyz", "--steps", 2, "-o", tmp_path / "md"]
    assert fusionmd(*call).code == 0
    result = fusionmd(*call)
    assert is_one_line(result) and "overwrite" in result.err
    assert fusionmd(*call, "--overwrite").code == 0


def test_unknown_element_is_named(fusionmd, trained, tmp_path):
    write(tmp_path / "water.xyz", molecule("H2O"), format="extxyz")
    result = fusionmd("md", trained / "potential.pt", tmp_path / "water.xyz", "--steps", 1, "-o", tmp_path / "md")
    assert is_one_line(result)


WRONG = {
    "time step": (["--timestep", 0], "timestep"),
    "temperature": (["--temperature", -1], "temperature"),
    "state": (["--state", 3], "state"),
    "ensemble": (["--ensemble", "nph"], "nph"),
    "steps": (["--steps", "many"], "steps"),
}


@pytest.mark.parametrize("options, word", WRONG.values(), ids=WRONG)
def test_wrong_options(options, word, fusionmd, data, trained, tmp_path):
    result = fusionmd("md", trained / "potential.pt", data / "start.xyz", *options, "-o", tmp_path / "md")
    assert is_one_line(result) and word in result.err
    assert not (tmp_path / "md" / "trajectory.xyz").exists()


def test_atoms_on_top_of_each_other(fusionmd, trained, tmp_path):
    atoms = bulk("Cu", cubic=True)
    atoms.positions[1] = atoms.positions[0] + [0.05, 0, 0]
    write(tmp_path / "close.xyz", atoms, format="extxyz")
    result = fusionmd("md", trained / "potential.pt", tmp_path / "close.xyz", "--steps", 1, "-o", tmp_path / "md")
    assert is_one_line(result) and "0.1" in result.err
