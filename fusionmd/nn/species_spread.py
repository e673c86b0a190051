"""How different elements are before anything is learnt."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


@torch.no_grad()
def narrow_(tables: Iterable[Tensor], spread: float) -> None:
    """p_z <- p_0 + spread (p_z - p_0) for tables [n_species, ...]: 1 changes nothing, 0 makes elements alike."""
    if spread != 1.0:
        for table in tables:
            table.copy_(table[:1] + spread * (table - table[:1]))
