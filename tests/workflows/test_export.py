"""Potential files out of potential files; committees; the verbs export, inspect and compile."""

import json

import numpy as np
import pytest
import torch

from fusionmd.cli.main import run
from fusionmd.data.frame import Frame
from fusionmd.errors import ConfigError, PotentialFormatError
from fusionmd.models import build_model
from fusionmd.potential import export_potential, load_potential
from fusionmd.workflows.evaluate import compare
from fusionmd.workflows.export import export
from tests.potential.conftest import random_structure
from tests.toy_model import ToyModel

E0 = {1: -13.6, 6: -1030.0, 8: -2040.0}
NETWORK = {"name": "fusion_net", "n_channels": 2, "n_layers": 1, "l_max": 1, "cutoff": 3.0, "radial_widths": [4]}


def write_network(path, seed, references=E0):
    description = {"model": NETWORK, "elements": [1, 6, 8], "statistics": {"mean_degree": 6.0, "rms_force": 1.0}}
    torch.manual_seed(seed)
    model = build_model(NETWORK, elements=[1, 6, 8], statistics=description["statistics"])
    export_potential(model, path, atomic_energies=references, config=[description], licence_weights="CC0-1.0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    for seed, name in enumerate("ab"):
        write_network(folder / f"{name}.pt", seed)
    return folder


@pytest.fixture
def molecule():
    return random_structure(8, edge=4.0, seed=1)


def test_a_file_rebuilt_from_its_weights_is_the_same_potential(folder, molecule, tmp_path):
    metadata = export([folder / "a.pt"], tmp_path / "again.pt")
    before, after = [load_potential(p).evaluate([molecule])[0] for p in (folder / "a.pt", tmp_path / "again.pt")]
    np.testing.assert_allclose(after.forces, before.forces, atol=1e-6)
    assert after.energy == pytest.approx(before.energy, abs=1e-5)
    assert metadata.licence_weights == "CC0-1.0"


def test_committee_of_files(folder, molecule, tmp_path):
    metadata = export([folder / "a.pt", folder / "b.pt"], tmp_path / "c.pt", is_committee=True)
    assert metadata.n_members == 2 and len(metadata.config) == 2
    single = [load_potential(folder / f"{name}.pt").evaluate([molecule])[0] for name in "ab"]
    both = load_potential(tmp_path / "c.pt").evaluate([molecule])[0]
    energies, forces = [s.energies for s in single], [s.forces for s in single]
    np.testing.assert_allclose(both.energies, np.mean(energies, axis=0), atol=1e-5)
    np.testing.assert_allclose(both.energies_std, np.std(energies, axis=0), atol=1e-5)
    np.testing.assert_allclose(both.forces_std, np.std(forces, axis=0), atol=1e-5)
    assert both.forces_std.max() > 1e-4


def test_evaluating_a_committee_takes_its_spread_from_the_same_pass(folder, molecule, tmp_path, monkeypatch):
    export([folder / "a.pt", folder / "b.pt"], tmp_path / "c.pt", is_committee=True)
    committee = load_potential(tmp_path / "c.pt")
    wanted = committee.uncertainties([molecule, molecule])
    monkeypatch.setattr(type(committee), "uncertainties", lambda *_, **__: pytest.fail("a second pass"))
    found = compare(committee, [Frame(molecule, energy=0.0)] * 2)
    np.testing.assert_allclose(found.energies_std, wanted, rtol=1e-3, atol=1e-6)
    assert wanted.min() > 1e-4


def test_several_models_are_no_committee_by_accident(folder, tmp_path):
    with pytest.raises(ConfigError, match="--committee"):
        export([folder / "a.pt", folder / "b.pt"], tmp_path / "c.pt")


def test_members_with_other_references(folder, tmp_path):
    write_network(tmp_path / "other.pt", 0, E0 | {8: -2041.0})
    with pytest.raises(ConfigError, match="reference energies"):
        export([folder / "a.pt", tmp_path / "other.pt"], tmp_path / "c.pt", is_committee=True)


def test_a_file_that_does_not_say_how_it_is_built(tmp_path):
    export_potential(ToyModel(), tmp_path / "toy.pt", atomic_energies=E0)
    with pytest.raises(PotentialFormatError, match="export from the training run"):
        export([tmp_path / "toy.pt"], tmp_path / "x.pt")


def test_no_such_run(tmp_path):
    with pytest.raises(ConfigError, match="no checkpoint"):
        export([tmp_path / "runs"], tmp_path / "x.pt")


def test_verb_export(folder, tmp_path, capsys):
    sources = [str(folder / "a.pt"), str(folder / "b.pt")]
    assert run(["export", *sources, "-o", str(tmp_path / "c.pt")]) == 2
    assert not (tmp_path / "c.pt").exists()
    arguments = ["export", *sources, "--committee", "-o", str(tmp_path / "c.pt"), "--json", str(tmp_path / "r.json")]
    assert run(arguments) == 0
    assert json.loads((tmp_path / "r.json").read_text())["metadata"]["n_members"] == 2
    assert "2 model(s)" in capsys.readouterr().out


def test_verb_inspect(folder, tmp_path, capsys):
    assert run(["inspect", str(folder / "a.pt"), "--json", str(tmp_path / "r.json")]) == 0
    shown, result = capsys.readouterr().out, json.loads((tmp_path / "r.json").read_text())
    assert "H, C, O" in shown and "passed" in shown and "CC0-1.0" in shown
    assert result["self_test"]["passed"] and result["metadata"]["elements"] == [1, 6, 8]
    entries = {"exchange.pt", "native.pt", "native_exchange.pt"}
    assert set(result["records"]) == {"fusionmd.json", "weights.safetensors", "selftest.npz"} | entries


def test_verb_inspect_tells_a_failing_self_test(folder, capsys, monkeypatch):
    monkeypatch.setattr("fusionmd.potential.inspect.self_test_errors", lambda potential, test: (0.0, 1.0))
    assert run(["inspect", str(folder / "a.pt")]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_verb_inspect_on_a_foreign_file(tmp_path, capsys):
    (tmp_path / "x.pt").write_text("hello")
    assert run(["inspect", str(tmp_path / "x.pt")]) == 2
    assert "not a fusionmd potential" in capsys.readouterr().err


def test_verb_compile(folder, tmp_path, capsys, monkeypatch):
    from fusionmd.potential import cache
    from fusionmd.potential import compile as compiling

    monkeypatch.setenv("FUSIONMD_CACHE", str(tmp_path))
    monkeypatch.setattr(compiling, "compile_potential", cache.compiled_files)  # the real one: tests/potential
    assert run(["compile", str(folder / "a.pt"), "--json", str(tmp_path / "r.json")]) == 0
    assert json.loads((tmp_path / "r.json").read_text())["was_there"] is False
    assert str(tmp_path) in capsys.readouterr().out
