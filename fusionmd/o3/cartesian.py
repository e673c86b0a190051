"""Irreducible Cartesian tensors: irrep l as a symmetric traceless tensor of rank l, all 3^l components stored.

`cartesian_basis(l)` changes the basis: t = Q_l x, x = Q_l^T t, Q_l^T Q_l = 1; scalar products are the same in both.
Coupe, Williams & Stone, J. Chem. Phys. 51, 1801 (1969); Zaverkin et al., arXiv:2405.14253.

>>> to_cartesian(np.array([0.0, 0.0, 1.0, 0.0, 0.0])).reshape(3, 3).round(4)  # (2zz - xx - yy) / sqrt 6
array([[-0.4082,  0.    ,  0.    ],
       [ 0.    , -0.4082,  0.    ],
       [ 0.    ,  0.    ,  0.8165]])
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from fusionmd.errors import IrrepsError
from fusionmd.o3.clebsch_gordan import clebsch_gordan

_EPSILON = np.zeros((3, 3, 3))
_EPSILON[[0, 1, 2], [1, 2, 0], [2, 0, 1]] = 1.0
_EPSILON[[0, 2, 1], [2, 1, 0], [1, 0, 2]] = -1.0


@cache
def cartesian_basis(l: int) -> NDArray[np.float64]:
    """Q_l [3^l, 2l+1], read-only: orthonormal symmetric traceless tensors, indices in the order x, y, z.

    Q_l = (Q_{l-1} (x) Q_1) C(l-1, 1, l), the stretched coupling. Y_l(u) is Q_l^T (u (x) ... (x) u), scaled.
    """
    if l < 0:
        raise IrrepsError(f"got l = {l}; it must be >= 0")
    basis = np.eye(1)
    if l > 0:
        vector = np.eye(3)[:, [1, 2, 0]]
        basis = np.einsum("an,bk,nkm->abm", cartesian_basis(l - 1), vector, clebsch_gordan(l - 1, 1, l))
        basis = basis.reshape(3**l, 2 * l + 1)
    basis.setflags(write=False)
    return basis


def to_cartesian(components: NDArray[np.float64]) -> NDArray[np.float64]:
    """[..., 2l+1] -> symmetric traceless tensors [..., 3^l]."""
    n_components = components.shape[-1]
    if n_components % 2 == 0:
        raise IrrepsError(f"got {n_components} components; irrep l has 2l+1")
    return components @ cartesian_basis(n_components // 2).T


def to_spherical(tensors: NDArray[np.float64]) -> NDArray[np.float64]:
    """[..., 3^l] -> [..., 2l+1]; of a general tensor, its symmetric traceless part."""
    return tensors @ cartesian_basis(_rank(tensors.shape[-1]))


@cache
def cartesian_coupling(l1: int, l2: int, l3: int) -> NDArray[np.float64]:
    """The Clebsch-Gordan tensor in the Cartesian basis [3^l1, 3^l2, 3^l3], read-only; same norm, sign and phase."""
    left, right, out = cartesian_basis(l1), cartesian_basis(l2), cartesian_basis(l3)
    coupling = np.einsum("ax,by,xyz,cz->abc", left, right, clebsch_gordan(l1, l2, l3), out, optimize=True)
    coupling.setflags(write=False)
    return coupling


def cartesian_product(
    left: NDArray[np.float64], right: NDArray[np.float64], l1: int, l2: int, l3: int
) -> NDArray[np.float64]:
    """Irreducible product of [..., 3^l1] and [..., 3^l2] -> [..., 3^l3], equal to the Clebsch-Gordan product.

    l1 + l2 - l3 = 2k (or 2k + 1): k index pairs are contracted (and two more indices meet in a Levi-Civita tensor),
    and what is left is made symmetric and traceless.
    """
    if (left.shape[-1], right.shape[-1]) != (3**l1, 3**l2):
        raise IrrepsError(
            f"got {left.shape[-1]} and {right.shape[-1]} components for l = {l1} and {l2}; 3^l are needed"
        )
    basis = cartesian_basis(l3)
    return _scale(l1, l2, l3) * (_contract(left, right, l1, l2, l3) @ basis) @ basis.T


def _contract(left: NDArray[np.float64], right: NDArray[np.float64], l1: int, l2: int, l3: int) -> NDArray[np.float64]:
    """Contraction of the last indices of `left` with the first of `right`, before the projection: [..., 3^l3]."""
    n_pairs, is_odd = divmod(l1 + l2 - l3, 2)
    x = left.reshape(*left.shape[:-1], -1, 3**n_pairs)
    y = right.reshape(*right.shape[:-1], 3**n_pairs, -1)
    if not is_odd:
        return (x @ y).reshape(*np.broadcast_shapes(left.shape[:-1], right.shape[:-1]), 3**l3)
    x = x.reshape(*x.shape[:-2], -1, 3, 3**n_pairs)
    y = y.reshape(*y.shape[:-1], 3, -1)
    result = np.einsum("...aip,...pjb,ijk->...abk", x, y, _EPSILON, optimize=True)
    return result.reshape(*result.shape[:-3], 3**l3)


@cache
def _scale(l1: int, l2: int, l3: int) -> float:
    """Factor from the bare contraction to the Clebsch-Gordan product: the two are proportional by Schur's lemma."""
    exact = clebsch_gordan(l1, l2, l3)
    left = cartesian_basis(l1).T[:, None, :]
    right = cartesian_basis(l2).T[None, :, :]
    bare = _contract(left, right, l1, l2, l3) @ cartesian_basis(l3)
    return float(np.sum(bare * exact) / np.sum(bare * bare))


def _rank(n_components: int) -> int:
    rank = round(np.log(n_components) / np.log(3)) if n_components > 0 else -1
    if rank < 0 or 3**rank != n_components:
        raise IrrepsError(f"got {n_components} components; a Cartesian tensor of rank l has 3^l")
    return rank
