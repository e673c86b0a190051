"""Logs and frames of `run_md`, and two engines that take the same course."""

import csv

import ase.io
import numpy as np
import pytest

from fusionmd.workflows.md import run_md
from fusionmd.workflows.md_settings import MDSettings


def rows(folder):
    """The lines of a log."""
    with open(folder / "log.csv") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def assert_the_course_of_ase(engine, make, potential, folder):
    """45 steps at constant energy: log, last frame and forces on the way are those of the engine `ase`."""
    logs, ends, frames = [], [], []
    for name in ("ase", engine):
        settings = MDSettings(engine=name, steps=45, timestep_fs=0.2, temperature_K=100, interval=15, state=1)
        result = run_md(potential, make(), settings, folder / name)
        assert (result.n_steps, result.time_fs, result.is_interrupted) == (45, 9.0, False)
        logs.append(rows(folder / name))
        ends.append(ase.io.read(folder / name / "last.xyz"))
        frames.append(ase.io.read(folder / name / "trajectory.xyz", ":"))
    assert [line.keys() for line in logs[0]] == [line.keys() for line in logs[1]]
    for ours, theirs in zip(*logs, strict=True):
        for key, value in ours.items():
            assert value == pytest.approx(theirs[key], abs=1e-5, rel=1e-5), key
    np.testing.assert_allclose(ends[0].positions, ends[1].positions, atol=1e-6)
    np.testing.assert_allclose(ends[0].get_velocities(), ends[1].get_velocities(), atol=1e-6)
    np.testing.assert_allclose(ends[0].cell, ends[1].cell, atol=1e-12)
    assert len(frames[1]) == 4 and np.abs(frames[1][2].get_forces()).max() > 1e-3
    np.testing.assert_allclose(frames[1][2].get_forces(), frames[0][2].get_forces(), atol=1e-5)
