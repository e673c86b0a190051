"""`tensor_frames`: plain networks in learned local frames, with vectors that are carried from frame to frame.

Lippmann, Gerhartz, Remme, Hamprecht, ICLR 2025, arXiv:2405.15389. A vector leaves frame j as t = x1 e1 + x2 e2 + x3 e3
and is read in frame i: together that is the representation of the relative frame. Components along the axial e3 are
odd, and networks are averaged over both handednesses. Whatever depends on a frame is multiplied by its trust, so that
energies keep their second derivatives where no frame exists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from fusionmd.models.frame import framed
from fusionmd.models.network_config import NetworkConfig
from fusionmd.nn.atomic_network import AtomicNetwork
from fusionmd.nn.handed_network import HandedNetwork
from fusionmd.nn.local_frame import LocalFrames
from fusionmd.nn.neighborhood import Neighbors


class TensorFramesConfig(NetworkConfig):
    """Tensor frames: plain networks in learned local frames, exact for O(3), smooth at symmetric sites."""

    radial_widths: tuple[int, ...] = Field(default=(32,), min_length=1, description="of the weights of u and v")
    widths: tuple[int, ...] = Field(default=(64,), min_length=1, description="of the networks in frames")
    trust_width: float = Field(
        default=0.15, gt=0, description="size of |u|, |v| and of the sine between them below which frames lose trust"
    )


class FrameLayer(nn.Module):
    """h = (s, t) [n, 4, c]: invariants, and polar vectors in the laboratory frame; the frame is made anew."""

    def __init__(self, config: TensorFramesConfig, n_species: int, mean_degree: float, *, is_first: bool) -> None:
        super().__init__()
        c = config.n_channels
        self.dim: int = 4
        self.is_first, self.n_channels, self.scale = is_first, c, mean_degree**-0.5
        self.frames = LocalFrames(
            n_species,
            n_basis=config.n_basis,
            widths=config.radial_widths,
            mean_degree=mean_degree,
            width=config.trust_width,
        )
        self.message = HandedNetwork((5 * c + 2 + config.n_basis, c + 1), config.widths, (3 * c, c))
        self.update = HandedNetwork((4 * c, c), config.widths, (3 * c, c))

    def sent(self, h: Tensor) -> Tensor:
        """s and t [n, 4, c]; in the first layer there are no vectors yet."""
        return torch.cat([h, h.new_zeros([h.size(0), 3, h.size(2)])], 1) if self.is_first else h

    def forward(self, h: Tensor, neighbors: Tensor, species: Tensor, seen: Neighbors) -> Tensor:
        """h: Centres [n, m, c].  neighbors: Sent by the nodes in their slots [n * d, 4, c].  -> [n, 4, c]."""
        n, d, c = seen.harmonics.size(0), seen.harmonics.size(1), self.n_channels
        h = self.sent(h)
        frame, trust = self.frames(seen)
        turned = frame * trust
        units = (seen.vectors / seen.distances).view(n, d, 3)
        direction = torch.bmm(units, turned.transpose(1, 2)).view(n * d, 3)
        t = neighbors[:, 1:].reshape(n, d, 3, c)
        local = torch.matmul(turned.unsqueeze(1), t).view(n * d, 3, c)
        along = (t * units.unsqueeze(3)).sum(2).view(n * d, c)
        s_i = h[:, :1].expand(-1, d, -1).reshape(n * d, c)
        invariant = [s_i, neighbors[:, 0], along, seen.basis, direction[:, :2], local[:, :2].flatten(1)]
        even, odd = self.message(torch.cat(invariant, 1), torch.cat([direction[:, 2:], local[:, 2]], 1))
        even = self.scale * (even * seen.envelope).view(n, d, -1).sum(1)
        odd = self.scale * (odd * seen.envelope).view(n, d, -1).sum(1)
        even, odd = self.update(torch.cat([h[:, 0], even], 1), odd)
        components = torch.cat([even[:, c:].view(n, 2, c), odd.unsqueeze(1)], 1)
        vectors = torch.bmm(turned.transpose(1, 2), components)
        return h + torch.cat([even[:, :c].unsqueeze(1), vectors], 1)


def tensor_frames(
    config: TensorFramesConfig, *, elements: Sequence[int], statistics: Mapping[str, Any]
) -> AtomicNetwork:
    """The network for `elements` with random weights."""
    mean_degree = float(statistics.get("mean_degree", 1.0))
    layers = [FrameLayer(config, len(elements), mean_degree, is_first=t == 0) for t in range(config.n_layers)]
    return framed(config, layers, elements, statistics)
