"""Strictly local pair features: every ordered pair of neighbours has its own scalars and tensors, no node sends any.

    x_ij = network(b(r_ij), z_i, z_j) f(r_ij),  V_ij = (W x_ij) Y_ij
    A_i  = sum_k (W_A x_ik) Y_ik / sqrt(mean degree)
    V'_ij = W (V_ij, A_i),   x'_ij = x_ij + f(r_ij) network(x_ij, 0e of (V_ij, A_i))

The diagram (V, A) has the leg of a pair and the leg of its centre. Energies see one cutoff, whatever the number of
steps. Musaelian et al., Nat. Commun. 14, 579 (2023).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import List, Tuple

import torch
from torch import Tensor, nn

from fusionmd.fusion.contraction import Contraction, PathMixing
from fusionmd.fusion.plan import Plan
from fusionmd.nn.leaves import LeafLines
from fusionmd.nn.neighborhood import Neighbors
from fusionmd.nn.radial import SILU_GAIN, RadialNetwork
from fusionmd.o3.irreps import Irrep


class PairNetwork(nn.Module):
    """W_2 silu(W_1 x): [n, a] -> [n, b]."""

    def __init__(self, n_in: int, width: int, n_out: int) -> None:
        super().__init__()
        self.hidden = nn.Parameter(torch.randn(n_in, width) / n_in**0.5)
        self.last = nn.Parameter(torch.randn(width, n_out) * SILU_GAIN / width**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """[n, n_in] -> [n, n_out]."""
        return torch.mm(torch.nn.functional.silu(torch.mm(x, self.hidden)), self.last)


class HarmonicsOf(nn.Module):
    """(W x) Y: one weight for each irrep of Y and channel."""

    def __init__(self, n_channels: int, irreps: Sequence[Irrep]) -> None:
        super().__init__()
        self.n_channels = n_channels
        self.orders: List[List[int]] = [[irrep.l**2, irrep.dim] for irrep in irreps]
        self.weight = nn.Parameter(torch.randn(n_channels, len(irreps) * n_channels) / n_channels**0.5)

    def forward(self, x: Tensor, harmonics: Tensor) -> Tensor:
        """x [n * d, c], harmonics [n * d, m] in the order of l -> [n * d, m, c] in the order of the irreps."""
        weights = torch.mm(x, self.weight).view(x.size(0), -1, 1, self.n_channels)
        parts: List[Tensor] = []
        for k, order in enumerate(self.orders):
            parts.append(harmonics.narrow(1, order[0], order[1]).unsqueeze(2) * weights[:, k])
        return torch.cat(parts, 1)


class PairStep(nn.Module):
    """One product of V_ij and A_i and what it does to scalars and tensors.

    plan: Of a diagram of V and A that reaches 0e.  carried: Irreps of both.
    """

    def __init__(
        self, plan: Plan, carried: Mapping[str, Sequence[Irrep]], n_channels: int, width: int, mean_degree: float
    ) -> None:
        super().__init__()
        c, line = n_channels, plan.lines[plan.outputs[0]]
        self.plan, self.scale = plan, mean_degree**-0.5
        self.of_centers = HarmonicsOf(c, carried["A"])
        self.leaves = LeafLines(plan.leaf_lines, {"V": carried["V"], "A": carried["A"]})
        self.contraction = Contraction(plan, c, line.distinct)
        self.mixing = PathMixing(self.contraction.n_paths, line.distinct_sizes, c, c)
        self.scalars = PairNetwork(c * (1 + self.contraction.n_paths[0]), width, c)

    def forward(self, x: Tensor, v: Tensor, seen: Neighbors) -> Tuple[Tensor, Tensor]:
        """x [n * d, c], V [n * d, m, c] -> the same after the step."""
        paths = self.contraction(self.leaves([v, self.centers(x, seen)]))
        scalars = torch.cat([x, paths[0].flatten(1)], 1)
        return x + seen.envelope * self.scalars(scalars), self.mixing([part.flatten(1, 2) for part in paths])

    def centers(self, x: Tensor, seen: Neighbors) -> Tensor:
        """A_i, once for each slot of i [n * d, m, c]."""
        n, d = seen.harmonics.size(0), seen.harmonics.size(1)
        pairs = self.of_centers(x, seen.harmonics.flatten(0, 1))
        summed = self.scale * pairs.view(n, d, pairs.size(1), -1).sum(1, keepdim=True)
        return summed.expand(-1, d, -1, -1).reshape(pairs.size())


class PairStack(nn.Module):
    """The steps one after the other, then sum_j W x_ij / sqrt(mean degree) + s_i: a layer of `AtomicNetwork`.

    plans: One a step; V leaves the one and enters the next.
    """

    def __init__(
        self,
        plans: Sequence[Plan],
        harmonics: Sequence[Irrep],
        *,
        n_channels: int,
        n_species: int,
        n_basis: int,
        radial_widths: Sequence[int],
        width: int,
        mean_degree: float,
    ) -> None:
        super().__init__()
        c = n_channels
        self.dim: int = 1
        self.scale = mean_degree**-0.5
        self.radial = RadialNetwork(n_basis, radial_widths, c, n_species=n_species)
        self.tensors = HarmonicsOf(c, harmonics)
        steps, irreps = [], tuple(harmonics)
        for plan in plans:
            steps.append(PairStep(plan, {"V": irreps, "A": harmonics}, c, width, mean_degree))
            irreps = plan.lines[plan.outputs[0]].distinct
        self.steps = nn.ModuleList(steps)
        self.out = nn.Parameter(torch.randn(c, c) / c**0.5)

    def sent(self, h: Tensor) -> Tensor:
        """Nothing that would be read."""
        return h

    def forward(self, h: Tensor, neighbors: Tensor, species: Tensor, seen: Neighbors) -> Tensor:
        """h: Embeddings of the centres [n, 1, c].  -> invariants [n, 1, c]."""
        x, v = self.start(seen)
        for step in self.steps:
            x, v = step(x, v, seen)
        summed = torch.mm(x, self.out).view(h.size(0), -1, h.size(2)).sum(1, keepdim=True)
        return h + self.scale * summed

    def start(self, seen: Neighbors) -> Tuple[Tensor, Tensor]:
        """x_ij and V_ij before the first step."""
        x = self.radial(seen.basis, seen.envelope, seen.pairs)
        return x, self.tensors(x, seen.harmonics.flatten(0, 1))
