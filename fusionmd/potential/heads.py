"""Heads: from summed contributions to the energies of the electronic states.

    head(totals [..., n_outputs]) -> energies [..., n_states], cotangents [..., n_states, n_outputs]

`cotangents[k] = dE_k/dtotals`, so one backward pass weighted with them gives the gradient of state k, and
contributions weighted with them are its per-atom energies. All in eV, float64.
"""

from __future__ import annotations

from typing import Tuple

import torch
from torch import Tensor, nn

from fusionmd.errors import PotentialFormatError


class AdiabaticHead(nn.Module):
    """Every output is the energy of one state: the identity. A ground-state model has this head with one state."""

    kind = "adiabatic"

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self.n_states: int = n_outputs
        self.is_linear: bool = True

    def forward(self, totals: Tensor) -> Tuple[Tensor, Tensor]:
        """totals: [..., n_outputs], eV -> energies [..., n_states], eV; cotangents [..., n_states, n_outputs]."""
        identity = torch.eye(self.n_states, dtype=totals.dtype, device=totals.device)
        return totals, identity.expand(list(totals.size()[:-1]) + [self.n_states, self.n_states])


def build_head(kind: str, n_outputs: int) -> AdiabaticHead:
    """The head named `kind` for a model with `n_outputs` outputs."""
    if kind != AdiabaticHead.kind:
        raise PotentialFormatError(f"unknown head {kind!r}; this version of fusionmd knows {AdiabaticHead.kind!r}")
    return AdiabaticHead(n_outputs)
