"""Processes that work for another: one thread each, and gone when that one is."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from fusionmd.threads import ONE_THREAD
from fusionmd.workers import worker_pool

KILLED = """
import os, signal, sys
from fusionmd.workers import worker_pool

if __name__ == "__main__":
    with worker_pool(2) as pool:
        print(*{pool.submit(os.getpid).result() for _ in range(4)}, flush=True)
        os.kill(os.getpid(), int(sys.argv[1]))
"""
PATIENCE_S = 20


def test_one_thread_each_and_the_environment_as_it_was(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with worker_pool(1) as pool:
        found = {name: pool.submit(os.getenv, name).result() for name in ONE_THREAD}
    assert found == ONE_THREAD
    assert os.environ["OMP_NUM_THREADS"] == "7" and "MKL_NUM_THREADS" not in os.environ


def test_workers_do_not_outlive_a_killed_parent(tmp_path):
    (tmp_path / "killed.py").write_text(KILLED)
    for number in (signal.SIGKILL, signal.SIGTERM):
        done = subprocess.run(
            [sys.executable, str(tmp_path / "killed.py"), str(int(number))],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S + 40,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
        )
        workers = [int(word) for word in done.stdout.split()]
        assert done.returncode == -number and workers
        limit = time.monotonic() + PATIENCE_S
        while any(map(_is_running, workers)) and time.monotonic() < limit:
            time.sleep(0.1)
        assert not any(map(_is_running, workers))


def _is_running(pid):
    """Zombies, which nobody has asked for yet, are not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
