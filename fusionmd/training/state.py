"""The state of a run: weights, optimizer, average, schedule, best model so far, and the position in the data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from fusionmd.training.ema import MovingAverage
from fusionmd.training.losses import TERMS
from fusionmd.training.optimizers import OptimizerSet
from fusionmd.training.schedule import Schedule


@dataclass
class RunState:
    """epoch: Epochs completed. batch: Batches of the current epoch done. sums: Of the loss and its terms over them.

    best_weights: The averaged weights with the lowest validation loss `best_loss`, reached after `best_epoch` epochs.
    elapsed: Seconds spent, interruptions excluded.
    """

    model: nn.Module
    trained: tuple[str, ...]
    optimizer: OptimizerSet
    average: MovingAverage
    schedule: Schedule
    epoch: int = 0
    batch: int = 0
    best_epoch: int = 0
    best_loss: float = math.inf
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    elapsed: float = 0.0
    sums: Tensor = field(default_factory=lambda: torch.zeros(1 + len(TERMS), dtype=torch.float64))

    def __post_init__(self) -> None:
        # Walking through the modules at every step would take as long as a small model's forward pass.
        self._tensors = {**dict(self.model.named_parameters()), **dict(self.model.named_buffers())}

    @property
    def step(self) -> int:
        return self.epoch * self.schedule.timeline.steps_per_epoch + self.batch

    def parameters(self) -> dict[str, Tensor]:
        """Live parameters and buffers by name."""
        return self._tensors

    def averaged_parameters(self) -> dict[str, Tensor]:
        """The same with the averaged weights in place of the trained ones."""
        return {**self.parameters(), **self.average.average}

    def keep_if_best(self, validation_loss: float) -> bool:
        is_best = validation_loss < self.best_loss
        if is_best:
            self.best_loss, self.best_epoch = validation_loss, self.epoch
            self.best_weights = {name: t.detach().clone() for name, t in self.averaged_parameters().items()}
        return is_best

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": {name: tensor.detach() for name, tensor in self.parameters().items()},
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state_dict(),
            "schedule": self.schedule.state_dict(),
            "best_weights": self.best_weights,
            "sums": self.sums,
            **{name: getattr(self, name) for name in POSITION},
        }

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name, tensor in self.parameters().items():
            tensor.copy_(state["model"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.load_state_dict(state["average"])
        self.schedule.load_state_dict(state["schedule"])
        device = next(iter(self.parameters().values())).device
        self.best_weights = {name: tensor.to(device) for name, tensor in state["best_weights"].items()}
        self.sums.copy_(state["sums"])
        for name in POSITION:
            setattr(self, name, state[name])


POSITION = ("epoch", "batch", "best_epoch", "best_loss", "elapsed")
