"""Labelling many frames: whatever a method gives arrives in the file, and a run that is killed goes on."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest

from fusionmd.data.extxyz import write_extxyz
from fusionmd.data.frame import Frame
from fusionmd.data.read import read_frames
from fusionmd.errors import LabelError
from fusionmd.labels.process import run_process
from fusionmd.labels.protocol import Labels
from fusionmd.labels.run import label_frames
from fusionmd.structure import Structure

DIMERS = [Structure([1, 1], [[0.0, 0, 0], [0.7 + 0.01 * k, 0, 0]]) for k in range(4)]
SPRING = 5.0


@dataclass(frozen=True)
class TwoSprings:
    """Two displaced springs between two atoms, with strengths and couplings."""

    stops_at: float = np.inf
    name: str = "two springs"
    n_states: int = 2
    elements: frozenset[int] | None = None

    def label(self, structure, roots):
        vector = structure.positions[1] - structure.positions[0]
        length = float(np.linalg.norm(vector))
        if length > self.stops_at:
            raise KeyboardInterrupt
        stretch = length - np.array([0.7, 0.9])
        pulls = np.where(np.isin([0, 1], roots), SPRING * stretch, np.nan)[:, None, None]
        unit = vector / length
        return Labels(
            0.5 * SPRING * stretch**2 + np.array([0, 4.0]),
            pulls * np.stack([unit, -unit]),
            couplings=np.stack([unit, -unit])[None] / length,
            strengths=np.array([length / 3]),
        )


def test_couplings_and_strengths_arrive_in_the_file(tmp_path):
    label_frames(DIMERS, TwoSprings(), tmp_path / "out.xyz", roots=[1])
    for frame, structure in zip(read_frames(tmp_path / "out.xyz"), DIMERS, strict=True):
        expected = TwoSprings().label(structure, [1])
        np.testing.assert_array_equal(frame.couplings, expected.couplings)
        np.testing.assert_array_equal(frame.info["oscillator_strengths"], expected.strengths)
        np.testing.assert_array_equal(frame.forces, expected.forces)


def test_couplings_and_strengths_outlive_an_interrupt(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        label_frames(DIMERS, TwoSprings(stops_at=0.715), tmp_path / "out.xyz", roots=[0, 1])
    assert (tmp_path / "out.xyz.journal").exists()
    label_frames(DIMERS, TwoSprings(), tmp_path / "out.xyz", roots=[0, 1])
    label_frames(DIMERS, TwoSprings(), tmp_path / "whole.xyz", roots=[0, 1])
    assert (tmp_path / "out.xyz").read_bytes() == (tmp_path / "whole.xyz").read_bytes()


def test_broken_bonds_are_named_and_not_calculated(tmp_path):
    far = Structure([1, 1], [[0.0, 0, 0], [0, 1.3, 0]])
    method = TwoSprings(stops_at=1.0)
    failures = label_frames([*DIMERS, far], method, tmp_path / "out.xyz", roots=[0], bond_factor=1.8)
    assert len(read_frames(tmp_path / "out.xyz")) == 4
    assert "bond of H 0 and H 1 is broken: 2.10 times" in failures[4] and list(failures) == [4]
    with pytest.raises(KeyboardInterrupt):
        label_frames([*DIMERS, far], method, tmp_path / "all.xyz", roots=[0], bond_factor=2.2)
    with pytest.raises(LabelError, match="give more"):
        label_frames(DIMERS, method, tmp_path / "no.xyz", roots=[0], bond_factor=1.1)
    with pytest.raises(LabelError, match="frame 1 has other atoms"):
        label_frames([far, Structure([9, 9], far.positions)], method, tmp_path / "no.xyz", roots=[0], bond_factor=2)


def test_a_killed_run_goes_on_where_it_was(tmp_path):
    water = np.array([[0.0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
    write_extxyz(tmp_path / "in.xyz", [Frame(Structure([8, 1, 1], water * (1 + 0.002 * k))) for k in range(12)])
    command = [sys.executable, "-m", "fusionmd.cli", "label", "in.xyz", "--roots", "0", "-o"]
    journal = tmp_path / "out.xyz.journal"
    run = subprocess.Popen([*command, "out.xyz"], cwd=tmp_path, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while not (journal.exists() and journal.read_text().count("\n") > 3) and time.monotonic() < end:
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    done = journal.read_text().count("\n") - 1
    assert 3 <= done < 12 and not (tmp_path / "out.xyz").exists()
    again = subprocess.run([*command, "out.xyz"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert len(read_frames(tmp_path / "out.xyz")) == 12 and not journal.exists()


def is_alive(pid):
    """Killed processes may wait for a parent as zombies."""
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_whatever_a_calculation_started_ends_with_it(tmp_path):
    script = tmp_path / "starts.py"
    script.write_text(
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('pid', 'w').write(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(LabelError, match="this took longer than 2 s"):
        run_process([sys.executable, str(script)], tmp_path, who="this", timeout_s=2.0)
    pid = int((tmp_path / "pid").read_text())
    end = time.monotonic() + 20
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_alive(pid)


def test_wrong_shapes_are_refused(tmp_path):
    @dataclass(frozen=True)
    class Wrong(TwoSprings):
        def label(self, structure, roots):
            return replace(super().label(structure, roots), couplings=np.zeros((2, 2, 3)))

    with pytest.raises(LabelError, match="couplings"):
        label_frames(DIMERS, Wrong(), tmp_path / "out.xyz", roots=[0])
