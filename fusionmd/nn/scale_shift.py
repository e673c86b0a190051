"""From the network's numbers to electron volts: one scale, and one shift per element and output."""

# No postponed annotations here: TorchScript reads those of the buffers.
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fusionmd.fusion.constants import Constants


class ScaleShift(Constants):
    """E_i = scale * e_i + shift_{z_i}; `rms_force` (eV/angstrom), `shift` (eV per element) are those of the data.

    Of several outputs, `output_shifts` (eV per atom) and `output_scales` (factors of the scale) say each one's [n].
    """

    scale: Tensor

    def __init__(self, elements: Sequence[int], n_outputs: int, statistics: Mapping[str, Any]) -> None:
        super().__init__()
        shift = statistics.get("shift", 0.0)
        per_element = [float(shift[z]) if isinstance(shift, Mapping) else float(shift) for z in elements]
        table = np.repeat(np.array(per_element)[:, None], n_outputs, 1)
        if "output_shifts" in statistics:
            table = np.repeat(np.array(statistics["output_shifts"], dtype=np.float64)[None], len(elements), 0)
        factors = np.broadcast_to(np.array(statistics.get("output_scales", 1.0), dtype=np.float64), (n_outputs,))
        self.constant("scale", float(statistics.get("rms_force", 1.0)) * factors)
        self.shift = nn.Parameter(torch.tensor(table, dtype=torch.get_default_dtype()))

    def forward(self, values: Tensor, species: Tensor) -> Tensor:
        """values [n, n_outputs], species [n] -> [n, n_outputs], eV."""
        return self.scale * values + self.shift.index_select(0, species)
