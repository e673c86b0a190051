r"""Real spherical harmonics as homogeneous polynomials in (x, y, z): no angles, hence nothing special at the poles.

Degrees 0-3 come out of one GEMM on the 1 + 3 + 6 + 10 monomials of the direction u; every higher degree is one more,
Y_l = N_l C(l-1, 1, l) (Y_{l-1} (x) u). Inside, components come first ([k, n], contiguous in n): some
four times faster on a CPU than [n, k] with a small k.
"""

from collections.abc import Callable
from itertools import combinations_with_replacement, product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fusionmd.errors import IrrepsError
from fusionmd.o3.clebsch_gordan import clebsch_gordan

# Vectors shorter than 1e-7 have no direction: taken as they are, Y_l -> 0 for l > 0 and all derivatives stay finite.
_SHORTEST_SQUARED = 1e-14


class SphericalHarmonics(torch.nn.Module):
    """Y_0 ... Y_lmax of the direction of each vector, component normalisation: sum_m Y_lm^2 = 2l+1.

    Order m = -l..l, no Condon-Shortley phase: Y_1 = sqrt(3) (y, z, x). dtype and device follow the input.

    >>> SphericalHarmonics(1)(torch.tensor([[0.0, 0.0, 2.0]])).round(decimals=4)
    tensor([[1.0000, 0.0000, 1.7321, 0.0000]])
    """

    coefficients: torch.Tensor

    def __init__(self, l_max: int) -> None:
        super().__init__()
        if l_max < 0:
            raise IrrepsError(f"got l_max = {l_max}; the largest degree must be >= 0")
        self.l_max = l_max
        self.shortest_squared = _SHORTEST_SQUARED
        self.register_buffer("coefficients", torch.tensor(_coefficients(min(l_max, 3))), persistent=False)
        self.higher = torch.nn.ModuleList([_NextDegree(l) for l in range(4, l_max + 1)])

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """vectors [..., 3], any length -> [..., (l_max + 1)^2]."""
        components = vectors.reshape(-1, 3).t().contiguous()
        squared = (components * components).sum(0)
        squared = torch.where(squared > self.shortest_squared, squared, 1.0)
        harmonics = self._polynomials(components * squared.rsqrt())
        if vectors.dim() == 2:
            return harmonics
        return harmonics.reshape(list(vectors.shape[:-1]) + [harmonics.shape[1]])

    @torch.jit.export
    def of_directions(self, directions: torch.Tensor) -> torch.Tensor:
        """The same for unit vectors [n, 3] that are at hand already."""
        return self._polynomials(directions.t().contiguous())

    @torch.jit.unused
    def polynomial_coefficients(self) -> NDArray[np.float64]:
        """Matrix [n_monomials, (l_max + 1)^2] from monomials of the direction; IrrepsError above degree 3."""
        if self.l_max > 3:
            raise IrrepsError(f"l_max is {self.l_max}; only degrees 0 to 3 come from one matrix")
        return _coefficients(self.l_max)

    def _polynomials(self, u: torch.Tensor) -> torch.Tensor:
        """u [3, n] -> [n, (l_max + 1)^2]."""
        harmonics = torch.mm(_monomials(u, self.l_max).t(), self.coefficients.to(u.dtype))
        if self.l_max < 4:
            return harmonics
        degrees = [harmonics]
        last = harmonics[:, 9:16].t().contiguous()
        for step in self.higher:
            last = step(last, u)
            degrees.append(last.t())
        return torch.cat(degrees, 1)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "SphericalHarmonics":
        super()._apply(fn, recurse)
        # made anew from the float64 tables, so that .float().double() loses nothing
        self.coefficients = torch.tensor(_coefficients(min(self.l_max, 3))).to(self.coefficients)
        return self


class _NextDegree(torch.nn.Module):
    """Y_l [2l+1, n] from Y_{l-1} [2l-1, n] and the direction u [3, n]."""

    table: torch.Tensor

    def __init__(self, l: int) -> None:
        super().__init__()
        self.l = l
        self.register_buffer("table", torch.tensor(_step(l)), persistent=False)

    def forward(self, previous: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        return torch.mm(self.table.to(u.dtype), (previous.unsqueeze(1) * u.unsqueeze(0)).flatten(0, 1))

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "_NextDegree":
        super()._apply(fn, recurse)
        self.table = torch.tensor(_step(self.l)).to(self.table)
        return self


def _monomials(u: torch.Tensor, l_max: int) -> torch.Tensor:
    """Monomials of degree 0 ... min(l_max, 3) of u [3, n], each degree in the order xx xy xz yy yz zz."""
    ones = torch.ones_like(u[0:1])
    if l_max == 0:
        return ones
    if l_max == 1:
        return torch.cat([ones, u])
    x, y, z = u[0:1], u[1:2], u[2:3]
    squares = torch.cat([x * u, y * u[1:], z * z])
    if l_max == 2:
        return torch.cat([ones, u, squares])
    return torch.cat([ones, u, squares, x * squares, y * squares[3:], z * squares[5:]])


_XYZ_TO_YZX = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


def _coefficients(l_max: int) -> NDArray[np.float64]:
    """Matrix [n_monomials, (l_max + 1)^2] from `_monomials` to Y_0 ... Y_lmax (l_max <= 3), one block a degree."""
    blocks = [_fold(power).T for power in _tensor_powers(l_max)]
    matrix = np.zeros((sum(len(block) for block in blocks), (l_max + 1) ** 2))
    start = 0
    for l, block in enumerate(blocks):
        matrix[start : start + len(block), l**2 : (l + 1) ** 2] = block
        start += len(block)
    return matrix


def _tensor_powers(l_max: int) -> list[NDArray[np.float64]]:
    """For l = 0 ... l_max the tensor [2l+1, 3, ..., 3] that contracts u (x) ... (x) u to Y_l."""
    powers = [np.ones(1)]
    for l in range(1, l_max + 1):
        powers.append(np.einsum("mnx,n...->mx...", _step(l).reshape(2 * l + 1, 2 * l - 1, 3), powers[-1]))
    return powers


def _fold(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """[2l+1, 3, ..., 3] -> [2l+1, n_monomials]: equal monomials of different index order added up."""
    degree = power.ndim - 1
    column = {indices: k for k, indices in enumerate(combinations_with_replacement(range(3), degree))}
    folded = np.zeros((len(power), len(column)))
    for indices in product(range(3), repeat=degree):
        folded[:, column[tuple(sorted(indices))]] += np.moveaxis(power, 0, -1)[indices]
    return folded


def _step(l: int) -> NDArray[np.float64]:
    """Matrix [2l+1, (2l-1) * 3] with Y_l = matrix (Y_{l-1} (x) u), u in the order (x, y, z)."""
    coupling = np.einsum("nam,ax->mnx", clebsch_gordan(l - 1, 1, l), _XYZ_TO_YZX)
    # at the north pole only m = 0 is non-zero: Y_l0 = sqrt(2l+1), Y_{l-1,0} = sqrt(2l-1), u = z
    scale = np.sqrt((2 * l + 1) / (2 * l - 1)) / coupling[l, l - 1, 2]
    return (scale * coupling).reshape(2 * l + 1, -1)
