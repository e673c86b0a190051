"""`fusionmd namd run` from the command line: a result, and errors of one line."""

import json

import yaml

from fusionmd.cli.main import run


def test_run_says_what_happened(tmp_path, capsys):
    settings = {
        "surfaces": {"model": "tully_1", "centre": [-3.0], "width": [1.0], "wave_number": [20.0]},
        "method": {"hopping": "lzsh"},
        "n_trajectories": 20,
        "time_step_fs": 0.1,
        "n_steps": 150,
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(settings))
    arguments = [str(tmp_path / "run.yaml"), "-o", str(tmp_path / "out.h5"), "--json", str(tmp_path / "out.json")]
    assert run(["namd", "run", *arguments]) == 0
    said = json.loads((tmp_path / "out.json").read_text())
    assert said["n_trajectories"] == 20 and said["n_hops"] > 0
    assert "20 trajectories" in capsys.readouterr().out and (tmp_path / "out.h5").stat().st_size > 0


def test_errors_are_one_line(tmp_path, capsys):
    (tmp_path / "run.yaml").write_text("surfaces: {model: tully_4}\n")
    assert run(["namd", "run", str(tmp_path / "run.yaml"), "-o", str(tmp_path / "out.h5")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "tully_4" in said
