"""A plain network averaged over both handednesses: even features stay even, odd ones odd under reflections.

    even = (f(a, b) + f(a, -b)) / 2,   odd = (g(a, b) - g(a, -b)) / 2

a are invariant and b pseudoscalar features, (f, g) any network of both; the average makes it exact for O(3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Tuple

import torch
from torch import Tensor, nn

from fusionmd.nn.radial import SILU_GAIN


class HandedNetwork(nn.Module):
    """n_in, n_out: (even, odd).  widths: Of hidden layers, silu."""

    def __init__(self, n_in: Tuple[int, int], widths: Sequence[int], n_out: Tuple[int, int]) -> None:
        super().__init__()
        self.n_even: int = n_out[0]
        sizes = [sum(n_in), *widths, sum(n_out)]
        gains = [1.0] + [SILU_GAIN] * len(widths)
        pairs = list(zip(sizes[:-1], sizes[1:], gains, strict=True))
        made = [nn.Parameter(torch.randn(a, b) * gain / a**0.5) for a, b, gain in pairs]
        self.weights, self.last = nn.ParameterList(made[:-1]), made[-1]
        self.shifts = nn.ParameterList(nn.Parameter(0.1 * torch.randn(b)) for b in widths)

    def forward(self, even: Tensor, odd: Tensor) -> Tuple[Tensor, Tensor]:
        """[n, even], [n, odd] -> the same of the output."""
        n = even.size(0)
        x = torch.cat([torch.cat([even, odd], 1), torch.cat([even, -odd], 1)])
        for weight, shift in zip(self.weights, self.shifts):
            x = torch.nn.functional.silu(torch.mm(x, weight) + shift)
        x = torch.mm(x, self.last)
        one, other = x[:n], x[n:]
        return 0.5 * (one + other)[:, : self.n_even], 0.5 * (one - other)[:, self.n_even :]
