"""`fusionmd export`, `inspect` and `compile`."""

import json
import shutil

import pytest

from fusionmd import load_potential
from fusionmd.training.checkpoint import load_checkpoint, save_checkpoint
from tests.cli.conftest import is_one_line


def test_inspect_shows_and_tests(fusionmd, trained, tmp_path):
    result = fusionmd("inspect", trained / "potential.pt", "--json", tmp_path / "i.json")
    assert result.code == 0, result.err
    for word in ("Cu", "3.5 angstrom", "float32", "self-test", "passed"):
        assert word in result.out
    assert "NO" not in result.out.split()
    assert json.loads((tmp_path / "i.json").read_text())


def test_inspect_shows_the_metrics_of_several_states_one_by_one(fusionmd):
    result = fusionmd("inspect", "stilbene-am1ci")
    assert result.code == 0, result.err
    assert "metrics, valid, state 2" in result.out and "{" not in result.out


def test_export_of_a_run_gives_the_same_potential(fusionmd, data, trained, tmp_path):
    stated = ["--name", "copper", "--licence", "CC-BY-4.0", "--citation", "A. Smith", "--citation", "B. Jones"]
    result = fusionmd("export", trained, "-o", tmp_path / "p.pt", *stated)
    assert result.code == 0, result.err
    again, first = load_potential(tmp_path / "p.pt"), load_potential(trained / "potential.pt")
    assert (again.metadata.name, again.metadata.licence_weights) == ("copper", "CC-BY-4.0")
    assert again.metadata.elements == first.metadata.elements and again.metadata.cutoff == first.metadata.cutoff
    assert again.metadata.citations == ("A. Smith", "B. Jones")
    for kept in ("metrics", "data_sha256", "commit", "config"):
        assert getattr(again.metadata, kept) == getattr(first.metadata, kept), kept
    assert again.metadata.data_sha256 and again.metadata.metrics["valid"]


def test_export_of_a_run_that_went_on_does_not_claim_earlier_errors(fusionmd, trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    checkpoint = load_checkpoint(tmp_path / "run")
    checkpoint["state"]["best_weights"] = {name: t + 0.01 for name, t in checkpoint["state"]["best_weights"].items()}
    save_checkpoint(tmp_path / "run" / "checkpoint.pt", {key: v for key, v in checkpoint.items() if key != "format"})
    assert fusionmd("export", tmp_path / "run", "-o", tmp_path / "p.pt").code == 0
    assert load_potential(tmp_path / "p.pt").metadata.metrics == {}


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
