"""Channel mixing that depends on the element of the centre: one matrix per irrep and species."""

from __future__ import annotations

from collections.abc import Sequence
from typing import List

import torch
from torch import Tensor, nn

from fusionmd.fusion.basis import Basis, n_components
from fusionmd.o3.irreps import Irrep


class SpeciesMixing(nn.Module):
    """y[n, m, c'] = sum_c x[n, m, c] W^(l,p)_{z_n}[c, c'], for the irreps of `target` that `irreps` has, 0 for others.

    irreps: What x carries.  target: What y carries.
    """

    def __init__(
        self,
        irreps: Sequence[Irrep],
        target: Sequence[Irrep],
        n_channels: int,
        n_species: int,
        *,
        basis: Basis = "spherical",
    ) -> None:
        super().__init__()
        dims = [n_components(irrep, basis) for irrep in irreps]
        self.starts: List[int] = [sum(dims[: irreps.index(i)]) if i in irreps else -1 for i in target]
        self.dims: List[int] = [n_components(irrep, basis) for irrep in target]
        counts = [n_species if irrep in irreps else 0 for irrep in target]
        shapes = [(count, n_channels, n_channels) for count in counts]
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(*shape) / n_channels**0.5) for shape in shapes)

    def forward(self, x: Tensor, species: Tensor) -> Tensor:
        """x [n, components of `irreps`, c], species [n] -> [n, components of `target`, c]."""
        mixed: List[Tensor] = []
        for k, weight in enumerate(self.weights):
            if self.starts[k] < 0:
                mixed.append(x.new_zeros([x.size(0), self.dims[k], x.size(2)]))
            else:
                mixed.append(torch.bmm(x.narrow(1, self.starts[k], self.dims[k]), weight.index_select(0, species)))
        return mixed[0] if len(mixed) == 1 else torch.cat(mixed, 1)
