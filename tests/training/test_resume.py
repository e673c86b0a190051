import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fusionmd.errors import ConfigError, FusionMDError
from fusionmd.training import Hooks, train
from fusionmd.training.checkpoint import load_checkpoint, save_checkpoint
from fusionmd.training.config_file import config_yaml
from fusionmd.training.run import as_config
from tests.training import toy

ROOT = Path(__file__).resolve().parents[2]


def settings(frames, **training):
    return toy.config(frames, training={"checkpoint_minutes": 0.0, "epochs": 4, **training}, **toy.RESUME_SECTIONS)


def differences(a, b, path="state"):
    """Where two nested states are not bit-identical."""
    if isinstance(a, torch.Tensor):
        return [] if torch.equal(a, b) else [path]
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        return [d for key in a if key != "elapsed" for d in differences(a[key], b[key], f"{path}.{key}")]
    if isinstance(a, (list, tuple)):
        return [d for i, (x, y) in enumerate(zip(a, b, strict=True)) for d in differences(x, y, f"{path}[{i}]")]
    return [] if a == b else [path]


def journal(folder):
    records = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in record.items() if key != "elapsed_s"} for record in records]


def test_a_killed_run_goes_on_bit_identically_in_the_middle_of_an_epoch(frames, tmp_path):
    train(settings(frames), tmp_path / "whole")
    command = [sys.executable, "-m", "tests.training.resume_script", str(frames), str(tmp_path / "killed"), "6"]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    checkpoint = load_checkpoint(tmp_path / "killed")
    assert (checkpoint["state"]["epoch"], checkpoint["state"]["batch"]) == (1, 1)
    train(settings(frames), tmp_path / "killed", resume=True)
    whole, resumed = (load_checkpoint(tmp_path / name)["state"] for name in ("whole", "killed"))
    assert differences(whole, resumed) == []
    assert journal(tmp_path / "whole") == journal(tmp_path / "killed")
    assert whole["epoch"] == 4 and whole["schedule"]["plateau_factor"] <= 1


def test_records_after_the_checkpoint_are_forgotten(frames, tmp_path):
    train(settings(frames, epochs=2), tmp_path)
    checkpoint = load_checkpoint(tmp_path)
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"event": "epoch", "epoch": 99}\n{"half')
    train(settings(frames, epochs=3), tmp_path, resume=True)
    assert checkpoint["journal_bytes"] > 0
    assert [record["epoch"] for record in journal(tmp_path)] == [1, 2, 3]


def test_what_a_run_without_a_checkpoint_logged_is_forgotten(frames, tmp_path):
    (tmp_path / "log.jsonl").write_text('{"event": "epoch", "epoch": 99}\n{"half')
    train(settings(frames, epochs=2), tmp_path)
    assert [record["epoch"] for record in journal(tmp_path)] == [1, 2]


def test_an_interrupted_run_says_so_and_goes_on(frames, tmp_path):
    steps = []
    hooks = Hooks(on_step=lambda state: steps.append(state.step), should_stop=lambda: len(steps) >= 5)
    result = train(settings(frames), tmp_path, hooks=hooks)
    assert result.stopped_by == "interrupt" and result.n_epochs == 1 and not (tmp_path / "result.json").exists()
    assert train(settings(frames), tmp_path, resume=True).stopped_by == "epochs"


def test_the_time_limit_ends_a_run_with_a_result(frames, tmp_path):
    result = train(settings(frames, time_limit_minutes=1e-9), tmp_path)
    assert result.stopped_by == "time limit" and (tmp_path / "report.html").exists()


def test_a_folder_with_a_run_is_not_overwritten(frames, tmp_path):
    train(settings(frames, epochs=1), tmp_path)
    with pytest.raises(ConfigError, match="already holds a run"):
        train(settings(frames, epochs=1), tmp_path)


def test_another_run_cannot_be_continued(frames, tmp_path):
    train(settings(frames, epochs=1), tmp_path)
    with pytest.raises(ConfigError, match="other values of training.seed, training.batch_size"):
        train(settings(frames, seed=5, batch_size=2), tmp_path, resume=True)


def test_a_run_goes_on_where_its_data_have_moved(frames, tmp_path):
    moved = tmp_path / "elsewhere" / "renamed.xyz"
    moved.parent.mkdir()
    train(settings(frames, epochs=1), tmp_path / "run")
    moved.write_bytes(frames.read_bytes())
    assert train(settings(moved, epochs=2), tmp_path / "run", resume=True).n_epochs == 2
    checkpoint = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    assert str(tmp_path).encode() not in checkpoint and str(frames.parent).encode() not in checkpoint


def test_other_data_at_the_same_place_are_noticed(frames, tmp_path):
    copy = tmp_path / "train.xyz"
    copy.write_bytes(frames.read_bytes())
    train(settings(copy, epochs=1), tmp_path / "run")
    toy.write_frames(copy, 16, seed=3)
    with pytest.raises(ConfigError, match=r"files of data.train hold other data"):
        train(settings(copy, epochs=2), tmp_path / "run", resume=True)


def test_missing_data_are_missing_not_changed(frames, tmp_path):
    copy = tmp_path / "train.xyz"
    copy.write_bytes(frames.read_bytes())
    train(settings(copy, epochs=1), tmp_path / "run")
    copy.unlink()
    with pytest.raises(FusionMDError, match=r"train.xyz") as caught:
        train(settings(copy, epochs=2), tmp_path / "run", resume=True)
    assert "hold other data" not in str(caught.value)


def test_checkpoints_that_know_no_hashes_go_by_the_paths(frames, tmp_path):
    config = as_config(settings(frames, epochs=1))
    train(config, tmp_path / "run")
    content = load_checkpoint(tmp_path / "run")
    content.pop("data_files"), content.pop("format")
    save_checkpoint(tmp_path / "run" / "checkpoint.pt", {**content, "config": config_yaml(config)})
    assert train(settings(frames, epochs=2), tmp_path / "run", resume=True).n_epochs == 2
    save_checkpoint(tmp_path / "run" / "checkpoint.pt", {**content, "config": config_yaml(config)})
    moved = tmp_path / "moved.xyz"
    moved.write_bytes(frames.read_bytes())
    with pytest.raises(ConfigError, match="other values of data;"):
        train(settings(moved, epochs=2), tmp_path / "run", resume=True)


@pytest.mark.parametrize("damage", ["truncated", "foreign", "other format"])
def test_damaged_checkpoints(tmp_path, damage):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"x": torch.ones(1000)})
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:500])
    elif damage == "foreign":
        path.write_text("not a checkpoint")
    else:
        torch.save({"format": 0}, path)
    with pytest.raises(ConfigError, match="checkpoint.pt is not a"):
        load_checkpoint(path)


def test_resume_without_a_checkpoint_starts_anew(frames, tmp_path):
    assert train(settings(frames, epochs=1), tmp_path, resume=True).n_epochs == 1
