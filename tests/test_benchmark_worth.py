"""Comparisons on stilbene: every variant is a configuration that trains, and tables say what was found."""

import numpy as np
import pytest

from benchmarks.stilbene import lines, worth
from fusionmd.models import build_model
from fusionmd.namd.protocol import Array
from fusionmd.potential.heads import build_head
from fusionmd.training.config import Config
from fusionmd.workflows.namd_path import Scan


@pytest.mark.parametrize("name", list(worth.VARIANTS))
def test_a_variant_changes_one_thing_and_has_three_states(name, tmp_path):
    content = worth.configuration(name, 3, tmp_path / "train.npz")
    config, shipped = Config.model_validate(content), worth.configuration("base", 3, tmp_path / "train.npz")
    model = build_model(dict(config.model), elements=[1, 6], statistics={})
    assert build_head(config.head, model.n_outputs).n_states == 3
    changed = {key for key in content if content[key] != shipped[key]}
    assert changed <= {"head", "model"} and bool(changed) == (name != "base")


def scan(shift: Array) -> Scan:
    n = 3 * lines.N_POINTS + 1
    energies = np.arange(3.0) + np.zeros((n, 1))
    return Scan([], np.linspace(0, 3, n), energies + shift, list(lines.STOPS), "internal")


def test_errors_on_lines_are_those_of_each_line():
    found = lines.compared(scan(np.array([0.01, 0.03, -0.02])), scan(np.zeros(3)))
    rows = found["table"]["rows"]
    assert [row[0] for row in rows] == ["cis to S1 twisted", "S1 twisted to crossing 95-", "crossing 95- to trans"]
    assert all(row[1:] == ["10", "30", "20", "20", "30"] for row in rows)


def test_the_part_that_is_learnt_from_is_drawn_once(tmp_path):
    file = tmp_path / "train.npz"
    worth.write_part(file)
    first = file.read_bytes()
    with np.load(file) as data:
        assert data["R"].shape == (worth.N_TRAIN, 26, 3) and data["F"].shape == (worth.N_TRAIN, 3, 26, 3)
    worth.write_part(file)
    assert file.read_bytes() == first
