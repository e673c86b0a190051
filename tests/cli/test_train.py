"""`fusionmd train`: what it leaves, and what it says to wrong configurations."""

import json
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.conftest import CONFIG, is_one_line


def test_leaves_a_complete_run(trained):
    names = {path.name for path in trained.iterdir()}
    assert {"config.yaml", "log.jsonl", "metrics.csv", "report.html", "potential.pt", "checkpoint.pt"} <= names
    records = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    assert [record["epoch"] for record in records if record["event"] == "epoch"] == [1, 2]


def test_refuses_to_overwrite_a_run(fusionmd, data, trained):
    result = fusionmd("train", data / "train.yaml", "-o", trained)
    assert is_one_line(result) and "--resume" in result.err


def test_json_says_what_was_reached(fusionmd, data, tmp_path):
    result = fusionmd("train", data / "train.yaml", "-o", tmp_path / "run", "--json", tmp_path / "result.json")
    assert result.code == 0
    summary = json.loads((tmp_path / "result.json").read_text())
    assert summary["n_epochs"] == 2 and summary["potential"]
    assert "forces_rmse_meV_A" in summary["valid"]


WRONG = {
    "unknown key": ("epochs: 2", "epoch: 2", ["line 11", "training.epoch", "epochs"]),
    "unknown key of the model": ("n_channels", "n_chanels", ["model.n_chanels", "n_channels"]),
    "unknown model": ("fusion_net", "schnet", ["'schnet'", "fusion_net"]),
    "bad value": ("epochs: 2", "epochs: many", ["training.epochs", "'many'"]),
    "bad diagram": ('"(A, A)@1+"', '"(A, A@1+"', ["(A, A@1+"]),
    "missing section": ("data: {train: frames.xyz, valid_count: 3}\n", "", ["data", "missing"]),
    "missing data": ("frames.xyz", "frame.xyz", ["frame.xyz"]),
    "not yaml": ("data: {", "data: {{", ["not valid YAML"]),
}


@pytest.mark.parametrize("old, new, said", WRONG.values(), ids=WRONG)
def test_wrong_configuration(old, new, said, fusionmd, data, tmp_path):
    text = CONFIG.replace("frames.xyz", str(data / "frames.xyz")) if "frames.xyz" not in old else CONFIG
    assert old in text
    path = tmp_path / "train.yaml"
    path.write_text(text.replace(old, new))
    result = fusionmd("train", path, "-o", tmp_path / "run")
    assert is_one_line(result), result.err
    assert all(word in result.err for word in said), result.err
    assert not (tmp_path / "run" / "potential.pt").exists()


def test_ctrl_c_leaves_a_state_that_is_resumed(data, tmp_path, fusionmd):
    """In a process of its own, as a terminal would send it; then --resume finishes the run."""
    call = ["train", str(data / "train.yaml"), "-o", str(tmp_path / "run"), "--set", "training.epochs=100000"]
    running = subprocess.Popen([sys.executable, "-m", "fusionmd.cli", *call], stdout=subprocess.PIPE, text=True)
    log = tmp_path / "run" / "log.jsonl"
    while running.poll() is None and not log.exists():
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=60)
    assert running.returncode == 130 and "go on with --resume" in said
    n_done = sum('"epoch"' in line for line in log.read_text().splitlines())
    assert n_done >= 1 and not (tmp_path / "run" / "potential.pt").exists()
    result = fusionmd(*call[:4], "--set", f"training.epochs={n_done + 1}", "--resume")
    assert result.code == 0, result.err
    assert (tmp_path / "run" / "potential.pt").exists()


def test_missing_configuration(fusionmd, tmp_path):
    result = fusionmd("train", tmp_path / "none.yaml")
    assert is_one_line(result) and "none.yaml" in result.err


def test_override_of_an_unknown_key(fusionmd, data, tmp_path):
    result = fusionmd("train", data / "train.yaml", "-o", tmp_path / "run", "--set", "training.epoch=3")
    assert is_one_line(result) and "epochs" in result.err


def test_cuda_where_there_is_none(fusionmd, data, tmp_path):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    result = fusionmd("train", data / "train.yaml", "-o", tmp_path / "run", "--device", "cuda")
    assert is_one_line(result) and "cuda" in result.err
