"""Runs that are killed and go on, run by one process or by several, in small batches or in one: the same bits."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from fusionmd.cli.main import run
from fusionmd.errors import ConfigError, DataError
from fusionmd.namd.segments import run_on_disk
from fusionmd.potential import export_potential
from fusionmd.workflows.namd import resume_namd, run_namd
from fusionmd.workflows.namd_settings import RunSettings
from tests.toy_model import ToyModel

CONE = {
    "surfaces": {"model": "linear_vibronic"},
    "method": {"hopping": "fssh", "amplitudes": "diabatic", "substeps": 2, "decoherence": "edc", "seed": 4},
    "diabatic_state": 1,
    "n_trajectories": 60,
    "time_step_fs": 0.1,
    "n_steps": 600,
    "interval": 10,
    "batch_size": 60,
    "checkpoint_s": 0.0,
}
COMMAND = [sys.executable, "-m", "fusionmd.cli.main", "namd"]
ATOMS = """5
Properties=species:S:1:pos:R:3:momenta:R:3
C 0.00 0.0 0.0 0.1 0.0 0.2
O 1.30 0.1 0.0 0.0 0.2 -0.1
H -0.6 0.9 0.2 0.0 0.0 0.0
H -0.6 -0.9 0.1 0.0 0.1 0.0
H 1.70 0.9 -0.3 0.05 0.0 0.0
"""


def settings(**changes):
    return RunSettings.model_validate(CONE | changes)


def assert_same_bits(one, other):
    with h5py.File(one) as a, h5py.File(other) as b:
        assert set(a) == set(b)
        for name in a:
            assert np.array_equal(a[name][:], b[name][:], equal_nan=True), name


def killed(command, folder, n_files, *, patience_s=120.0):
    """Start a process and kill it with SIGKILL when it has written so many pieces."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    limit = time.monotonic() + patience_s
    while len(list(folder.rglob("segment-*.npz"))) < n_files:
        assert child.poll() is None and time.monotonic() < limit, "it should have been running still"
        time.sleep(0.005)
    os.killpg(child.pid, signal.SIGKILL)
    assert child.wait(timeout=20) == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_twice_and_resumed_equals_uninterrupted(tmp_path, workers):
    changes = {"batch_size": 60 // workers}
    run_namd(settings(), tmp_path / "whole.h5")
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(CONE | changes))
    out, parts = tmp_path / "killed.h5", tmp_path / "killed.h5.parts"
    many = ["--workers", str(workers)]
    killed([*COMMAND, "run", str(tmp_path / "run.yaml"), "-o", str(out), *many], parts, 8)
    killed([*COMMAND, "resume", str(out), *many], parts, 20)
    assert not out.exists()
    subprocess.run([*COMMAND, "resume", str(out), *many], check=True, capture_output=True, timeout=240)
    assert_same_bits(tmp_path / "whole.h5", out)
    assert not parts.exists()


@pytest.mark.slow
def test_batches_of_one_and_several_workers_give_the_same_bits(tmp_path):
    short = {"n_steps": 200, "n_trajectories": 12, "checkpoint_s": 60.0}
    run_namd(settings(**short), tmp_path / "whole.h5")
    run_namd(settings(**short, batch_size=1), tmp_path / "single.h5")
    run_namd(settings(**short, batch_size=2), tmp_path / "four.h5", workers=4)
    assert_same_bits(tmp_path / "whole.h5", tmp_path / "single.h5")
    assert_same_bits(tmp_path / "whole.h5", tmp_path / "four.h5")


@pytest.fixture
def of_file(tmp_path):
    """Settings of a run on a potential file of two states, six trajectories in chunks of four."""
    energies = {1: -13.6, 6: -1030.0, 8: (-2040.0, -2039.0)}
    export_potential(ToyModel(n_outputs=2).double(), tmp_path / "two.pt", atomic_energies=energies)
    (tmp_path / "start.xyz").write_text("".join(ATOMS.replace("1.30", f"1.3{k}") for k in range(6)))
    surfaces = {"potential": str(tmp_path / "two.pt"), "frames": str(tmp_path / "start.xyz"), "chunk": 4}
    return settings(surfaces=surfaces, method={"hopping": "lzsh"}, diabatic_state=None, state=1, n_steps=20, interval=5)


