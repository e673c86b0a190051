"""Switched roots and orbitals show as changes of energy that forces do not explain."""

import json
from dataclasses import replace

import numpy as np
import pytest

from fusionmd.cli.main import run
from fusionmd.data.continuity import continuity
from fusionmd.data.extxyz import write_extxyz
from fusionmd.data.frame import Frame
from fusionmd.data.read import read_frames
from fusionmd.errors import DataError
from fusionmd.structure import Structure

RANGES, DEPTHS, OFFSETS = np.array([1.8, 1.5]), np.array([4.0, 3.0]), np.array([0.0, 2.0])


def morse(length):
    """Two states of a diatomic: energies, and slopes along the bond."""
    decay = np.exp(-RANGES * (length - np.array([0.75, 1.1])))
    return DEPTHS * (1 - decay) ** 2 + OFFSETS, 2 * DEPTHS * RANGES * decay * (1 - decay)


def frame(length, axis):
    energies, slopes = morse(length)
    forces = slopes[:, None, None] * np.stack([axis, -axis])
    return Frame(Structure([1, 1], np.stack([0 * axis, length * axis])), energies, forces, source=f"at {length:.2f}")


@pytest.fixture
def series():
    """A vibration that turns in space, in steps of 0.02 angstrom and one degree."""
    angles = np.radians(np.arange(12))
    return [
        frame(0.7 + 0.02 * k, np.array([np.cos(angle), np.sin(angle), 0])) for k, angle in enumerate(angles.tolist())
    ]


def test_a_smooth_series_has_no_jumps(series):
    found = continuity(series)
    assert (found.jumps, found.n_checked, found.n_series) == ((), 22, 1)
    # The rule's own error falls with the third power of the step.
    errors = [max(abs(jump.error) for jump in continuity(series[::stride], tolerance=1e-9).jumps) for stride in (1, 2)]
    assert 5 < errors[1] / errors[0] < 11


def test_another_solution_from_some_frame_on_is_one_jump(series):
    later = [replace(each, energy=each.energy + np.array([0, 0.03])) for each in series[5:]]
    (jump,) = continuity([*series[:5], *later]).jumps
    assert (jump.frame, jump.state) == (4, 1) and jump.error == pytest.approx(0.03, abs=3e-3)
    assert continuity([*series[:5], *later]).suspects == [4, 5]


def test_one_switched_frame_is_two_jumps_of_both_states(series):
    wrong = replace(series[6], energy=series[6].energy[::-1], forces=series[6].forces[::-1])
    found = continuity([*series[:6], wrong, *series[7:]])
    assert [(jump.frame, jump.state) for jump in found.jumps] == [(5, 0), (5, 1), (6, 0), (6, 1)]


def test_states_without_forces_are_not_judged(series):
    spoilt = []
    for each in series:
        forces = each.forces.copy()
        forces[1] = np.nan
        spoilt.append(replace(each, forces=forces, energy=each.energy + np.array([0, 5.0 * len(spoilt)])))
    assert (continuity(spoilt).jumps, continuity(spoilt).n_checked) == ((), 11)


def test_far_frames_begin_another_series(series):
    others = replace(series[0], structure=Structure([1, 9], np.eye(3)[:2]))
    found = continuity([*series, *series, others], longest_move=0.1)
    assert (found.jumps, found.n_series, found.n_checked) == ((), 3, 44)


def test_labels_are_needed(series):
    with pytest.raises(DataError, match="at 0.72: energies and forces are needed"):
        continuity([series[0], replace(series[1], forces=None)])
    with pytest.raises(DataError, match="positive"):
        continuity(series, tolerance=0.0)


def test_the_verb_names_counts_and_leaves_out(series, tmp_path, capsys):
    file, clean, report = (str(tmp_path / name) for name in ("s.xyz", "clean.xyz", "r.json"))
    write_extxyz(file, series)
    assert run(["data", "continuity", file]) == 0
    assert "0 jumps of 22 checked" in capsys.readouterr().out
    write_extxyz(file, [*series[:5], *(replace(each, energy=each.energy + 0.03) for each in series[5:])])
    assert run(["data", "continuity", file, "-o", clean, "--json", report]) == 1
    assert "2 jumps of 22 checked" in capsys.readouterr().out
    assert json.loads((tmp_path / "r.json").read_text())["suspect_frames"] == [4, 5]
    assert len(read_frames(clean)) == 10
    assert run(["data", "continuity", file, "--tolerance-meV", "40"]) == 0
