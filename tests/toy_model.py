"""Small models that satisfy the contract: a one-hop pair network and a two-hop message-passing network."""

from __future__ import annotations

from typing import List, Sequence

import torch
from torch import Tensor, nn

from fusionmd.potential.contract import IdentityExchange


def smooth_cutoff(distances: Tensor, cutoff: float) -> Tensor:
    """(1 - (r/c)^2)^4 below the cutoff, exactly 0 above it; three continuous derivatives."""
    x = torch.clamp(1.0 - (distances / cutoff) ** 2, min=0.0)
    return x**4


class _Edges(nn.Module):
    """Gaussian radial basis times cutoff times species-pair weights -> features [n_edges, dim]."""

    def __init__(self, n_elements: int, cutoff: float, dim: int) -> None:
        super().__init__()
        self.cutoff = float(cutoff)
        self.n_elements = n_elements
        self.register_buffer("centres", torch.linspace(0.5, cutoff, 8))
        self.pair = nn.Parameter(torch.randn(n_elements * n_elements, 8, dim) * 0.3)

    def forward(self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, species: Tensor) -> Tensor:
        distances = torch.sqrt((edge_vectors * edge_vectors).sum(dim=1))
        basis = (
            torch.exp(-((distances[:, None] - self.centres[None, :]) ** 2))
            * smooth_cutoff(distances, self.cutoff)[:, None]
        )
        pair = species[receivers] * self.n_elements + species[senders]
        return torch.einsum("eb,ebd->ed", basis, self.pair[pair])


def _gather_sum(edge_features: Tensor, slots: Tensor) -> Tensor:
    """Sum edge features over the slots of each node [n_nodes, dim]; the padding index reads a row of zeros."""
    padded = torch.cat([edge_features, edge_features.new_zeros(1, edge_features.size(1))])
    return padded[slots].sum(dim=1)


class ToyModel(nn.Module):
    """One hop: E_i = MLP(species_i, sum_j edge(r_ij)). `n_outputs` > 1 gives several states."""

    def __init__(
        self, elements: Sequence[int] = (1, 6, 8), cutoff: float = 3.5, n_outputs: int = 1, dim: int = 8, seed: int = 0
    ) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.cutoff: float = float(cutoff)
        self.n_hops: int = 1
        self.n_outputs: int = n_outputs
        self.supports_exchange: bool = True
        self.elements: List[int] = sorted(int(z) for z in elements)
        self.exchange = IdentityExchange()
        self.edges = _Edges(len(self.elements), cutoff, dim)
        self.own = nn.Parameter(torch.randn(len(self.elements), dim) * 0.3)
        self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, n_outputs))

    def features(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor
    ) -> Tensor:
        return self.own[species] + _gather_sum(self.edges(edge_vectors, senders, receivers, species), slots)

    def forward(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> Tensor:
        return self.mlp(self.features(edge_vectors, senders, receivers, slots, species)[:n_local])

    @torch.jit.export
    def descriptors(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> Tensor:
        return self.features(edge_vectors, senders, receivers, slots, species)[:n_local]


class TwoHopToyModel(nn.Module):
    """Two hops: a second gather multiplies edge features with the exchanged features of the sender. No descriptors."""

    def __init__(
        self, elements: Sequence[int] = (1, 6, 8), cutoff: float = 3.0, n_outputs: int = 1, dim: int = 8, seed: int = 0
    ) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.cutoff: float = float(cutoff)
        self.n_hops: int = 2
        self.n_outputs: int = n_outputs
        self.supports_exchange: bool = True
        self.elements: List[int] = sorted(int(z) for z in elements)
        self.exchange = IdentityExchange()
        self.edges = _Edges(len(self.elements), cutoff, dim)
        self.own = nn.Parameter(torch.randn(len(self.elements), dim) * 0.3)
        self.mix = nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, n_outputs))

    def forward(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> Tensor:
        edge = self.edges(edge_vectors, senders, receivers, species)
        h = torch.tanh(self.mix(self.own[species] + _gather_sum(edge, slots)))
        h = self.exchange(h)
        messages = _gather_sum(edge * h[senders], slots[:n_local])
        return self.mlp(h[:n_local] + messages)