@pytest.mark.slow
def test_potential_files_in_chunks_give_the_same_bits(of_file, tmp_path):
    run_namd(of_file, tmp_path / "whole.h5")
    run_namd(of_file.model_copy(update={"batch_size": 1}), tmp_path / "single.h5")
    run_namd(of_file.model_copy(update={"batch_size": 2}), tmp_path / "four.h5", workers=4)
    assert_same_bits(tmp_path / "whole.h5", tmp_path / "single.h5")
    assert_same_bits(tmp_path / "whole.h5", tmp_path / "four.h5")


@pytest.fixture
def stopped(monkeypatch):
    """Runs stop with Ctrl-C after their second piece."""

    def run_then_stop(*arguments, **options):
        def interrupt(done):
            if done >= 2 * options["interval"]:
                raise KeyboardInterrupt

        return run_on_disk(*arguments, **options | {"on_step": interrupt})

    monkeypatch.setattr("fusionmd.workflows.namd_batches.run_on_disk", run_then_stop)
    return monkeypatch


def test_ctrl_c_says_how_to_go_on_and_nobody_overwrites(tmp_path, stopped, capsys):
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(CONE | {"n_steps": 60, "n_trajectories": 4}))
    arguments = ["namd", "run", str(tmp_path / "run.yaml"), "-o", str(tmp_path / "out.h5")]
    assert run(arguments) == 130 and "fusionmd namd resume" in capsys.readouterr().out
    stopped.undo()
    assert run(arguments) == 2 and "unfinished run" in capsys.readouterr().err
    assert run(["namd", "resume", str(tmp_path / "out.h5"), "--json", str(tmp_path / "out.json")]) == 0
    assert run(["namd", "resume", str(tmp_path / "out.h5")]) == 2 and "it is complete" in capsys.readouterr().err
    assert run(["namd", "resume", str(tmp_path / "no.h5")]) == 2 and "nothing was begun" in capsys.readouterr().err


def test_another_protocol_or_potential_is_refused(of_file, tmp_path, stopped):
    with pytest.raises(KeyboardInterrupt):
        run_namd(of_file, tmp_path / "out.h5")
    stopped.undo()
    written = tmp_path / "out.h5.parts" / "settings.yaml"
    text = written.read_text()
    written.write_text(text.replace("seed: 0", "seed: 1"))
    with pytest.raises(DataError, match="another protocol"):
        resume_namd(tmp_path / "out.h5")
    written.write_text(text)
    other = {1: -13.6, 6: -1031.0, 8: (-2040.0, -2039.0)}
    original = (tmp_path / "two.pt").read_bytes()
    export_potential(ToyModel(n_outputs=2).double(), tmp_path / "two.pt", atomic_energies=other)
    with pytest.raises(DataError, match="bring the first one back"):
        resume_namd(tmp_path / "out.h5")
    (tmp_path / "two.pt").write_bytes(original)
    run_namd(of_file, tmp_path / "whole.h5")
    resume_namd(tmp_path / "out.h5")
    assert_same_bits(tmp_path / "whole.h5", tmp_path / "out.h5")


def test_a_full_disk_loses_nothing(tmp_path):
    """The operating system refuses files beyond a size, as a full disk would."""
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(CONE | {"n_steps": 100, "checkpoint_s": 60.0}))
    out, small = tmp_path / "out.h5", 60_000
    command = [*COMMAND, "run", str(tmp_path / "run.yaml"), "-o", str(out)]
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (small, small))  # noqa: E731
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, preexec_fn=limit)
    assert done.returncode == 2 and "make room" in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert not list(Path(tmp_path).rglob("*.tmp*")) and not out.exists()
    resume_namd(out)
    run_namd(settings(n_steps=100), tmp_path / "whole.h5")
    assert_same_bits(tmp_path / "whole.h5", out)


def test_what_cannot_run_writes_nothing(tmp_path):
    with pytest.raises(ConfigError, match="multiple"):
        run_namd(settings(interval=7), tmp_path / "out.h5")
    assert not list(tmp_path.iterdir())
