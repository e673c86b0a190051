"""How often an irrep occurs in a product of representations, from characters alone.

A rotation by theta, with or without inversion, has the character chi^(l,p) = p' sum_{m=-l..l} cos(m theta), p' = p if
it inverts and 1 otherwise. Characters are orthonormal under the Haar measure of O(3),

    <f, g> = 1/2 sum_{proper, improper} 1/(2 pi) int_0^{2 pi} (1 - cos theta) f(theta) g(theta) dtheta

(Wigner, Group Theory (1959), ch. 15). All functions here are trigonometric polynomials, so equally spaced points
integrate them exactly.

    >>> v = Irrep(1, -1)
    >>> [multiplicity([[v], [v], [v]], irrep) for irrep in (Irrep(0, -1), Irrep(1, -1), Irrep(2, -1), Irrep(3, -1))]
    [1, 3, 2, 1]
    >>> [symmetric_multiplicity([v], 3, irrep) for irrep in (Irrep(0, -1), Irrep(1, -1), Irrep(2, -1), Irrep(3, -1))]
    [0, 1, 0, 1]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fusionmd.o3.irreps import Irrep


def multiplicity(leaves: Sequence[Sequence[Irrep]], target: Irrep) -> int:
    """Multiplicity of `target` in leaf_1 (x) leaf_2 (x) ..., each leaf a direct sum of irreps."""
    degree = sum(_l_max(leaf) for leaf in leaves) + target.l
    theta, parity = _classes(degree)
    product = np.prod([character(leaf, theta, parity) for leaf in leaves], axis=0)
    return _overlap(product, character([target], theta, parity), theta)


def symmetric_multiplicity(irreps: Sequence[Irrep], order: int, target: Irrep) -> int:
    """Multiplicity of `target` in the symmetric power Sym^order of a direct sum of irreps.

    Newton's identity: chi_k(g) = 1/k sum_{j=1..k} chi(g^j) chi_{k-j}(g).
    """
    theta, parity = _classes(order * _l_max(irreps) + target.l)
    powers = [np.ones_like(theta)]
    for k in range(1, order + 1):
        terms = [character(irreps, j * theta, parity**j) * powers[k - j] for j in range(1, k + 1)]
        powers.append(np.sum(terms, axis=0) / k)
    return _overlap(powers[order], character([target], theta, parity), theta)


def character(irreps: Sequence[Irrep], theta: NDArray[np.float64], parity: NDArray[np.int64]) -> NDArray[np.float64]:
    """Character of a direct sum at rotation angles `theta` (rad), times the inversion where `parity` is -1."""
    rotations = [1 + 2 * sum(np.cos(m * theta) for m in range(1, irrep.l + 1)) for irrep in irreps]
    signs = [np.where(parity == -1, irrep.p, 1) for irrep in irreps]
    return np.sum([sign * chi for sign, chi in zip(signs, rotations, strict=True)], axis=0) + np.zeros_like(theta)


def _l_max(irreps: Sequence[Irrep]) -> int:
    return max((irrep.l for irrep in irreps), default=0)


def _classes(degree: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Angles that integrate polynomials of `degree` times (1 - cos theta) exactly, first proper, then improper."""
    n_angles = degree + 2
    theta = 2 * np.pi * np.arange(n_angles) / n_angles
    return np.concatenate([theta, theta]), np.repeat([1, -1], n_angles)


def _overlap(left: NDArray[np.float64], right: NDArray[np.float64], theta: NDArray[np.float64]) -> int:
    return round(float(np.mean((1 - np.cos(theta)) * left * right)))
