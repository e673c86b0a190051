"""`fusionmd data`: the catalogue, fetching from a folder, the audit and its exit code."""

import json

import numpy as np
from ase.io import read, write

from tests.cli.conftest import is_one_line


def test_list_names_licence_and_citation(fusionmd, tmp_path):
    result = fusionmd("data", "list", "--json", tmp_path / "list.json")
    assert result.code == 0
    entries = json.loads((tmp_path / "list.json").read_text())
    assert "acac" in {entry["name"] for entry in entries}
    assert all(entry["licence"] and entry["citation"] for entry in entries)


def test_fetch_of_an_unknown_name_lists_the_known(fusionmd, tmp_path):
    result = fusionmd("data", "fetch", "acacia", "--to", tmp_path)
    assert is_one_line(result) and "acac" in result.err


def test_fetch_from_a_folder_that_lacks_it(fusionmd, tmp_path):
    result = fusionmd("data", "fetch", "acac", "--from", tmp_path, "--to", tmp_path / "data")
    assert is_one_line(result) and str(tmp_path) in result.err
    assert not (tmp_path / "data").exists()


def test_audit_of_clean_frames(fusionmd, data):
    result = fusionmd("data", "audit", data / "frames.xyz")
    assert result.code == 0 and "12 frames" in result.out


def test_audit_finds_leakage_and_exits_1_on_errors(fusionmd, data, tmp_path):
    frames = read(data / "frames.xyz", ":")
    frames[0].calc.results["forces"] = np.full((4, 3), np.nan)
    write(tmp_path / "bad.xyz", frames, format="extxyz")
    result = fusionmd("data", "audit", data / "frames.xyz", tmp_path / "bad.xyz", "--json", tmp_path / "audit.json")
    assert result.code == 1
    audit = json.loads((tmp_path / "audit.json").read_text())
    assert audit[str(tmp_path / "bad.xyz")]["findings"]
    assert any("frames.xyz" in str(part) for name, part in audit.items() if name.startswith("between"))


def test_audit_without_files(fusionmd):
    assert is_one_line(fusionmd("data", "audit"))
