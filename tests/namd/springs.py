"""A molecule that holds together, as a potential of two states: Morse pairs, looser and longer in the upper one."""

from typing import List

import torch
from torch import Tensor, nn

from fusionmd.potential import export_potential
from fusionmd.potential.contract import IdentityExchange

WATER = """3
Properties=species:S:1:pos:R:3
O 0.00 0.00 0.0
H 0.97 0.00 0.0
H -0.3 0.95 0.0
"""
ENERGIES = {1: -13.6, 8: (-2040.0, -2037.0)}


class MorsePairs(nn.Module):
    """E = sum over pairs D (1 - exp(-a (r - r0)))^2 (1 - (r/cutoff)^2)^4 / 2, in eV and angstrom, for each state."""

    def __init__(self, stiffness: float = 1.0) -> None:
        super().__init__()
        self.cutoff: float = 6.0
        self.n_hops: int = 1
        self.n_outputs: int = 2
        self.supports_exchange: bool = True
        self.elements: List[int] = [1, 8]
        self.exchange = IdentityExchange()
        self.register_buffer("depths", torch.tensor([4.0, 3.0]) * stiffness)
        self.register_buffer("lengths", torch.tensor([[1.55, 1.75], [0.97, 1.02], [0.97, 1.02], [2.0, 2.0]]))

    def forward(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> Tensor:
        distances = torch.sqrt((edge_vectors * edge_vectors).sum(dim=1))[:, None]
        stretch = 1.0 - torch.exp(-2.0 * (distances - self.lengths[species[receivers] * 2 + species[senders]]))
        fade = torch.clamp(1.0 - (distances / self.cutoff) ** 2, min=0.0) ** 4
        pairs = self.depths * stretch**2 * fade / 2.0
        padded = torch.cat([pairs, pairs.new_zeros(1, 2)])
        return padded[slots].sum(dim=1)[:n_local]

    @torch.jit.export
    def descriptors(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> Tensor:
        return self.forward(edge_vectors, senders, receivers, slots, species, n_local)


def write_springs(folder):
    """`two.pt` and `start.xyz` in a folder."""
    export_potential(MorsePairs().double(), folder / "two.pt", atomic_energies=ENERGIES)
    (folder / "start.xyz").write_text(WATER)
