"""One layer: messages from neighbours, channel mixing, products on the centre, residual."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fusionmd.fusion.contraction import PathMixing
from fusionmd.fusion.plan import Plan
from fusionmd.nn.linear import ChannelMixing
from fusionmd.nn.message import NeighborSum
from fusionmd.nn.product import Product
from fusionmd.nn.radial import RadialNetwork
from fusionmd.o3.irreps import Irrep


class Layer(nn.Module):
    """A_i = W_A sum_j (Y_ij, h_j),  h'_i = W B(A_i) + W_skip (s_{z_i} h_i) (no skip in the first layer)."""

    def __init__(
        self,
        message: Plan,
        product: Plan,
        target: Sequence[Irrep],
        *,
        n_channels: int,
        n_species: int,
        radial: RadialNetwork,
        neighbor_sum: NeighborSum,
        mixing: bool,
        has_skip: bool,
    ) -> None:
        super().__init__()
        self.radial, self.neighbor_sum = radial, neighbor_sum
        line = message.lines[message.outputs[0]]
        self.mixing = PathMixing(
            neighbor_sum.path_counts, [irrep.dim for irrep in line.distinct], n_channels, n_channels
        )
        self.product = Product(product, target, n_channels, n_species, mixing=mixing)
        self.out = ChannelMixing(target, n_channels, n_channels)
        self.n_skip: int = sum(irrep.dim for irrep in target) if has_skip else 0
        self.skip = ChannelMixing(target, n_channels, n_channels) if has_skip else nn.Identity()
        self.skip_scale = nn.Parameter(torch.ones(n_species, 1, n_channels if has_skip else 0))

    def forward(
        self,
        h: Tensor,
        neighbors: Tensor,
        species: Tensor,
        harmonics: Tensor,
        basis: Tensor,
        envelope: Tensor,
        pairs: Tensor,
    ) -> Tensor:
        """One step for n centres with d neighbour slots each.

        h: Features of the centres [n, m, c].  neighbors: Features of their neighbours [n * d, m, c].
        species: [n].  harmonics: [n, d, (l_max+1)^2].  basis, envelope, pairs: per slot [n * d, ...].
        Returns [n, sum(2l+1) of the target, c].
        """
        weights = self.radial(basis, envelope, pairs)
        messages = self.mixing(self.neighbor_sum(harmonics, weights, neighbors))
        h_new = self.out(self.product([messages], species))
        if self.n_skip > 0:
            h_new = h_new + self.skip(h.narrow(1, 0, self.n_skip) * self.skip_scale.index_select(0, species))
        return h_new
