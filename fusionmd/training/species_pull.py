"""Elements held together: a penalty on how far the weights that elements have of their own are from their mean.

    loss + strength * sum_z |p_z - mean_z p|^2 / spread^2

Summed over all such weights; `spread` is their usual initial one. What elements share stays free, and they differ no
more than the data ask for, so pairs that were never seen lie between those that were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fusionmd.training.config import OptimizerConfig


@dataclass(frozen=True)
class SpeciesPull:
    """stiffnesses: Parameters [n_species, ...], each with strength / spread^2."""

    stiffnesses: tuple[tuple[Tensor, float], ...] = ()

    @torch.no_grad()
    def add_gradients(self) -> None:
        """Add the penalty's gradient to that of the loss."""
        for table, stiffness in self.stiffnesses:
            if table.grad is not None:
                table.grad = table.grad + 2 * stiffness * (table - table.mean(0, keepdim=True))


NO_PULL = SpeciesPull()


def species_pull(model: nn.Module, groups: Iterable[Mapping[str, Any]], config: OptimizerConfig) -> SpeciesPull:
    """The pull on what `model` offers by `species_parameters() -> [names]`, as far as it is in `groups`.

    groups: Of the optimizers, with learning rates `lr` in proportion to the initial spread.
    """
    offered = getattr(model, "species_parameters", None)
    if not config.species_pull or not callable(offered):
        return NO_PULL
    theirs = {id(model.get_parameter(name)) for name in offered()}
    return SpeciesPull(
        tuple(
            (p, config.species_pull * (config.learning_rate / group["lr"]) ** 2)
            for group in groups
            for p in group["params"]
            if id(p) in theirs
        )
    )
