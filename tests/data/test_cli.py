"""`fusionmd data`."""

import json

from fusionmd.cli.main import run
from fusionmd.data.extxyz import write_extxyz
from fusionmd.data.synthetic import synthetic_frames


def test_list_names_licences(capsys, tmp_path):
    assert run(["data", "list", "--json", str(tmp_path / "l.json")]) == 0
    assert "acac" in capsys.readouterr().out
    assert {"acac", "rmd17"} <= {entry["name"] for entry in json.loads((tmp_path / "l.json").read_text())}


def test_audit_exits_1_on_errors(capsys, tmp_path):
    write_extxyz(tmp_path / "a.xyz", synthetic_frames(30, 0))
    report = tmp_path / "r.json"
    assert run(["data", "audit", str(tmp_path / "a.xyz"), "--json", str(report)]) == 0
    assert "30 frames, clean" in capsys.readouterr().out
    assert run(["data", "audit", str(tmp_path / "a.xyz"), "--energy-unit", "kcal/mol", "--json", str(report)]) == 1
    assert "error:" in capsys.readouterr().out
    assert json.loads(report.read_text())[str(tmp_path / "a.xyz")]["findings"][0]["level"] == "error"


def test_fetch_of_an_unknown_name_is_one_line(capsys, tmp_path):
    assert run(["data", "fetch", "nothing", "--to", str(tmp_path)]) == 2
    assert "unknown data set 'nothing'" in capsys.readouterr().err
