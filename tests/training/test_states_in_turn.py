"""Forces of one state at a time: what is learnt on average is what is learnt from all."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fusionmd.errors import ConfigError
from fusionmd.potential.heads import build_head
from fusionmd.training import train
from fusionmd.training.batches import collate, shapes_of
from fusionmd.training.epochs import TrainingBatches, states_in_turn
from fusionmd.training.step import loss_and_gradients
from tests.toy_model import TwoHopToyModel
from tests.training.test_states import WEIGHTS, config, data, samples_of, tensors  # noqa: F401

FORCES = torch.tensor([0.0, 1.0, 0.0, 0.0, 0.0], dtype=torch.float64)


@pytest.mark.parametrize("n_labelled", [3, 2])
def test_the_mean_over_states_is_the_loss_of_all(n_labelled):
    model, head = TwoHopToyModel(cutoff=3.0, dim=4, n_outputs=6).double(), build_head("diabatic", 6)
    samples, names = samples_of(model, 3, 0), tuple(name for name, _ in model.named_parameters())
    for sample in samples:
        sample.forces[n_labelled:] = np.nan

    def step(states):
        batch = collate(samples, shapes_of(samples, 4), states=states)
        return loss_and_gradients(model, tensors(model), batch, FORCES, trained=names, head=head)

    every, apart = step(None), [step(np.full(3, state)) for state in range(n_labelled)]
    assert every.loss > 0.1 and len({float(one.loss) for one in apart}) == n_labelled
    assert sum(one.loss for one in apart) / n_labelled == pytest.approx(float(every.loss), rel=1e-12)
    for k, gradient in enumerate(every.gradients):
        mean = sum(one.gradients[k] for one in apart) / n_labelled
        assert torch.allclose(mean, gradient, rtol=1e-10, atol=1e-12)


def test_every_state_with_forces_has_its_turn_and_no_other():
    samples = samples_of(TwoHopToyModel(cutoff=3.0, dim=4), 3, 0)
    samples[1].forces[0], samples[2].forces[:] = np.nan, np.nan
    turns = np.stack([states_in_turn(samples, seed=1, epoch=epoch) for epoch in range(6)], axis=1)
    assert [sorted(turn) for turn in turns.tolist()] == [[0, 0, 1, 1, 2, 2], [1, 1, 1, 2, 2, 2], [0] * 6]
    assert len({tuple(states_in_turn(samples * 5, seed=seed, epoch=0)) for seed in range(5)}) == 5


def test_turns_are_shared_as_they_are_said():
    samples = samples_of(TwoHopToyModel(cutoff=3.0, dim=4), 3, 0)
    samples[1].forces[2], samples[2].forces[1:] = np.nan, np.nan
    given = {"seed": 1, "turns": (2, 1, 2)}
    turns = np.stack([states_in_turn(samples, epoch=epoch, **given) for epoch in range(6)], axis=1)
    assert [sorted(turn) for turn in turns.tolist()] == [[1, 1, 2, 2, 2, 2], [1] * 6, [0] * 6]


def test_turns_of_states_that_there_are_not_or_that_all_have_are_refused(data: Path, tmp_path):  # noqa: F811
    first = config(data) | {"data": {"train": str(data), "valid": str(data)}}
    with pytest.raises(ConfigError, match="states 0 to 1"):
        train(first | {"loss": {"forces_states": "in_turn", "forces_turns": [1, 3]}}, tmp_path / "a")
    with pytest.raises(ConfigError, match="in_turn"):
        train(first | {"loss": {"forces_turns": [1, 2]}}, tmp_path / "b")


@pytest.mark.parametrize("n_ranks", [2, 5])
def test_ranks_share_a_batch_in_turn(n_ranks):
    model, head = TwoHopToyModel(cutoff=3.0, dim=4, n_outputs=3).double(), build_head("diabatic", 3)
    samples, names = samples_of(model, 2, 0), tuple(name for name, _ in model.named_parameters())
    settings = {"seed": 1, "dtype": torch.float64, "device": torch.device("cpu"), "energy_per": "atom"}

    def gradient(rank, n):
        batch = TrainingBatches(samples, 3, **settings, in_turn=True, rank=rank, n_ranks=n).batch(2, 0)
        step = loss_and_gradients(model, tensors(model), batch, WEIGHTS, trained=names, head=head)
        return torch.cat([one.reshape(-1) for one in step.gradients])

    alone = gradient(0, 1)
    assert alone.abs().max() > 0.1
    assert torch.allclose(sum(gradient(rank, n_ranks) for rank in range(n_ranks)), alone, rtol=1e-12, atol=1e-12)


def test_a_run_in_turn_learns_all_states_and_refuses_stress(data: Path, tmp_path):  # noqa: F811
    loss = {"energy": 10.0, "forces": 30.0, "forces_states": "in_turn"}
    first = config(data) | {"data": {"train": str(data), "valid": str(data)}, "loss": loss}
    before = train(first, tmp_path / "short").metrics["states"]
    after = train(first | {"training": first["training"] | {"epochs": 60}}, tmp_path / "long").metrics["states"]
    for one, other in zip(before, after, strict=True):
        assert other["forces_rmse_meV_A"] < 0.8 * one["forces_rmse_meV_A"]
    with pytest.raises(ConfigError, match="without stress"):
        train(first | {"loss": loss | {"stress": 1.0}}, tmp_path / "refused")
