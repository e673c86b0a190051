"""What the training loop works with: batches, and steps compiled where possible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fusionmd.potential.heads import AdiabaticHead, Head
from fusionmd.training.compiled import compiled
from fusionmd.training.config import Config
from fusionmd.training.distributed import Ranks
from fusionmd.training.epochs import TrainingBatches
from fusionmd.training.journal import Record
from fusionmd.training.keeper import Keeper
from fusionmd.training.losses import TERMS
from fusionmd.training.problem import Problem
from fusionmd.training.state import RunState
from fusionmd.training.step import TensorFunction, flat_training_step, flat_validation_step
from fusionmd.training.validation import ValidationSet, validation_set


@dataclass(frozen=True)
class Hooks:
    """How a caller follows a run.

    on_step: After every update.  on_record: Every line of the log.  should_stop: Asked before each step.
    """

    on_step: Callable[[RunState], None] = field(default=lambda state: None)
    on_record: Callable[[Record], None] = field(default=lambda record: None)
    should_stop: Callable[[], bool] = field(default=lambda: False)


@dataclass(frozen=True)
class Work:
    """What the loop needs and never changes.

    train_step: (*parameters, *batch, weights) -> (loss, terms, *gradients).
    valid_step: (*parameters, *batch) -> (energies, forces, stress, couplings, terms).
    """

    config: Config
    ranks: Ranks
    device: torch.device
    batches: TrainingBatches
    valid: ValidationSet
    train_step: TensorFunction
    valid_step: TensorFunction
    keeper: Keeper
    hooks: Hooks


def work_of(
    config: Config, problem: Problem, state: RunState, keeper: Keeper, hooks: Hooks, ranks: Ranks, device: torch.device
) -> Work:
    """Batches, and steps that are compiled where that is wanted and possible."""
    training, energy_per = config.training, config.loss.energy_per
    dtype = getattr(torch, training.dtype)
    batches = TrainingBatches(
        problem.train,
        training.batch_size,
        seed=training.seed,
        dtype=dtype,
        device=device,
        energy_per=energy_per,
        mix_sizes=training.mix_sizes,
        in_turn=config.loss.forces_states == "in_turn",
        turns=config.loss.forces_turns,
        rank=ranks.rank,
        n_ranks=ranks.n,
    )
    valid = validation_set(problem.valid, training.valid_batch_size, dtype=dtype, device=device, energy_per=energy_per)
    train_step, valid_step = _steps(config, state, problem.head, batches, valid, keeper)
    return Work(config, ranks, device, batches, valid, train_step, valid_step, keeper, hooks)


def _steps(
    config: Config,
    state: RunState,
    head: Head,
    batches: TrainingBatches,
    valid: ValidationSet,
    keeper: Keeper,
) -> tuple[TensorFunction, TensorFunction]:
    """The training and the validation step, compiled if wanted and possible."""
    names, huber = tuple(state.parameters()), config.loss.huber
    tensors: tuple[Tensor, ...] = tuple(state.parameters().values())
    closing = None if isinstance(head, AdiabaticHead) else head
    train_step = flat_training_step(state.model, names, state.trained, head=closing, huber=huber)
    valid_step = flat_validation_step(state.model, names, head=closing, huber=huber)
    if not config.training.compile:
        return train_step, valid_step
    dtype, example = getattr(torch, config.training.dtype), batches.batch(0, 0)
    weights = torch.ones(len(TERMS), dtype=torch.float64, device=tensors[0].device)
    fast_train = compiled(train_step, [*tensors, *example, weights], dtype=dtype)
    fast_valid = compiled(valid_step, [*tensors, *valid.batches[0]], dtype=dtype)
    keeper.record({"event": "compile", "train_failure": fast_train.failure, "valid_failure": fast_valid.failure})
    return fast_train.function, fast_valid.function
