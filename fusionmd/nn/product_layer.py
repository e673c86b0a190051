"""One layer of the MACE family: messages from neighbours, a many-body product on the centre, a residual.

    A_i  = W_A sum_j (Y_ij, h_j) / sqrt(mean degree)          further over `NeighborDensity`, if asked
    h'_i = W B(A_i; z_i) + W_{z_i} h_i                        B: `Product`, species-dependent path weights

Without the residual the channels of A_i are mixed by species instead, A_i <- W_{z_i} A_i. The cutoff multiplies the
Bessel functions, so the radial network has no biases. Batatia et al., NeurIPS 2022, Eqs. 8-11; arXiv:2401.00096.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import List

import torch
from torch import Tensor, nn

from fusionmd.fusion.basis import n_components
from fusionmd.fusion.contraction import PathMixing
from fusionmd.fusion.plan import Plan
from fusionmd.nn.linear import ChannelMixing
from fusionmd.nn.message_sum import message_sum
from fusionmd.nn.neighbor_density import NeighborDensity
from fusionmd.nn.neighborhood import Neighbors
from fusionmd.nn.product import Product
from fusionmd.nn.radial import RadialNetwork
from fusionmd.nn.species_mixing import SpeciesMixing
from fusionmd.o3.irreps import Irrep


class ProductLayer(nn.Module):
    """messages: One plan an edge diagram, all with the outgoing irreps of the first.  product: On those, as leaf A.

    carried: Irreps of Y, h_j and h_i.  mixing: Channel matrices on the internal legs of messages.
    """

    def __init__(
        self,
        messages: Sequence[Plan],
        product: Product,
        carried: Mapping[str, Sequence[Irrep]],
        target: Sequence[Irrep],
        *,
        n_channels: int,
        n_species: int,
        n_basis: int,
        radial_widths: Sequence[int],
        mean_degree: float,
        has_residual: bool = True,
        has_density: bool = False,
    ) -> None:
        super().__init__()
        c, basis = n_channels, messages[0].basis
        line = messages[0].lines[messages[0].outputs[0]]
        self.message_plan, self.irreps_in, self.target = messages[0], list(carried["h_j"]), list(target)
        self.dim: int = sum(n_components(irrep, basis) for irrep in target)
        self.up = ChannelMixing(carried["h_j"], c, c, basis=basis)
        sums = [message_sum(plan, carried, c, mean_degree=mean_degree) for plan in messages]
        self.sums = nn.ModuleList(sums)
        self.radials = nn.ModuleList(RadialNetwork(n_basis, radial_widths, part.n_weights * c) for part in sums)
        self.mixings = nn.ModuleList(PathMixing(part.path_counts, line.distinct_sizes, c, c) for part in sums)
        self.density = NeighborDensity(n_basis) if has_density else None
        self.product, self.out = product, ChannelMixing(target, c, c, basis=basis)
        self.reads_centers: bool = len(messages) > 1
        self.center = ChannelMixing(carried["h_i"], c, c, basis=basis) if self.reads_centers else nn.Identity()
        self.has_residual: bool = has_residual
        source = list(carried["h_i"] if has_residual else line.distinct)
        self.species_target = list(target if has_residual else line.distinct)
        self.of_species = SpeciesMixing(source, self.species_target, c, n_species, basis=basis)

    def sent(self, h: Tensor) -> Tensor:
        """What neighbours read: [n, m, c] -> the same."""
        return self.up(h)

    def forward(self, h: Tensor, neighbors: Tensor, species: Tensor, seen: Neighbors) -> Tensor:
        """h: Centres [n, m, c].  neighbors: Sent by the nodes in their slots [n * d, m, c].  -> [n, dim, c]."""
        radial = seen.basis * seen.envelope
        ones = torch.ones_like(seen.envelope)
        centers = self.center(h)
        parts: List[Tensor] = []
        for part, network, mixing in zip(self.sums, self.radials, self.mixings):
            weights = network(radial, ones, seen.pairs)
            parts.append(mixing(part(seen.harmonics, weights, neighbors, centers)))
        message = torch.stack(parts).sum(0) if len(parts) > 1 else parts[0]
        if self.density is not None:
            message = message / self.density(radial, h.size(0))
        if not self.has_residual:
            return self.out(self.product([self.of_species(message, species)], species))
        return self.out(self.product([message], species)) + self.of_species(h, species)
