"""Constant tables of a module that stay exact when the module changes its dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


class Constants(nn.Module):
    """A module with float64 tables; after `.float().double()` they are made anew, free of float32 rounding."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """The tables are buffers, which type checkers cannot see."""

    def __init__(self) -> None:
        super().__init__()
        self._tables: dict[str, NDArray[np.float64]] = {}

    def constant(self, name: str, table: NDArray[np.floating[Any]]) -> None:
        """Register `table` as a non-persistent buffer `name` in the default dtype."""
        self._tables[name] = np.asarray(table, dtype=np.float64)
        self.register_buffer(name, torch.tensor(self._tables[name], dtype=torch.get_default_dtype()), persistent=False)

    @torch.jit.unused
    def exact(self, name: str) -> NDArray[np.float64]:
        """The table `name` in float64."""
        return self._tables[name]

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Constants:
        super()._apply(fn, recurse)
        for name, table in self._tables.items():
            buffer = getattr(self, name)
            if buffer.device.type != "meta":
                setattr(self, name, torch.tensor(table, dtype=buffer.dtype, device=buffer.device))
        return self
