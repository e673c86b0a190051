"""The training loop: batch -> gradients -> update -> average; validation after epochs; stop when told."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from fusionmd.errors import ConfigError
from fusionmd.training.clipping import clip_
from fusionmd.training.distributed import agreed, sums_over_ranks
from fusionmd.training.metrics import metrics_of
from fusionmd.training.state import RunState
from fusionmd.training.validation import validate
from fusionmd.training.work import Work
from fusionmd.units import MEV_PER_EV


def run_epochs(state: RunState, work: Work) -> str:
    """Train until a reason to stop, which is returned: `epochs`, `time limit` or `interrupt`."""
    clock = _Clock(state.elapsed, work.config.training.checkpoint_minutes)
    while state.epoch < work.config.training.epochs:
        while state.batch < work.batches.n_batches:
            reason = _reason_to_stop(state, work, clock)
            if reason:
                work.keeper.save(state)
                return reason
            train_batch(state, work)
            work.hooks.on_step(state)
        state.elapsed = clock.elapsed
        finish_epoch(state, work)
    work.keeper.save(state)
    return "epochs"


def train_batch(state: RunState, work: Work) -> None:
    """One update of the weights."""
    batch = work.batches.batch(state.epoch, state.batch)
    parameters = state.parameters()
    weights = torch.tensor(state.schedule.weights(state.step), dtype=torch.float64, device=work.device)
    loss, terms, *gradients = work.train_step(*parameters.values(), *batch, weights)
    loss, terms, *gradients = sums_over_ranks([loss, terms, *gradients], work.ranks)
    norm = clip_(gradients, work.config.optimizer.clip)
    _check_finite(state, loss, norm)
    for name, gradient in zip(state.trained, gradients, strict=True):
        parameters[name].grad = gradient
    state.optimizer.step(state.schedule.factor(state.step))
    state.average.update(parameters)
    state.sums += torch.cat([loss.reshape(1), terms]).cpu()
    state.batch += 1


def finish_epoch(state: RunState, work: Work) -> None:
    """Validate if it is time to, remember the best model, write the record, go on to the next epoch."""
    means, factor = state.sums / work.batches.n_batches, state.schedule.factor(max(state.step - 1, 0))
    state.epoch, state.batch = state.epoch + 1, 0
    state.sums.zero_()
    training = work.config.training
    if state.epoch % training.valid_every and state.epoch < training.epochs:
        return
    comparison, terms = validate(work.valid_step, state.averaged_parameters(), work.valid, work.ranks)
    loss = float((torch.tensor(state.schedule.final_weights(), dtype=torch.float64) * terms).sum())
    state.schedule.observe(loss)
    is_best = state.keep_if_best(loss)
    work.keeper.record(
        {
            "event": "epoch",
            "epoch": state.epoch,
            "step": state.step,
            "elapsed_s": round(state.elapsed, 2),
            "learning_rate": factor * work.config.optimizer.learning_rate,
            "train_loss": float(means[0]),
            "train_forces_rmse_meV_A": MEV_PER_EV * float(means[2]) ** 0.5,
            "valid_loss": loss,
            **{f"valid_{key}": value for key, value in metrics_of(comparison).items() if isinstance(value, float)},
            "is_best": is_best,
        }
    )


def _reason_to_stop(state: RunState, work: Work, clock: _Clock) -> str:
    """Why to stop before the next batch, or nothing; writes the checkpoint when it is due."""
    state.elapsed = clock.elapsed
    limit = work.config.training.time_limit_minutes
    if agreed(work.hooks.should_stop(), work.ranks, work.device):
        return "interrupt"
    if limit is not None and agreed(state.elapsed > 60 * limit, work.ranks, work.device):
        return "time limit"
    if clock.is_checkpoint_due():
        work.keeper.save(state)
    return ""


class _Clock:
    """Seconds spent in this run, those before an interruption included."""

    def __init__(self, elapsed: float, checkpoint_minutes: float) -> None:
        self.begin = time.monotonic() - elapsed
        self.interval = 60 * checkpoint_minutes
        self.last_checkpoint = time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.begin

    def is_checkpoint_due(self) -> bool:
        is_due = time.monotonic() - self.last_checkpoint >= self.interval
        if is_due:
            self.last_checkpoint = time.monotonic()
        return is_due


def _check_finite(state: RunState, loss: Tensor, norm: Tensor) -> None:
    if not torch.isfinite(loss + norm):
        raise ConfigError(
            f"the loss became {float(loss):.3g} (norm of its gradient {float(norm):.3g}) in epoch {state.epoch + 1}, "
            f"batch {state.batch + 1}; lower optimizer.learning_rate or optimizer.clip, train in float64, and look at "
            "the labels with `fusionmd data audit`. The last checkpoint is from before this step"
        )
