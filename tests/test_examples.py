"""Every example runs, in the order of its number, with --smoke; and so does the demo."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fusionmd import build_model, export_potential
from fusionmd.potential.shipped import shipped_folders

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("[0-9][0-9]_*.py"))
ORGANIC = ["demo.py", "06_vibrations.py"]  # use the shipped acetylacetone potential
SMALL = {
    "name": "fusion_net",
    "cutoff": 3.5,
    "n_layers": 1,
    "n_channels": 4,
    "l_max": 1,
    "message": "(Y, h_j)@1+",
    "product": ["A", "(A, A)@1+"],
    "radial_widths": [8],
    "repulsion": True,
}


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return tmp_path_factory.mktemp("output")


@pytest.fixture(scope="module")
def organic_potential(tmp_path_factory):
    """The shipped potential where there is one, else one that knows the elements and nothing more."""
    if "acac-300K" in shipped_folders():
        return "acac-300K"
    torch.manual_seed(0)
    model = build_model(SMALL, elements=[1, 6, 8], statistics={"mean_degree": 8.0, "rms_force": 0.02}).double()
    path = tmp_path_factory.mktemp("potential") / "untrained.pt"
    export_potential(model, path, atomic_energies={1: -13.6, 6: -1000.0, 8: -2000.0})
    return str(path)


def run(script, *arguments):
    command = [sys.executable, "-W", "error::DeprecationWarning:__main__", str(EXAMPLES / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_examples_are_numbered_without_gaps():
    assert [int(name[:2]) for name in SCRIPTS] == list(range(1, len(SCRIPTS) + 1))


@pytest.mark.parametrize("script", SCRIPTS)
def test_example(script, output, organic_potential, request):
    arguments = ["--potential", organic_potential] if script in ORGANIC else []
    if script != "01_diagrams.py":
        arguments += ["--out", output]
    said = run(script, "--smoke", *arguments)
    assert len(said.splitlines()) >= 2
    assert "nan" not in said.lower().split()


def test_demo(tmp_path, organic_potential):
    said = run("demo.py", "--smoke", "--potential", organic_potential, "--out", tmp_path)
    assert "Done" in said and "nan" not in said.lower().split()
    for name in ("relaxed.xyz", "nve.xyz", "nvt.xyz", "dynamics.png"):
        assert (tmp_path / name).stat().st_size > 0, name


@pytest.mark.parametrize(("first", "said"), [("ase", r"-\d+\.\d+ eV\n"), ("openmm", r"-\d+\.\d+ kJ/mol\n")])
def test_python_of_the_readme_runs(first, said, organic_potential, tmp_path):
    snippets = re.findall(r"```python\n(.*?)```", (EXAMPLES.parent / "README.md").read_text(), re.DOTALL)
    (snippet,) = (each for each in snippets if each.startswith(f"from {first}"))
    assert len(snippets) == 2
    (tmp_path / "snippet.py").write_text(snippet.replace("acac-300K", organic_potential))
    command = [sys.executable, tmp_path / "snippet.py"]
    done = subprocess.run(command, cwd=EXAMPLES.parent, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0 and re.fullmatch(said, done.stdout), done.stdout + done.stderr


def test_tutorial_shows_every_example():
    tutorial = (EXAMPLES.parent / "docs" / "tutorial.md").read_text()
    assert [name for name in SCRIPTS if f"examples/{name}" not in tutorial] == []
