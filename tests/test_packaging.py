"""The wheel carries every module and every shipped potential, and finds the potentials by name without a checkout."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from fusionmd.potential.shipped import shipped_folders
from tests.architecture import PLUGINS

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Folder with the unpacked wheel."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, text=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_wheel_has_every_module_and_nothing_foreign(installed):
    homes = {"fusionmd": ROOT} | {name: ROOT / folder for name, folder in PLUGINS.items()}
    modules = {path.relative_to(home) for name, home in homes.items() for path in (home / name).rglob("*.py")}
    assert {path.relative_to(installed) for path in installed.rglob("*.py")} == modules
    assert {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")} == set(homes)


def test_shipped_potentials_are_found_in_the_wheel(installed, tmp_path):
    code = "import fusionmd.potential.shipped as s; print(s.__file__, *s.shipped_folders().values(), sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(installed)}, capture_output=True, text=True
    )
    where, *folders = done.stdout.splitlines()
    assert where.startswith(str(installed)), done.stderr
    assert [Path(folder).name for folder in folders if folder] == list(shipped_folders())
    assert all(Path(folder).is_relative_to(installed) for folder in folders if folder)


def test_constraints_pin_torch_and_every_requirement():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower() for line in lines if "==" in line}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]
    names = {re.split(r"[<>=\[]", name)[0].lower() for name in listed} - {"fusionmd"}
    assert names <= pinned, f"no version in constraints.txt for {sorted(names - pinned)}"
    assert "torch" in pinned
