"""`fusionmd evaluate`: the agreed keys, and what it says to wrong input."""

import json

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read, write

from fusionmd import Structure, load_potential
from tests.cli.conftest import is_one_line


def test_json_has_the_agreed_keys_and_the_right_numbers(fusionmd, data, trained, tmp_path):
    potential, frames = trained / "potential.pt", data / "frames.xyz"
    result = fusionmd("evaluate", potential, frames, "--json", tmp_path / "e.json", "--plot", tmp_path / "p.png")
    assert result.code == 0, result.err
    errors = json.loads((tmp_path / "e.json").read_text())
    energy_keys = {"energy_mae_meV", "energy_rmse_meV", "energy_rmse_meV_per_atom"}
    assert energy_keys | {"n_frames", "forces_mae_meV_A", "forces_rmse_meV_A", "stress_rmse_GPa"} <= set(errors)
    labelled = read(frames, ":")
    found = load_potential(potential).evaluate([Structure.from_ase(atoms) for atoms in labelled])
    gaps = np.concatenate([f.forces[0] - atoms.get_forces() for f, atoms in zip(found, labelled, strict=True)])
    assert errors["forces_rmse_meV_A"] == pytest.approx(1000 * np.sqrt((gaps**2).mean()), rel=1e-4)
    assert errors["n_frames"] == 12
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_unknown_element(fusionmd, trained, tmp_path):
    write(tmp_path / "silver.xyz", bulk("Ag"), format="extxyz")
    result = fusionmd("evaluate", trained / "potential.pt", tmp_path / "silver.xyz")
    assert is_one_line(result) and "silver.xyz" in result.err and "element Ag" in result.err


def test_a_plot_of_unknown_format_is_refused_first(fusionmd, tmp_path):
    result = fusionmd("evaluate", "none.pt", "none.xyz", "--plot", tmp_path / "p.foo")
    assert is_one_line(result) and ".png, .svg, .pdf" in result.err


def test_missing_files(fusionmd, data, trained, tmp_path):
    result = fusionmd("evaluate", tmp_path / "none.pt", data / "frames.xyz")
    assert is_one_line(result) and "none.pt" in result.err
    result = fusionmd("evaluate", trained / "potential.pt", tmp_path / "none.xyz")
    assert is_one_line(result) and "none.xyz" in result.err


def test_something_else_than_a_potential(fusionmd, data, trained, tmp_path):
    truncated = tmp_path / "half.pt"
    content = (trained / "potential.pt").read_bytes()
    truncated.write_bytes(content[: len(content) // 2])
    for path in (truncated, data / "frames.xyz", trained / "checkpoint.pt"):
        result = fusionmd("evaluate", path, data / "frames.xyz")
        assert is_one_line(result) and path.name in result.err


def test_something_else_than_frames(fusionmd, trained, tmp_path):
    (tmp_path / "empty.xyz").touch()
    (tmp_path / "words.xyz").write_text("these are no atoms\n")
    for name in ("empty.xyz", "words.xyz"):
        result = fusionmd("evaluate", trained / "potential.pt", tmp_path / name)
        assert is_one_line(result) and name in result.err, result.err
