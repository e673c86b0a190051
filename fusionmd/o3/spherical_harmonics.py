r"""Real spherical harmonics as homogeneous polynomials in (x, y, z): no angles, hence nothing special at the poles.

Y_l(u) is the contraction of the tensor power u (x) u (x) ... with constant Clebsch-Gordan tensors. Degrees 1-3 come out of one
GEMM on the stacked powers; higher degrees from Y_l = N_l C(l-1, 1, l) Y_{l-1} (x) u, one GEMM each.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fusionmd.errors import IrrepsError
from fusionmd.o3.clebsch_gordan import clebsch_gordan

# Shorter vectors have no direction: they are passed through as they are, Y_0 = 1 and Y_l -> 0, with finite derivatives.
_SHORTEST_SQUARED = 1e-14


class SphericalHarmonics(torch.nn.Module):
    """Y_0 ... Y_lmax of the direction of each vector, component normalisation: sum_m Y_lm^2 = 2l+1.

    Order m = -l..l, no Condon-Shortley phase: Y_1 = sqrt(3) (y, z, x). dtype and device follow the input.

    >>> SphericalHarmonics(1)(torch.tensor([[0.0, 0.0, 2.0]])).round(decimals=4)
    tensor([[1.0000, 0.0000, 1.7321, 0.0000]])
    """

    low: torch.Tensor
    constant: torch.Tensor

    def __init__(self, l_max: int) -> None:
        super().__init__()
        if l_max < 0:
            raise IrrepsError(f"got l_max = {l_max}; the largest degree must be >= 0")
        self.l_max = l_max
        self.shortest_squared = _SHORTEST_SQUARED
        self.register_buffer("low", torch.empty(0), persistent=False)
        self.register_buffer("constant", torch.empty(0), persistent=False)
        self.high = torch.nn.ModuleList([_NextDegree(l) for l in range(4, l_max + 1)])  # noqa: E741
        self._set_tables(torch.float64, torch.device("cpu"))

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """vectors [..., 3], any length -> [..., (l_max + 1)^2]."""
        squared = (vectors * vectors).sum(-1, keepdim=True)
        squared = torch.where(squared > self.shortest_squared, squared, 1.0)
        return self.of_directions(vectors * squared.rsqrt())

    @torch.jit.export
    def of_directions(self, directions: torch.Tensor) -> torch.Tensor:
        """The same for unit vectors [..., 3] that are at hand already."""
        powers = directions
        if self.l_max > 1:
            second = _outer(directions, directions)
            powers = torch.cat([directions, second], -1)
            if self.l_max > 2:
                powers = torch.cat([directions, second, _outer(second, directions)], -1)
        dtype = directions.dtype
        harmonics = torch.nn.functional.linear(powers, self.low.to(dtype), self.constant.to(dtype))
        if self.l_max < 4:
            return harmonics
        degrees = [harmonics]
        last = harmonics[..., 9:16]
        for step in self.high:
            last = step(last, directions)
            degrees.append(last)
        return torch.cat(degrees, -1)

    def _set_tables(self, dtype: torch.dtype, device: torch.device) -> None:
        low = _low_degrees(min(self.l_max, 3))
        self.low = torch.tensor(low, dtype=dtype, device=device)
        self.constant = torch.eye(1, low.shape[0], dtype=dtype, device=device)[0]

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "SphericalHarmonics":
        super()._apply(fn, recurse)
        # made anew from the float64 tables, so that .float().double() loses nothing
        self._set_tables(self.low.dtype, self.low.device)
        return self


class _NextDegree(torch.nn.Module):
    """Y_l from Y_{l-1} and the direction u."""

    table: torch.Tensor

    def __init__(self, l: int) -> None:  # noqa: E741
        super().__init__()
        self.l = l
        self.register_buffer("table", torch.tensor(_step(l)), persistent=False)

    def forward(self, previous: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(_outer(previous, directions), self.table.to(directions.dtype))

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "_NextDegree":
        super()._apply(fn, recurse)
        self.table = torch.tensor(_step(self.l), dtype=self.table.dtype, device=self.table.device)
        return self


def _outer(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """[..., a], [..., b] -> [..., a * b]."""
    return (left.unsqueeze(-1) * right.unsqueeze(-2)).flatten(-2)


_XYZ_TO_YZX = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


def _low_degrees(l_max: int) -> NDArray[np.float64]:
    """Matrix [(l_max + 1)^2, 3 + 9 + 27 (as far as l_max)] from the stacked powers of u to Y_0 (a zero row) ... Y_lmax."""
    widths = [3**l for l in range(1, max(l_max, 1) + 1)]  # noqa: E741
    matrix = np.zeros(((l_max + 1) ** 2, sum(widths)))
    power = np.sqrt(3.0) * _XYZ_TO_YZX
    for l in range(1, l_max + 1):  # noqa: E741
        if l > 1:
            power = np.einsum("mnx,na->mxa", _step(l).reshape(2 * l + 1, 2 * l - 1, 3), power.reshape(2 * l - 1, -1))
            power = power.swapaxes(1, 2).reshape(2 * l + 1, -1)
        start = sum(widths[: l - 1])
        matrix[l**2 : (l + 1) ** 2, start : start + 3**l] = power
    return matrix


def _step(l: int) -> NDArray[np.float64]:  # noqa: E741
    """Matrix [2l+1, (2l-1) * 3] with Y_l = matrix (Y_{l-1} (x) u), u in the order (x, y, z)."""
    coupling = np.einsum("nam,ax->mnx", clebsch_gordan(l - 1, 1, l), _XYZ_TO_YZX)
    # at the north pole only m = 0 is non-zero: Y_l0 = sqrt(2l+1), Y_{l-1,0} = sqrt(2l-1), u = z
    scale = np.sqrt((2 * l + 1) / (2 * l - 1)) / coupling[l, l - 1, 2]
    return (scale * coupling).reshape(2 * l + 1, -1)
