"""Tully's first model against the exact packet, and what the table of checks says."""

import json

import numpy as np
import pytest

from fusionmd.cli.main import run
from fusionmd.namd import validation, validation_cones
from fusionmd.namd.figures import joined, write_figures
from fusionmd.namd.populations import wilson_interval
from fusionmd.namd.scattering_models import SimpleAvoidedCrossing
from fusionmd.namd.validation_table import Check, Curve


def test_fssh_follows_the_exact_packet_on_tully_1():
    checks = validation.scattering(SimpleAvoidedCrossing(), 20.0, 250).checks
    assert [check.quantity for check in checks] == list(validation.channels.CHANNELS)
    assert sum(check.value for check in checks) == pytest.approx(1.0)
    assert sum(check.expected for check in checks) == pytest.approx(1.0, abs=1e-9)
    assert all(check.passed for check in checks), checks


def test_a_check_can_fail():
    assert not Check("", "", "", 0.5, 0.01, 0.4, 0.05).passed
    assert Check("", "", "", 0.44, 0.01, 0.4, 0.05).passed
    assert Check("", "", "", 0.5, 0.01, 0.4, None).passed


def test_both_tables_have_every_kind_of_case():
    assert len(validation.cases(is_quick=True)) == 2 * 4 + 2 + 4
    assert len(validation.cases(is_quick=False)) == 4 * 4 + 6 + 4


def test_wilson_interval_covers_its_share_as_often_as_it_says():
    rng = np.random.default_rng(0)
    low, high = wilson_interval(rng.binomial(60, 0.1, size=4000) / 60, 60)
    assert ((low <= 0.1) & (0.1 <= high)).mean() == pytest.approx(0.95, abs=0.02)
    assert wilson_interval(np.array([0.0]), 60)[1] > 0.03


@pytest.mark.parametrize("n", [7, 60, 143, 150])
def test_of_none_the_interval_begins_at_zero_and_of_all_it_ends_at_one(n):
    low, high = wilson_interval(np.array([0.0, 1.0]), n)
    assert low[0] == 0.0 and high[1] == 1.0


def test_active_states_and_amplitudes_agree_on_a_cone_and_follow_the_exact_packet():
    active, amplitudes = validation_cones.hopping_curves("LVC cone", "FSSH+EDC", 150)
    assert np.abs(active - amplitudes).mean() < 0.08
    assert np.abs(active - validation_cones.exact_curve("LVC cone")).mean() < 0.15


def test_a_finer_grid_changes_little():
    coarse, fine = (validation_cones.exact_curve("BMA", refinement=n) for n in (1, 2))
    assert 0 < np.abs(coarse - fine).max() < 0.01


def test_points_of_one_label_are_joined_and_drawn(tmp_path):
    axes = ("Tully I", "k", "P")
    curves = [
        Curve(*axes, "formula", [2.0], [0.5]),
        Curve(*axes, "FSSH", [2.0], [0.4], [0.1]),
        Curve(*axes, "formula", [1.0], [0.3]),
        Curve(*axes, "FSSH", [1.0], [0.2], [0.2]),
    ]
    formula, points = joined(curves)
    assert (formula.x, formula.y, formula.errors) == ([1.0, 2.0], [0.3, 0.5], [])
    assert (points.x, points.y, points.errors) == ([1.0, 2.0], [0.2, 0.4], [0.2, 0.1])
    png, svg = write_figures(tmp_path, curves)
    assert png.name == "tully_i.png" and png.read_bytes().startswith(b"\x89PNG")
    assert svg.name == "tully_i.svg" and "<svg" in svg.read_text()


def test_a_failed_check_is_the_exit_code(monkeypatch, tmp_path, capsys):
    """The whole verb on one case, right and with a wrong truth."""
    case = lambda: validation.scattering(SimpleAvoidedCrossing(), 20.0, 60)  # noqa: E731
    monkeypatch.setattr(validation, "cases", lambda is_quick: [case])
    arguments = ["namd", "validate", "--plots", str(tmp_path / "plots"), "--json", str(tmp_path / "out.json")]
    assert run(arguments) == 0 and (tmp_path / "plots" / "tully_i.png").exists()
    assert json.loads((tmp_path / "out.json").read_text())["passed"]
    monkeypatch.setattr(validation.channels, "of_wave", lambda wave: np.array([0.2, 0.3, 0.5, 0.0]))
    assert run(arguments) == 1 and "FAIL" in capsys.readouterr().out
