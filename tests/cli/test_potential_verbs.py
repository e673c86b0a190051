"""`fusionmd export`, `inspect` and `compile`."""

import json

import pytest

from fusionmd import load_potential
from tests.cli.conftest import is_one_line


def test_inspect_shows_and_tests(fusionmd, trained, tmp_path):
    result = fusionmd("inspect", trained / "potential.pt", "--json", tmp_path / "i.json")
    assert result.code == 0, result.err
    for word in ("Cu", "3.5 angstrom", "float32", "self-test", "passed"):
        assert word in result.out
    assert "NO" not in result.out.split()
    assert json.loads((tmp_path / "i.json").read_text())


def test_export_of_a_run_gives_the_same_potential(fusionmd, data, trained, tmp_path):
    result = fusionmd("export", trained, "-o", tmp_path / "p.pt", "--name", "copper", "--licence", "CC-BY-4.0")
    assert result.code == 0, result.err
    again, first = load_potential(tmp_path / "p.pt"), load_potential(trained / "potential.pt")
    assert (again.metadata.name, again.metadata.licence_weights) == ("copper", "CC-BY-4.0")
    assert again.metadata.elements == first.metadata.elements and again.metadata.cutoff == first.metadata.cutoff


def test_export_of_a_committee(fusionmd, trained, tmp_path):
    result = fusionmd("export", trained, trained / "potential.pt", "--committee", "-o", tmp_path / "c.pt")
    assert result.code == 0, result.err
    assert load_potential(tmp_path / "c.pt").metadata.n_members == 2


def test_export_of_several_needs_committee(fusionmd, trained, tmp_path):
    result = fusionmd("export", trained, trained, "-o", tmp_path / "c.pt")
    assert is_one_line(result) and "--committee" in result.err
    assert not (tmp_path / "c.pt").exists()


@pytest.mark.parametrize("verb", ["inspect", "compile", "export"])
def test_missing_potential(verb, fusionmd, tmp_path):
    options = ["-o", tmp_path / "out.pt"] if verb == "export" else []
    result = fusionmd(verb, tmp_path / "none", *options)
    assert is_one_line(result) and "none" in result.err


@pytest.mark.parametrize("verb", ["inspect", "compile", "export"])
def test_foreign_file(verb, fusionmd, tmp_path):
    (tmp_path / "foreign.pt").write_bytes(b"PK\x03\x04 but no archive")
    options = ["-o", tmp_path / "out.pt"] if verb == "export" else []
    result = fusionmd(verb, tmp_path / "foreign.pt", *options)
    assert is_one_line(result) and "foreign.pt" in result.err
    assert not (tmp_path / "out.pt").exists()
