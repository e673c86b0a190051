import math

import pytest
import torch

from fusionmd.training.config import LossConfig, ScheduleConfig
from fusionmd.training.ema import MovingAverage
from fusionmd.training.schedule import Schedule, Timeline

TIMELINE = Timeline(steps_per_epoch=10, n_epochs=20)


def schedule(**settings) -> Schedule:
    return Schedule(ScheduleConfig(**settings), LossConfig(energy=1, forces=100, stress=5), TIMELINE)


def test_warm_up_is_linear():
    factors = [schedule(kind="constant", warmup_epochs=2).factor(step) for step in (0, 9, 19, 20, 150)]
    assert factors == pytest.approx([0.05, 0.5, 1.0, 1.0, 1.0])


def test_cosine_ends_at_the_final_factor():
    cosine = schedule(kind="cosine", warmup_epochs=0, final_factor=0.1)
    assert [cosine.factor(step) for step in (0, 100, 200, 300)] == pytest.approx([1.0, 0.55, 0.1, 0.1])


def test_plateau_waits_for_its_patience_and_stops_at_the_final_factor():
    plateau = schedule(kind="plateau", warmup_epochs=0, patience=2, factor=0.5, final_factor=0.2)
    factors = []
    for loss in (3.0, 2.0, 2.0, 2.5, 2.1, 1.0, 1.1, 1.2, 1.3, 5, 5, 5, 5, 5, 5):
        plateau.observe(loss)
        factors.append(plateau.factor(50))
    assert factors == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2]


def test_stage_two_changes_weights_and_rate_from_its_start():
    staged = schedule(
        kind="constant", warmup_epochs=0, stage_two={"start": 0.75, "energy": 50.0, "learning_rate_factor": 0.3}
    )
    assert staged.weights(149) == (1, 100, 5, 0, 0) and staged.weights(150) == (50, 100, 5, 0, 0)
    assert staged.factor(149) == 1.0 and staged.factor(150) == pytest.approx(0.3)
    assert staged.final_weights() == (50, 100, 5, 0, 0)


def test_state_round_trip():
    one, two = (schedule(kind="plateau", patience=1, factor=0.5) for _ in range(2))
    for loss in (1.0, 2.0, 2.0, 2.0):
        one.observe(loss)
    two.load_state_dict(one.state_dict())
    assert (two.plateau_factor, two.best, two.n_bad) == (
        one.plateau_factor,
        1.0,
        one.n_bad,
    ) and one.plateau_factor == 0.5


def test_the_average_follows_the_definition_and_warms_up():
    weight = torch.zeros(1, dtype=torch.float64)
    average = MovingAverage({"w": weight}, 0.9)
    expected = 0.0
    for n in range(200):
        weight.fill_(math.sin(n))
        average.update({"w": weight})
        decay = min(0.9, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * math.sin(n)
    assert average.average["w"].item() == pytest.approx(expected, abs=1e-12)


def test_without_decay_the_average_is_the_latest_value():
    weight = torch.zeros(2)
    average = MovingAverage({"w": weight}, 0.0)
    weight += 3.0
    average.update({"w": weight})
    assert torch.equal(average.average["w"], weight)
