"""One layer of the NequIP family: the one-vertex edge diagram (Y, h_j), a skip by species, a gate.

    A_i  = W_A sum_j (R_ij Y_ij, h_j) / sqrt(mean degree)
    h'_i = gate(A_i + W_{z_i} h_i)

Radial weights per path. Thomas et al., arXiv:1802.08219; Batzner et al., Nat. Commun. 13, 2453 (2022).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from fusionmd.fusion.contraction import PathMixing
from fusionmd.fusion.plan import Plan
from fusionmd.nn.gate import Gate
from fusionmd.nn.linear import ChannelMixing
from fusionmd.nn.message import NeighborSum
from fusionmd.nn.neighborhood import Neighbors
from fusionmd.nn.radial import RadialNetwork
from fusionmd.nn.species_mixing import SpeciesMixing
from fusionmd.o3.irreps import Irrep


class Convolution(nn.Module):
    """message: Plan of `(Y, h_j)`; the irreps that leave it leave the layer.  carried: Irreps of Y and h_j."""

    def __init__(
        self,
        message: Plan,
        carried: Mapping[str, Sequence[Irrep]],
        *,
        n_channels: int,
        n_species: int,
        n_basis: int,
        radial_widths: Sequence[int],
        mean_degree: float,
    ) -> None:
        super().__init__()
        c, line = n_channels, message.lines[message.outputs[0]]
        self.dim: int = line.dim
        self.message_plan = message
        self.up = ChannelMixing(carried["h_j"], c, c)
        self.neighbor_sum = NeighborSum(message, carried, mean_degree=mean_degree)
        self.radial = RadialNetwork(n_basis, radial_widths, self.neighbor_sum.n_weights * c)
        self.mixing = PathMixing(self.neighbor_sum.path_counts, line.sizes, c, c)
        self.skip = SpeciesMixing(list(carried["h_j"]), list(line.irreps), c, n_species)
        self.gate = Gate(line.irreps, c)

    def sent(self, h: Tensor) -> Tensor:
        """What neighbours read: [n, m, c] -> the same."""
        return self.up(h)

    def forward(self, h: Tensor, neighbors: Tensor, species: Tensor, seen: Neighbors) -> Tensor:
        """h: Centres [n, m, c].  neighbors: Sent by the nodes in their slots [n * d, m, c].  -> [n, dim, c]."""
        return self.gate(self.convolved(h, neighbors, seen) + self.skip(h, species))

    def convolved(self, h: Tensor, neighbors: Tensor, seen: Neighbors) -> Tensor:
        """A_i [n, dim, c]."""
        weights = self.radial(seen.basis, seen.envelope, seen.pairs)
        return self.mixing(self.neighbor_sum(seen.harmonics, weights, neighbors, h))
