"""Exponential moving average of the weights. Polyak & Juditsky, SIAM J. Control Optim. 30, 838 (1992)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class MovingAverage:
    """average <- d average + (1 - d) parameters, d = min(decay, (1 + n) / (10 + n)) after n updates.

    With decay 0 the average is the latest value.
    """

    def __init__(self, parameters: Mapping[str, Tensor], decay: float) -> None:
        self.decay = decay
        self.n_updates = 0
        self.average = {name: tensor.detach().clone() for name, tensor in parameters.items()}

    @torch.no_grad()
    def update(self, parameters: Mapping[str, Tensor]) -> None:
        decay = min(self.decay, (1 + self.n_updates) / (10 + self.n_updates)) if self.decay else 0.0
        latest = [parameters[name] for name in self.average]
        torch._foreach_lerp_(list(self.average.values()), latest, 1.0 - decay)
        self.n_updates += 1

    def state_dict(self) -> dict[str, object]:
        return {"n_updates": self.n_updates, "average": self.average}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        average, n_updates = state["average"], state["n_updates"]
        assert isinstance(average, dict) and isinstance(n_updates, int)
        with torch.no_grad():
            for name, tensor in self.average.items():
                tensor.copy_(average[name])
        self.n_updates = n_updates
