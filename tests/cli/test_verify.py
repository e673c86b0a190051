"""`fusionmd verify`: the agreed keys, the table, and its exit codes."""

import json
from dataclasses import replace

import pytest

from fusionmd.workflows import verify as workflow
from fusionmd.workflows.verify_inside import inside_engines
from tests.cli.conftest import is_one_line


@pytest.fixture
def use_engines(monkeypatch):
    """Let the command know these engines alone: a function of the ASE engine gives them."""

    def use(make):
        monkeypatch.setattr(workflow, "all_engines", lambda subject: make(inside_engines(subject)[0]))

    return use


def test_agreement(fusionmd, data, trained, use_engines, tmp_path):
    use_engines(lambda ase: [ase, replace(ase, name="LAMMPS", family="lammps", missing="not here")])
    given = (trained / "potential.pt", "--frames", data / "frames.xyz", "--json", tmp_path / "v.json")
    result = fusionmd("verify", *given)
    assert result.code == 0, result.out + result.err
    assert "skipped: not here" in result.out and "all that was compared agrees" in result.out
    found = json.loads((tmp_path / "v.json").read_text())
    assert found["passed"] is True and len(found["checks"]) >= 5
    assert all(set(check) == {"name", "max_error", "tolerance", "passed"} for check in found["checks"])
    assert fusionmd("verify", *given, "--no-dynamics", "--require", "lammps").code == 1
    assert json.loads((tmp_path / "v.json").read_text())["passed"] is False


def test_a_wrong_engine_gives_exit_code_1(fusionmd, trained, use_engines):
    def wrong(ase):
        def answers(frames, state):
            return [replace(answer, forces=answer.forces + 1e-7) for answer in ase.answers(frames, state)]

        return [replace(ase, answers=answers)]

    use_engines(wrong)
    result = fusionmd("verify", trained / "potential.pt", "--no-dynamics")
    assert result.code == 1 and "NOT everything agrees" in result.out


def test_wrong_input(fusionmd, trained, tmp_path):
    assert is_one_line(fusionmd("verify", tmp_path / "none.pt"))
    result = fusionmd("verify", trained / "potential.pt", "--require", "gromacs")
    assert is_one_line(result) and "gromacs" in result.err
    assert is_one_line(fusionmd("verify", trained / "potential.pt", "--frames", tmp_path / "none.xyz"))
