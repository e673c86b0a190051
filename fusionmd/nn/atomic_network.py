"""The frame of message passing networks: what all architectures share around their layers.

A layer says what a node sends, `sent(h)`, and what a centre makes of it, `layer(h, neighbors, species, seen)`. Features
are h [n, m, c] with the invariants in row 0; after each layer a readout turns those into energies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, List

import torch
from torch import Tensor, nn

from fusionmd.nn.neighborhood import Neighborhood, of_first
from fusionmd.nn.readout import LinearReadout, NetworkReadout
from fusionmd.nn.repulsion import ZBLRepulsion
from fusionmd.nn.scale_shift import ScaleShift
from fusionmd.potential.contract import IdentityExchange


class AtomicNetwork(nn.Module):
    """Embedding, layers, readouts, scale and shift; satisfies the model contract of `fusionmd.potential.contract`.

    layers: Modules with `sent`, `forward` and `dim`, the rows of the features they return.  One hop each.
    """

    def __init__(
        self,
        neighborhood: Neighborhood,
        layers: Sequence[nn.Module],
        *,
        n_channels: int,
        elements: Sequence[int],
        statistics: Mapping[str, Any],
        readout_width: int,
        n_outputs: int = 1,
        repulsion: ZBLRepulsion | None = None,
    ) -> None:
        super().__init__()
        self.cutoff: float = neighborhood.cutoff
        self.n_hops: int = len(layers)
        self.n_outputs: int = n_outputs
        self.supports_exchange: bool = True
        self.elements: List[int] = [int(z) for z in elements]
        self.exchange = IdentityExchange()
        self.neighborhood = neighborhood
        self.embedding = nn.Parameter(torch.randn(len(elements), 1, n_channels))
        self.layers = nn.ModuleList(layers)
        self.dims: List[int] = [int(layer.dim) for layer in layers]  # type: ignore[arg-type]
        self.readouts = nn.ModuleList(LinearReadout(n_channels, n_outputs) for _ in layers[1:])
        self.readouts.append(NetworkReadout(n_channels, readout_width, n_outputs))
        self.scale_shift = ScaleShift(self.elements, n_outputs, statistics)
        self.repulsion = repulsion

    def forward(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> Tensor:
        """Interaction energies [n_local, n_outputs], eV; arguments as in the model contract."""
        readings = self._readings(edge_vectors, senders, slots, species, n_local)
        total = torch.zeros([n_local, self.n_outputs], dtype=self.embedding.dtype, device=self.embedding.device)
        for t, readout in enumerate(self.readouts):
            total = total + readout(readings[t])
        energies = self.scale_shift(total, species[:n_local])
        if self.repulsion is not None:
            energies = energies + self.repulsion(edge_vectors, senders, receivers, slots, species, n_local)
        return energies

    @torch.jit.export
    def descriptors(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> Tensor:
        """Invariant features of all layers [n_local, n_layers * n_channels]."""
        return torch.cat(self._readings(edge_vectors, senders, slots, species, n_local), 1)

    @torch.jit.unused
    def learning_rate_scales(self) -> dict[str, float]:
        """1/sqrt(fan-in) of each weight, its initial spread; 0.1 for shifts."""
        return {
            name: 0.1 if name.endswith("shift") else max(p.shape[-2] if p.dim() > 1 else 1, 1) ** -0.5
            for name, p in self.named_parameters()
        }

    def _readings(
        self, edge_vectors: Tensor, senders: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> List[Tensor]:
        """Invariants after each layer [n_local, c]."""
        everything = self.neighborhood(edge_vectors, senders, slots, species)
        h = self.embedding.index_select(0, species)
        readings: List[Tensor] = []
        for t, layer in enumerate(self.layers):
            m = n_local if t == self.n_hops - 1 else species.size(0)
            sent = layer.sent(h)  # type: ignore[operator]
            if t > 0:
                sent = self.exchange(sent.flatten(1)).view(sent.size())
            if m > 0:
                seen = of_first(everything, m)
                h = layer(h[:m], sent.index_select(0, seen.senders), species[:m], seen)
            else:  # a rank or block without atoms still takes part in every exchange
                h = h.new_zeros([0, self.dims[t], h.size(2)])
            readings.append(h[:n_local, 0])
        return readings
