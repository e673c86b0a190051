"""One layer: messages from neighbours, channel mixing, products on the centre, residual."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fusionmd.fusion.basis import n_components
from fusionmd.fusion.contraction import PathMixing
from fusionmd.fusion.plan import Plan
from fusionmd.nn.leaves import leaf_name
from fusionmd.nn.linear import ChannelMixing
from fusionmd.nn.message_sum import MessageSum
from fusionmd.nn.product import Product
from fusionmd.nn.radial import RadialNetwork
from fusionmd.o3.irreps import Irrep


class Layer(nn.Module):
    """A_i = W_A sum_j (Y_ij, h_j),  h'_i = W B(A_i) + W_skip (s_{z_i} h_i) (no skip in the first layer).

    The skip is of the irreps with which both the old and the new features begin.
    Where a diagram has the leaf h_i, that is W_center h_i.
    """

    def __init__(
        self,
        message: Plan,
        product: Plan,
        irreps_in: Sequence[Irrep],
        target: Sequence[Irrep],
        *,
        n_channels: int,
        n_species: int,
        radial: RadialNetwork,
        message_sum: MessageSum,
        mixing: bool,
        has_skip: bool,
    ) -> None:
        super().__init__()
        c, basis = n_channels, product.basis
        line = message.lines[message.outputs[0]]
        carried = {"A": line.distinct, "h_i": tuple(irreps_in)}
        self.product_plan, self.carried, self.n_channels, self.has_mixing = product, carried, n_channels, mixing
        self.radial, self.message_sum = radial, message_sum
        self.mixing = PathMixing(message_sum.path_counts, line.distinct_sizes, c, c)
        self.product = Product(product, carried, target, c, n_species, mixing=mixing)
        self.out = ChannelMixing(target, c, c, basis=basis)
        kept = common_start(irreps_in, target) if has_skip else []
        self.n_skip: int = sum(n_components(irrep, basis) for irrep in kept)
        self.n_new: int = sum(n_components(irrep, basis) for irrep in target) - self.n_skip
        self.skip = ChannelMixing(kept, c, c, basis=basis) if has_skip else nn.Identity()
        self.skip_scale = nn.Parameter(torch.ones(n_species, 1, c if has_skip else 0))
        self.reads_centers: bool = any(leaf_name(leaf) == "h_i" for leaf in (*message.leaf_lines, *product.leaf_lines))
        self.center = ChannelMixing(irreps_in, c, c, basis=basis) if self.reads_centers else nn.Identity()

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
        species: [n].  harmonics: [n, d, m].  basis, envelope, pairs: per slot [n * d, ...].
        Returns [n, components of the target, c].
        """
        weights = self.radial(basis, envelope, pairs)
        centers = self.center(h)
        messages = self.mixing(self.message_sum(harmonics, weights, neighbors, centers))
        h_new = self.out(self.product([messages, centers], species))
        if self.n_skip > 0:
            kept = self.skip(h.narrow(1, 0, self.n_skip) * self.skip_scale.index_select(0, species))
            if self.n_new > 0:
                kept = torch.nn.functional.pad(kept, [0, 0, 0, self.n_new])
            h_new = h_new + kept
        return h_new


def common_start(one: Sequence[Irrep], other: Sequence[Irrep]) -> list[Irrep]:
    """The irreps with which both begin."""
    same = [a == b for a, b in zip(one, other, strict=False)]
    return list(one[: same.index(False) if False in same else len(same)])
