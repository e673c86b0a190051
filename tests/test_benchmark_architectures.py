"""The comparison of architectures: the search for a size, and runs that are killed and go on."""

import json
import shutil
from dataclasses import asdict

import pytest
from ase.io import write

from benchmarks import architectures_run as runs
from benchmarks.architectures import fewer, joined
from benchmarks.architectures_curves import curves_table
from benchmarks.architectures_models import COMMON, MODELS, is_within, nearest, sized
from benchmarks.architectures_sets import SETS, DataSet
from benchmarks.architectures_tables import pairs_table, table
from benchmarks.bases import slope
from fusionmd.errors import ConfigError
from fusionmd.models import architectures, build_model
from tests.models.test_architectures import springs

ELEMENTS = (1, 6, 8)
N_EPOCHS, N_STEPS = 2, 2  # steps an epoch


def test_every_architecture_is_compared() -> None:
    assert {section["name"] for section in MODELS.values()} == set(architectures())


@pytest.mark.parametrize(("target", "step", "expected"), [(100, 1, 10), (110, 1, 10), (111, 1, 11), (150, 4, 12)])
def test_nearest_size(target: int, step: int, expected: int) -> None:
    assert nearest(lambda n: n * n, target, step=step) == expected


@pytest.mark.parametrize("target", [4_000, 12_345])
def test_sizes_are_within_ten_per_cent(target: int) -> None:
    section, count = sized({**MODELS["eninet"], "radial_widths": [8]}, ELEMENTS, target)
    model = build_model(section, elements=ELEMENTS)
    assert count == sum(p.numel() for p in model.parameters()) and is_within(count, target)


def test_a_size_that_cannot_be_had_is_told() -> None:
    assert not is_within(sized(MODELS["eninet"], ELEMENTS, 10)[1], 10)


def test_results_of_two_rounds_are_joined_and_other_budgets_are_not() -> None:
    old, new, other = (
        asdict(runs.Run("acac", "mace", seed, minutes, 100, False))
        for seed, minutes in [(1, 10.0), (2, 10.0), (3, 30.0)]
    )
    before = [{"run": old, "epochs": 1}, {"run": other}, {"run": new, "epochs": 2}]
    assert joined(before, [{"run": new, "epochs": 3}]) == [{"run": old, "epochs": 1}, {"run": new, "epochs": 3}]


class Killed(BaseException):
    """What no run catches."""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    (tmp_path / "toy").mkdir()
    write(tmp_path / "toy" / "frames.xyz", springs(15))
    monkeypatch.setitem(SETS, "toy", DataSet("toy", "frames.xyz", 10, 2, ELEMENTS, "mae"))
    monkeypatch.setitem(COMMON, "radial_widths", [8])
    monkeypatch.setitem(runs.TRAINING, "checkpoint_minutes", 0.0)
    one_epoch = {"cpu_s_per_step": 0.5, "cpu_s_per_validation": 0.0, "cpu_s_per_epoch": 60.0 / N_EPOCHS}
    monkeypatch.setattr(runs, "calibration", lambda *arguments: one_epoch)
    return runs.Run("toy", "eninet", 1, 1.0, 4_000, False)


def test_a_killed_run_goes_on_as_if_nothing_had_been(toy, tmp_path, monkeypatch) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    expected = runs.finished(toy, whole, tmp_path)
    on_step = runs.Meter.on_step

    def dies(meter, state):
        on_step(meter, state)
        if state.step == N_STEPS + 1:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(runs.Meter, "on_step", dies)
        runs.finished(toy, cut, tmp_path)
    monkeypatch.setattr(runs, "calibration", lambda *arguments: pytest.fail("calibrated twice"))
    found = runs.finished(toy, cut, tmp_path)
    assert found["epochs"] == N_EPOCHS and found["errors"] == expected["errors"]
    assert found["valid"] == expected["valid"] and found["errors"]["left out"]["n_frames"] == 3
    steps = runs.Meter(cut / toy.key / "steps.f64").seconds()
    assert len(steps) == N_EPOCHS * N_STEPS and (steps > 0).all()
    monkeypatch.setattr(runs, "attempted", lambda *arguments: pytest.fail("trained twice"))
    assert runs.finished(toy, cut, tmp_path) == found
    shutil.rmtree(whole)


