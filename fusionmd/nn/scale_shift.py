"""From the network's numbers to electron volts: one scale, and one shift per element and output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class ScaleShift(nn.Module):
    """E_i = scale * e_i + shift_{z_i}; `rms_force` (eV/angstrom), `shift` (eV per element) are those of the data."""

    def __init__(self, elements: Sequence[int], n_outputs: int, statistics: Mapping[str, Any]) -> None:
        super().__init__()
        shift = statistics.get("shift", 0.0)
        per_element = [float(shift[z]) if isinstance(shift, Mapping) else float(shift) for z in elements]
        self.scale: float = float(statistics.get("rms_force", 1.0))
        self.shift = nn.Parameter(
            torch.tensor(np.repeat(np.array(per_element)[:, None], n_outputs, 1), dtype=torch.get_default_dtype())
        )

    def forward(self, values: Tensor, species: Tensor) -> Tensor:
        """values [n, n_outputs], species [n] -> [n, n_outputs], eV."""
        return self.scale * values + self.shift.index_select(0, species)
