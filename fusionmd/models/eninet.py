"""`eninet`: scalars and vectors, two-body messages and three-body messages on bonds of bonds.

Mao et al., arXiv:2406.13265 (equivariant N-body interaction networks), vectors only. Sums of bond vectors over
neighbours cancel where bonds are opposite; what a bond hears of the bonds beyond it does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, List

import torch
from pydantic import Field
from torch import Tensor, nn

from fusionmd.models.network_config import NetworkConfig
from fusionmd.nn.atomic_network import AtomicNetwork
from fusionmd.nn.bond_messages import BondMessages
from fusionmd.nn.neighborhood import Neighborhood, Neighbors
from fusionmd.nn.radial import RadialNetwork
from fusionmd.nn.repulsion import ZBLRepulsion
from fusionmd.nn.vector_update import VectorUpdate


class EninetConfig(NetworkConfig):
    """ENINet: scalars and vectors with three-body messages on the line graph; two hops a layer, no exchange."""

    radial_widths: tuple[int, ...] = Field(default=(32, 32), min_length=1)
    three_body: bool = Field(default=True, description="messages between bonds; false: two-body messages alone")


class EninetLayer(nn.Module):
    """ds_i = sum_j a1 s_j + a2 m_ij + a3 (w_ij . u_ij),  dv_i = sum_j a4 s_j u_ij + a5 v_j + a6 w_ij, then an update.

    u_ij: Unit vectors of bonds.  m, w: `BondMessages`.  a: Of a radial network, with the envelope.
    """

    def __init__(self, config: EninetConfig, mean_degree: float) -> None:
        super().__init__()
        self.dim: int = 4
        c = config.n_channels
        self.n_channels, self.scale = c, mean_degree**-0.5
        self.mixing = nn.Parameter(torch.randn(2, c, c) / c**0.5)
        self.radial = RadialNetwork(config.n_basis, config.radial_widths, 6 * c)
        self.bonds = (
            BondMessages(config.cutoff, c, n_basis=config.n_basis, widths=config.radial_widths, mean_degree=mean_degree)
            if config.three_body
            else None
        )
        self.update = VectorUpdate(c)

    def forward(self, h: Tensor, seen: Neighbors) -> Tensor:
        """h: s and v of all nodes [n, 4, c] -> the same."""
        return self.update(h + self.messages(h, seen))

    def messages(self, h: Tensor, seen: Neighbors) -> Tensor:
        """(ds, dv) [n, 4, c]."""
        n, c = h.size(0), self.n_channels
        mixed = torch.cat([torch.matmul(h[:, :1], self.mixing[0]), torch.matmul(h[:, 1:], self.mixing[1])], 1)
        a = self.radial(seen.basis, seen.envelope, seen.pairs).view(-1, 6, c)
        sent = mixed.index_select(0, seen.senders)
        units = (seen.vectors / seen.distances).unsqueeze(2)
        scalars = a[:, 0] * sent[:, 0]
        vectors = (a[:, 3] * sent[:, 0]).unsqueeze(1) * units + a[:, 4].unsqueeze(1) * sent[:, 1:]
        if self.bonds is not None:
            m, w = self.bonds(mixed, seen)
            scalars = scalars + a[:, 1] * m + a[:, 2] * (w * units).sum(1)
            vectors = vectors + a[:, 5].unsqueeze(1) * w
        return self.scale * torch.cat([scalars.unsqueeze(1), vectors], 1).view(n, -1, 4, c).sum(1)


class Eninet(AtomicNetwork):
    """The frame with layers on the line graph: features of bonds stay inside a layer, so nothing can be exchanged."""

    def __init__(self, layers: Sequence[EninetLayer], neighborhood: Neighborhood, **settings: Any) -> None:
        super().__init__(neighborhood, layers, **settings)
        self.supports_exchange = False
        self.n_hops = sum(1 if layer.bonds is None else 2 for layer in layers)

    def _readings(
        self, edge_vectors: Tensor, senders: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> List[Tensor]:
        """Invariants after each layer [n_local, c]; every layer for all nodes."""
        seen = self.neighborhood(edge_vectors, senders, slots, species)
        s = self.embedding.index_select(0, species)
        h = torch.cat([s, s.new_zeros([s.size(0), 3, s.size(2)])], 1)
        readings: List[Tensor] = []
        for layer in self.layers:
            if species.size(0) > 0:
                h = layer(h, seen)
            readings.append(h[:n_local, 0])
        return readings


def eninet(config: EninetConfig, *, elements: Sequence[int], statistics: Mapping[str, Any]) -> Eninet:
    """The network for `elements` with random weights."""
    mean_degree = float(statistics.get("mean_degree", 1.0))
    neighborhood = Neighborhood(
        config.cutoff, len(elements), l_max=0, n_basis=config.n_basis, cutoff_power=config.cutoff_power
    )
    return Eninet(
        [EninetLayer(config, mean_degree) for _ in range(config.n_layers)],
        neighborhood,
        n_channels=config.n_channels,
        elements=elements,
        statistics=statistics,
        readout_width=config.readout_width,
        n_outputs=config.n_outputs,
        repulsion=ZBLRepulsion(elements) if config.repulsion else None,
    )
