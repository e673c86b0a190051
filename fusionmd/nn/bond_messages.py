"""Three-body messages on the line graph: what a bond hears from the bonds of its far atom.

Bond e = (i, j), vector r_ij from i to j; bonds f = (j, k) of atom j but the way back. Line-graph edges are the vectors
r_ik = r_ij + r_jk, up to twice the cutoff long:

    m_e = sum_k q1(r_ik) f(r_jk) s_k
    w_e = sum_k (q2(r_ik) s_k r_ik / |r_ik| + q3(r_ik) v_k) f(r_jk)

with q a radial network of Bessel functions to twice the cutoff, f the envelope. Mao et al., arXiv:2406.13265, l <= 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Tuple

import torch
from torch import Tensor, nn

from fusionmd.nn.neighborhood import Neighbors
from fusionmd.nn.radial import BesselBasis, RadialNetwork

# Shorter line-graph edges, angstrom, are ways back to the first atom; two atoms are never so close.
_WAY_BACK = 0.01


class BondMessages(nn.Module):
    """m_e and w_e for every slot."""

    def __init__(
        self, cutoff: float, n_channels: int, *, n_basis: int, widths: Sequence[int], mean_degree: float
    ) -> None:
        super().__init__()
        self.n_channels = n_channels
        self.basis = BesselBasis(2.0 * cutoff, n_basis)
        self.radial = RadialNetwork(n_basis, widths, 3 * n_channels)
        self.shortest_squared = _WAY_BACK**2
        self.scale = float(mean_degree) ** -0.5

    def forward(self, h: Tensor, seen: Neighbors) -> Tuple[Tensor, Tensor]:
        """h: s and v of all nodes [n, 4, c] -> m [n * d, c], w [n * d, 3, c]."""
        n, d, c = seen.harmonics.size(0), seen.harmonics.size(1), self.n_channels
        vectors, envelope, directions, ends = self._line_graph(seen, n, d)
        squared = (vectors * vectors).sum(2, keepdim=True)
        radial = self.radial(self.basis(squared.sqrt().view(-1, 1)), envelope.view(-1, 1), ends).view(n * d, d, 3, c)
        far = h.index_select(0, ends).view(n * d, d, 4, c)
        s, v = far[:, :, 0], far[:, :, 1:]
        messages = (radial[:, :, 0] * s).sum(1)
        along = (directions.unsqueeze(3) * (radial[:, :, 1] * s).unsqueeze(2)).sum(1)
        carried = (radial[:, :, 2].unsqueeze(2) * v).sum(1)
        return self.scale * messages, self.scale * (along + carried)

    def _line_graph(self, seen: Neighbors, n: int, d: int) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
        """r_ik (or any vector of the cutoff's size) [n * d, d, 3], f(r_jk), 0 for the way back, r_ik / |r_ik|, k."""
        onwards = seen.vectors.view(n, d, 3).index_select(0, seen.senders)
        vectors = seen.vectors.unsqueeze(1) + onwards
        squared = (vectors * vectors).sum(2, keepdim=True)
        is_real = squared > self.shortest_squared
        vectors = torch.where(is_real, vectors, torch.ones_like(vectors))
        envelope = seen.envelope.view(n, d, 1).index_select(0, seen.senders)
        envelope = torch.where(is_real, envelope, torch.zeros_like(envelope))
        directions = vectors / (vectors * vectors).sum(2, keepdim=True).sqrt()
        return vectors, envelope, directions, seen.senders.view(n, d).index_select(0, seen.senders).view(-1)
