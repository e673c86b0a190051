"""Wigner matrices of real irreps: how the components of an irrep change when space is rotated or inverted.

Convention: Y_l(R r) = D_l(R) Y_l(r), hence D(R S) = D(R) D(S). D_1 is R itself in the order (y, z, x).

>>> quarter_turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # x -> y -> -x
>>> (wigner_d(1, quarter_turn) @ [0.0, 0.0, 1.0]).round(3)  # the x component becomes the y component
array([1., 0., 0.])
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fusionmd.errors import IrrepsError
from fusionmd.o3.clebsch_gordan import clebsch_gordan
from fusionmd.o3.irreps import Irrep, Irreps

_YZX = [1, 2, 0]


def wigner_d(l: int, rotation: ArrayLike) -> NDArray[np.float64]:
    """D_l(R) [2l+1, 2l+1] of a proper rotation matrix [3, 3], any l, without angles.

    D_l = C^T (D_{l-1} (x) D_1) C with C the Clebsch-Gordan tensor (l-1, 1, l): Varshalovich et al. (1988), 4.6.1.
    """
    rotation = _orthogonal(rotation)
    if np.linalg.det(rotation) < 0:
        raise IrrepsError("got an improper rotation (determinant -1); use `representation`, which knows parities")
    return _proper(l, rotation)


def representation(irreps: Irreps | Irrep | str, matrix: ArrayLike) -> NDArray[np.float64]:
    """Block diagonal [dim, dim] matrix of an element of O(3), proper or improper, on a sum of irreps.

    An improper element -R acts as p D_l(R). Within a block channels come last: `2x1o` is flattened from [3, 2].

    >>> representation("0o + 1e", -np.eye(3)).diagonal()
    array([-1.,  1.,  1.,  1.])
    """
    irreps = Irreps.parse(irreps)
    matrix = _orthogonal(matrix)
    determinant = 1 if np.linalg.det(matrix) > 0 else -1
    blocks = np.zeros((irreps.dim, irreps.dim))
    for (mul, irrep), where in zip(irreps, irreps.slices(), strict=True):
        sign = irrep.p if determinant < 0 else 1
        blocks[where, where] = np.kron(sign * _proper(irrep.l, determinant * matrix), np.eye(mul))
    return blocks


def random_rotation(rng: np.random.Generator, *, is_improper: bool = False) -> NDArray[np.float64]:
    """Rotation matrix [3, 3] uniform on SO(3) (Shoemake 1992: a uniform unit quaternion), or minus one of them."""
    w, x, y, z = (q := rng.normal(size=4)) / np.linalg.norm(q)
    axis = np.array([x, y, z])
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    rotation = (w * w - axis @ axis) * np.eye(3) + 2 * np.outer(axis, axis) + 2 * w * cross
    return -rotation if is_improper else rotation


def _proper(l: int, rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    if l < 0:
        raise IrrepsError(f"got l = {l}; it must be >= 0")
    vector = rotation[np.ix_(_YZX, _YZX)]
    result = np.eye(1)
    for degree in range(1, l + 1):
        coupling = clebsch_gordan(degree - 1, 1, degree)
        moved = np.einsum("ac,bd,cdn->abn", result, vector, coupling, optimize=True)
        result = np.einsum("abm,abn->mn", coupling, moved)
    return result


def _orthogonal(matrix: ArrayLike) -> NDArray[np.float64]:
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.shape != (3, 3) or not np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-6):
        raise IrrepsError(f"got a matrix of shape {matrix.shape}, not orthogonal 3 x 3; give a rotation matrix")
    return matrix
