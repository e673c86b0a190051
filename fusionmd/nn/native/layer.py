"""A layer in native operations, on edges instead of padded slots."""

from __future__ import annotations

from itertools import accumulate
from typing import List, cast

import torch
from torch import Tensor, nn

from fusionmd.fusion.basis import n_components
from fusionmd.nn.centered_sum import CenteredSum
from fusionmd.nn.layer import Layer
from fusionmd.nn.linear import ChannelMixing
from fusionmd.nn.message import NeighborSum
from fusionmd.nn.message_sum import MessageSum
from fusionmd.nn.native.centered_sum import NativeCenteredSum
from fusionmd.nn.native.mixing import NativeMixing
from fusionmd.nn.native.neighbor_sum import NativeNeighborSum
from fusionmd.nn.native.product import NativeProduct
from fusionmd.nn.native.radial import NativeRadialNetwork


def has_native_form(layer: Layer) -> bool:
    """Whether there are native operations for all that the layer does."""
    return isinstance(layer.message_sum, (NeighborSum, CenteredSum)) and layer.has_mixing


def _native_sum(source: MessageSum, n_channels: int) -> NativeNeighborSum | NativeCenteredSum:
    if isinstance(source, CenteredSum):
        return NativeCenteredSum(source, n_channels)
    return NativeNeighborSum(cast(NeighborSum, source), n_channels)


class NativeLayer(nn.Module):
    """`Layer` for edges sorted by receiver and features on flat lines, with the parameters of its source."""

    def __init__(self, source: Layer) -> None:
        super().__init__()
        c, plan, basis = source.n_channels, source.product_plan, source.product_plan.basis
        self.n_channels = c
        self.rows_in: List[int] = [n_components(irrep, basis) for irrep in source.carried["h_i"]]
        self.rows: List[int] = list(source.out.dims)
        self.radial = NativeRadialNetwork(source.radial)
        self.message_sum = _native_sum(source.message_sum, c)
        self.mixing = NativeMixing(source.mixing, c)
        self.product = NativeProduct(plan, source.carried, source.product, c)
        self.out = NativeMixing(source.out, c)
        self.center = NativeMixing(cast(ChannelMixing, source.center), c) if source.reads_centers else nn.Identity()
        self.has_skip: bool = source.n_skip > 0
        self.skip = NativeMixing(cast(ChannelMixing, source.skip), c) if source.n_skip > 0 else nn.Identity()
        self.skip_scale = source.skip_scale
        # One path from the k-th irrep of the features to the k-th of the target.
        starts = [0, *accumulate(self.rows)]
        self.skip_sources: List[int] = [x for k in range(len(self.rows)) for x in (0, starts[k], 1, k, 0)]

    def forward(
        self,
        h: Tensor,
        features: Tensor,
        species: Tensor,
        senders: Tensor,
        offsets: Tensor,
        harmonics: Tensor,
        basis: Tensor,
        envelope: Tensor,
        pairs: Tensor,
    ) -> Tensor:
        """One step for n centres.

        h: Features of the centres, a flat line of n nodes.  features: Mixed features of all nodes, flat.
        species: [n].  senders, harmonics, basis, envelope, pairs: per edge [n_edges, ...].
        offsets: First edge of each centre, and the end [n + 1].  Returns the target, a flat line of n nodes.
        """
        weights = self.radial(basis, envelope, pairs)
        centers = self.center(h)
        summed = self.message_sum(harmonics, weights, features, senders, offsets, centers)
        carried = [self.mixing(summed), centers]
        h_new = self.out(self.product(carried, species))
        if self.has_skip:
            scales = [self.skip_scale for _ in self.rows]
            scaled = torch.ops.fusionmd.weigh([h], scales, species, self.skip_sources, self.rows, self.n_channels)
            h_new = h_new + self.skip(scaled)
        return h_new
