"""What the centres see in their neighbour slots: directions, distances, radial functions, species.

Slots beyond a centre's degree see a far edge: its envelope is exactly 0, so whatever is multiplied by it vanishes.
"""

from __future__ import annotations

from typing import NamedTuple, Optional

import torch
from torch import Tensor, nn

from fusionmd.fusion.basis import Basis
from fusionmd.nn.harmonics import CartesianHarmonics
from fusionmd.nn.radial import BesselBasis, PolynomialCutoff
from fusionmd.o3.spherical_harmonics import SphericalHarmonics


class Neighbors(NamedTuple):
    """The d slots of n centres, slot after slot.

    senders: Nodes at the other end [n * d].  vectors: To them [n * d, 3], angstrom.  distances: [n * d, 1], angstrom.
    harmonics: Of the directions [n, d, m].  basis, envelope: Radial functions [n * d, n_basis], [n * d, 1].
    pairs: Ordered pair of species z_i * n_species + z_j [n * d].
    """

    senders: Tensor
    vectors: Tensor
    distances: Tensor
    harmonics: Tensor
    basis: Tensor
    envelope: Tensor
    pairs: Tensor


class Neighborhood(nn.Module):
    """From the edges of the model contract to `Neighbors`; `transform` bends distances before the Bessel functions."""

    def __init__(
        self,
        cutoff: float,
        n_species: int,
        *,
        l_max: int,
        n_basis: int,
        cutoff_power: int,
        basis: Basis = "spherical",
        transform: Optional[nn.Module] = None,
    ) -> None:
        super().__init__()
        self.cutoff, self.n_species = float(cutoff), n_species
        self.harmonics = SphericalHarmonics(l_max)
        self.in_basis = CartesianHarmonics(l_max) if basis == "cartesian" else nn.Identity()
        self.basis, self.envelope = BesselBasis(cutoff, n_basis), PolynomialCutoff(cutoff, cutoff_power)
        self.transform = transform

    def forward(self, edge_vectors: Tensor, senders: Tensor, slots: Tensor, species: Tensor) -> Neighbors:
        """Arguments as in the model contract."""
        n, d = slots.size(0), slots.size(1)
        far = torch.full([1, 3], self.cutoff, dtype=edge_vectors.dtype, device=edge_vectors.device)
        vectors = torch.cat([edge_vectors, far]).index_select(0, slots.reshape(-1))
        others = torch.cat([senders, senders.new_zeros([1])]).index_select(0, slots.reshape(-1))
        pairs = (species.view(n, 1) * self.n_species).expand(n, d).reshape(-1) + species.index_select(0, others)
        distances = torch.sqrt((vectors * vectors).sum(1, keepdim=True))
        bent = distances
        if self.transform is not None:
            bent = self.transform(distances, pairs)
        harmonics = self.in_basis(self.harmonics.of_directions(vectors / distances))
        harmonics = harmonics.view(n, d, harmonics.size(1))
        return Neighbors(others, vectors, distances, harmonics, self.basis(bent), self.envelope(distances), pairs)


def of_first(seen: Neighbors, n: int) -> Neighbors:
    """What the first n centres see."""
    k = n * seen.harmonics.size(1)
    return Neighbors(
        seen.senders[:k],
        seen.vectors[:k],
        seen.distances[:k],
        seen.harmonics[:n],
        seen.basis[:k],
        seen.envelope[:k],
        seen.pairs[:k],
    )
