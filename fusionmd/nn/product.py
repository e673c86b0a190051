"""Many-body products on the centre: node diagrams with one weight per labelling and channel, optionally per species."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import List

import torch
from torch import Tensor, nn

from fusionmd.fusion.contraction import Contraction
from fusionmd.fusion.plan import Plan
from fusionmd.nn.leaves import LeafLines
from fusionmd.o3.irreps import Irrep


class Product(nn.Module):
    """B_i^l[m, c] = sum_p w^(l)_{z_i p c} paths^(l)_{i m p c}; body order leaves + 1. MACE, NeurIPS 2022, Eq. 10.

    carried: Irreps of the tensors that leaves name, in the order in which `forward` is given the tensors.
    """

    def __init__(
        self,
        plan: Plan,
        carried: Mapping[str, Sequence[Irrep]],
        target: Sequence[Irrep],
        n_channels: int,
        n_species: int,
        *,
        mixing: bool = True,
    ) -> None:
        super().__init__()
        self.leaves = LeafLines(plan.leaf_lines, carried)
        self.contraction = Contraction(plan, n_channels, target, mixing=mixing)
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(n_species, 1, n, n_channels) / n**0.5) for n in self.contraction.n_paths
        )

    def forward(self, tensors: List[Tensor], species: Tensor) -> Tensor:
        """Tensors [n, m, c], species [n] -> [n, m, c] in the order of the target."""
        found = self.contraction(self.leaves(tensors))
        parts: List[Tensor] = []
        for k, weight in enumerate(self.weights):
            parts.append((found[k] * weight.index_select(0, species)).sum(2))
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)
