"""What a user may get wrong, from the command line: one line that says what to do, and nothing written."""

import pytest
import yaml

from fusionmd.cli.main import run
from tests.namd.springs import WATER, write_springs

MOVING = WATER.replace("pos:R:3", "pos:R:3:momenta:R:3").replace("0.0\n", "0.0 0.0 0.0 0.0\n")
MASSLESS = MOVING.replace("momenta:R:3", "momenta:R:3:masses:R:1").replace("0.0 0.0 0.0\n", "0.0 0.0 0.0 0.0\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A potential of two states and several structures."""
    folder = tmp_path_factory.mktemp("bad")
    write_springs(folder)
    (folder / "moving.xyz").write_text(MOVING)
    (folder / "still.xyz").write_text(WATER)
    (folder / "massless.xyz").write_text(MASSLESS)
    (folder / "carbon.xyz").write_text(MOVING.replace("O ", "C "))
    return folder


OF_FILE = {"surfaces": {"potential": "two.pt", "frames": "moving.xyz"}, "state": 1, "n_steps": 10}
WRONG = {
    "unknown hopping": ({"method": {"hopping": "csdm"}}, "'fssh', 'lzsh' or 'kcsdm'"),
    "unknown key": ({"method": {"hoping": "lzsh"}}, "did you mean hopping"),
    "one state": ({"surfaces": {"potential": "acac-300K", "frames": "moving.xyz"}}, "needs two or more"),
    "no couplings": ({"method": {"rescaling": "coupling"}}, "hopping: lzsh works"),
    "no diabatic matrix": ({"method": {"hopping": "fssh"}}, "amplitudes: curvature"),
    "no such state": ({"state": 2}, "states 0..1"),
    "no velocities": ({"surfaces": {"potential": "two.pt", "frames": "still.xyz"}}, "no velocities"),
    "no masses": ({"surfaces": {"potential": "two.pt", "frames": "massless.xyz"}}, "positive masses"),
    "another element": ({"surfaces": {"potential": "two.pt", "frames": "carbon.xyz"}}, "not among those of this model"),
    "no frames": ({"surfaces": {"potential": "two.pt", "frames": "none.xyz"}}, "there is no file"),
    "no potential": ({"surfaces": {"potential": "none.pt", "frames": "moving.xyz"}}, "none.pt"),
    "no time": ({"time_step_fs": 0}, "greater than 0"),
    "bonds of a model": (
        {"surfaces": {"model": "pyrazine"}, "interval": 5, "triage": {"bond_factor": 1.5}}, "have no bonds",
    ),
}  # fmt: skip


@pytest.mark.parametrize("changes, said", WRONG.values(), ids=WRONG)
def test_runs(folder, tmp_path, monkeypatch, capsys, changes, said):
    monkeypatch.chdir(folder)
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(OF_FILE | changes))
    assert run(["namd", "run", str(tmp_path / "run.yaml"), "-o", str(tmp_path / "out.h5")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error, error
    assert [path.name for path in tmp_path.iterdir()] == ["run.yaml"]


def test_a_structure_that_is_no_minimum(folder, tmp_path, capsys):
    (tmp_path / "straight.xyz").write_text(WATER.replace("-0.3 0.95", "-0.97 0.0"))
    words = ["namd", "sample", str(folder / "two.pt"), str(tmp_path / "straight.xyz"), "-o", str(tmp_path / "out.xyz")]
    assert run([*words, "--no-relax"]) == 2
    error = capsys.readouterr().err
    assert "imaginary" in error and "relax" in error and not (tmp_path / "out.xyz").exists()
