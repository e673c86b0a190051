"""`fusionmd models`, `draw` and `doctor`: the verbs that need no data."""

import json

import pytest
import yaml

from fusionmd.workflows import installation
from tests.cli.conftest import is_one_line


def test_models_lists_diagrams_and_range(fusionmd, tmp_path):
    result = fusionmd("models", "--json", tmp_path / "models.json")
    assert result.code == 0 and "fusion_net" in result.out and "interaction range" in result.out
    known = json.loads((tmp_path / "models.json").read_text())["architectures"]
    architecture = next(item for item in known if item["name"] == "fusion_net")
    assert architecture["interaction_range_A"] == 10.0
    assert architecture["settings"]["message"] in result.out


def test_models_example_is_yaml(fusionmd):
    assert yaml.safe_load(fusionmd("models", "--example", "fusion_net").out)["model"]["name"] == "fusion_net"


def test_models_unknown_example(fusionmd):
    result = fusionmd("models", "--example", "schnet")
    assert is_one_line(result) and "fusion_net" in result.err


def test_draw_writes_a_picture_and_counts(fusionmd, tmp_path):
    result = fusionmd("draw", "((A, A)@3, A)@1", "-o", tmp_path / "d.svg", "--plan", "--json", tmp_path / "d.json")
    assert result.code == 0, result.err
    assert "<svg" in (tmp_path / "d.svg").read_text()
    assert json.loads((tmp_path / "d.json").read_text())["diagram"] == "((A, A)@3, A)@1"
    assert "FLOP" in result.out


@pytest.mark.parametrize("text", ["((A, A)", "(A, A)@x", "A B", ""])
def test_draw_refuses_what_is_no_diagram(text, fusionmd):
    assert is_one_line(fusionmd("draw", text))


def test_draw_refuses_an_unknown_leaf(fusionmd):
    result = fusionmd("draw", "(A, A)", "--leaf", "B=0e")
    assert is_one_line(result) and "A" in result.err


def test_doctor_reports_and_decides(fusionmd, tmp_path, monkeypatch):
    def broken():
        raise OSError("does not run")

    works = installation.Probe("thing", lambda: "seen", "unused")
    monkeypatch.setattr(installation, "PROBES", (works,))
    assert fusionmd("doctor").code == 0
    monkeypatch.setattr(installation, "PROBES", (works, installation.Probe("other", broken, "mend it")))
    result = fusionmd("doctor", "--json", tmp_path / "doctor.json")
    assert result.code == 1 and "other: mend it" in result.out
    assert json.loads((tmp_path / "doctor.json").read_text())["usable"] is False