def test_folders_keep_to_their_run(toy, tmp_path) -> None:
    folder = tmp_path / toy.key
    folder.mkdir()
    (folder / "plan.json").write_text(json.dumps({"run": {"minutes": 2.0}}))
    with pytest.raises(ConfigError, match="another --work"):
        runs.finished(toy, tmp_path, tmp_path)
    with runs.locked(folder / "lock") as is_ours:
        assert is_ours and runs.finished(toy, tmp_path, tmp_path) is None


def test_calibration(toy, tmp_path, monkeypatch) -> None:
    monkeypatch.undo()
    monkeypatch.setitem(SETS, "toy", DataSet("toy", "frames.xyz", 10, 2, ELEMENTS, "mae"))
    monkeypatch.setitem(COMMON, "radial_widths", [8])
    tiny = runs.Run("toy", "eninet", 1, 1e-6, 4_000, False)
    plan = runs.planned(tiny, tmp_path, tmp_path)
    found = plan["calibration"]
    assert plan["epochs"] == 1 and found["cpu_s_per_epoch"] >= N_STEPS * found["cpu_s_per_step"] > 0
    assert runs.planned(tiny, tmp_path, tmp_path) == plan and not (tmp_path / "calibration").exists()


def result(model: str, seed: int, forces: float, **changes):
    run = {"data_set": "acac", "model": model, "seed": seed, "minutes": 30, "target": 1000, "is_compiled": True}
    errors = dict.fromkeys(SETS["acac"].tests, {"energy_rmse_meV": 1.0, "forces_rmse_meV_A": forces})
    return {"run": run | {"n_train": None}, "n_parameters": 1000, "is_within": True, "epochs": 7, "errors": errors} | (
        changes
    )


def test_tables_show_means_spreads_and_misses() -> None:
    results = [result("mace", 1, 10.0), result("mace", 2, 12.0), result("mace_fusion", 2, 9.0, is_within=False)]
    rows = {row[0]: row for row in table(results, {})["rows"]}
    assert rows["mace"][:3] == ["mace", "1,000", 7] and rows["mace"][3] == "1 ± 0 / 11 ± 1.4"
    assert rows["mace_fusion"][1] == "1,000 *"
    off, on = pairs_table(results)["rows"]
    assert (off[0], off[2], on[0]) == ("mace, off", 1, "mace_fusion, on")
    assert "300 K: 1 / 12" in off[-1] and "300 K: 1 / 9" in on[-1]


def of_frames(n_train: int | None, model: str, forces: float):
    one = result(model, 1, forces)
    return one | {"run": one["run"] | {"n_train": n_train}}


def test_learning_curves_have_a_column_a_number_of_frames_and_skip_models_with_one() -> None:
    results = [of_frames(50, "mace", 30.0), of_frames(None, "mace", 10.0), of_frames(None, "ictp", 11.0)]
    found = curves_table(results)
    assert found["columns"][3:] == ["epochs, 50 frames", "E / F, 50", "epochs, 450 frames", "E / F, 450"]
    (row,) = found["rows"]
    assert row[:3] == ["mace", "acac", "1,000"] and "1 / 30" in row[4] and "1 / 10" in row[6]
    assert not curves_table(results[1:])["rows"]


@pytest.mark.parametrize(("n_train", "expected"), [(None, None), (50, 50), (450, None)])
def test_all_frames_of_a_set_are_not_fewer(n_train: int | None, expected: int | None) -> None:
    assert fewer(n_train, "acac") == expected


def test_the_exponent_of_a_square() -> None:
    results = [{"n_channels": c, "spherical": {"us_per_node": 3.0 * c**2}} for c in (4, 8, 32)]
    assert slope(results, "spherical", "us_per_node") == pytest.approx(2.0)
