"""Channel mixing: one matrix per irrep, acting on channels only (Schur's lemma keeps it equivariant)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import List

import torch
from torch import Tensor, nn

from fusionmd.fusion.basis import Basis, n_components
from fusionmd.o3.irreps import Irrep


class ChannelMixing(nn.Module):
    """y[n, m, c'] = sum_c x[n, m, c] W^(l,p)[c, c'] for m in irrep (l, p)."""

    def __init__(self, irreps: Sequence[Irrep], n_in: int, n_out: int, *, basis: Basis = "spherical") -> None:
        super().__init__()
        self.dims: List[int] = [n_components(irrep, basis) for irrep in irreps]
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(n_in, n_out) / n_in**0.5) for _ in irreps)

    def forward(self, x: Tensor) -> Tensor:
        """x [n, components of all irreps, n_in] -> [n, the same, n_out]."""
        parts = x.split(self.dims, 1)
        mixed: List[Tensor] = []
        for k, weight in enumerate(self.weights):
            flat = parts[k].reshape(-1, weight.size(0))
            mixed.append(torch.mm(flat, weight).view(-1, self.dims[k], weight.size(1)))
        return mixed[0] if len(mixed) == 1 else torch.cat(mixed, 1)
