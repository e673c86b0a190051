"""Two processes against one: gradients, and a whole run."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch

from fusionmd.training.checkpoint import load_checkpoint
from tests.training import distributed_script

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def launched(frames: Path, folder: Path, n_ranks: int) -> None:
    """What torchrun does, without its start-up time."""
    base = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": str(n_ranks)}
    command = [sys.executable, "-m", "tests.training.distributed_script", str(frames), str(folder)]
    ranks = [
        subprocess.Popen(command, cwd=ROOT, env={**base, "RANK": str(rank)}, stderr=subprocess.PIPE, text=True)
        for rank in range(n_ranks)
    ]
    for rank in ranks:
        assert rank.wait(timeout=120) == 0, rank.stderr.read()


def test_a_run_of_two_processes_equals_that_of_one(frames, tmp_path):
    distributed_script.main(str(frames), str(tmp_path / "one"))
    launched(frames, tmp_path / "two", 2)
    one, two = (load_checkpoint(tmp_path / name)["state"] for name in ("one", "two"))
    assert one["epoch"] == two["epoch"] == 2
    for name, parameter in one["model"].items():
        assert torch.allclose(parameter, two["model"][name], rtol=1e-10, atol=1e-10), name
    # Adam's first moment is a running mean of the gradients themselves.
    for ours, theirs in zip(one["optimizer"][0]["state"].values(), two["optimizer"][0]["state"].values(), strict=True):
        assert torch.allclose(ours["exp_avg"], theirs["exp_avg"], rtol=1e-10, atol=1e-12)
    assert abs(one["best_loss"] - two["best_loss"]) < 1e-10 * one["best_loss"]
