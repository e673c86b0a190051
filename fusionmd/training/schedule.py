"""Learning rate and loss weights over the steps; the plateau rule also looks at the validation loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from fusionmd.training.config import LossConfig, ScheduleConfig
from fusionmd.training.losses import TERMS


@dataclass(frozen=True)
class Timeline:
    """Where the schedule's events lie, in steps."""

    steps_per_epoch: int
    n_epochs: int

    @property
    def n_steps(self) -> int:
        return self.steps_per_epoch * self.n_epochs


class Schedule:
    """learning rate = first rate x warm-up x (cosine | plateau | 1) x stage-two factor."""

    def __init__(self, schedule: ScheduleConfig, loss: LossConfig, timeline: Timeline) -> None:
        self.schedule, self.loss, self.timeline = schedule, loss, timeline
        self.plateau_factor = 1.0
        self.best = math.inf
        self.n_bad = 0

    def factor(self, step: int) -> float:
        """The learning rate of a step over the first one of the configuration."""
        factor = self._warmup(step) * self._decay(step)
        stage = self.schedule.stage_two
        return factor * stage.learning_rate_factor if stage and self.is_stage_two(step) else factor

    def weights(self, step: int) -> tuple[float, ...]:
        """Loss weights of a step, in the order of `losses.TERMS`."""
        first = tuple(getattr(self.loss, name) for name in TERMS)
        stage = self.schedule.stage_two
        if stage is None or not self.is_stage_two(step):
            return first
        second = [getattr(stage, name) for name in TERMS]
        return tuple(old if new is None else new for new, old in zip(second, first, strict=True))

    def final_weights(self) -> tuple[float, ...]:
        """The weights of the last step: the measure by which the best model is chosen all along."""
        return self.weights(self.timeline.n_steps)

    def is_stage_two(self, step: int) -> bool:
        stage = self.schedule.stage_two
        return stage is not None and step >= round(stage.start * self.timeline.n_steps)

    def observe(self, validation_loss: float) -> None:
        """Plateau rule: after `patience` validations without a new best, multiply the rate by `factor`."""
        if validation_loss < self.best:
            self.best, self.n_bad = validation_loss, 0
            return
        self.n_bad += 1
        if self.n_bad > self.schedule.patience:
            self.plateau_factor = max(self.plateau_factor * self.schedule.factor, self.schedule.final_factor)
            self.n_bad = 0

    def state_dict(self) -> dict[str, float | int]:
        return {"plateau_factor": self.plateau_factor, "best": self.best, "n_bad": self.n_bad}

    def load_state_dict(self, state: Mapping[str, float | int]) -> None:
        self.plateau_factor, self.best, self.n_bad = state["plateau_factor"], state["best"], int(state["n_bad"])

    def _warmup(self, step: int) -> float:
        n_warmup = self.schedule.warmup_epochs * self.timeline.steps_per_epoch
        return min(1.0, (step + 1) / n_warmup) if n_warmup > 0 else 1.0

    def _decay(self, step: int) -> float:
        """Cosine: Loshchilov & Hutter, ICLR 2017, eq. 5 with one period."""
        if self.schedule.kind == "plateau":
            return self.plateau_factor
        if self.schedule.kind == "constant":
            return 1.0
        progress = min(1.0, step / max(1, self.timeline.n_steps))
        lowest = self.schedule.final_factor
        return lowest + (1 - lowest) * (1 + math.cos(math.pi * progress)) / 2
