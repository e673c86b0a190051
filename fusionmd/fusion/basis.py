"""In which basis the components of an irrep are stored: spherical, 2l+1 of them, or irreducible Cartesian, 3^l.

Diagrams know nothing of it. A plan has one basis, and all that counts components or couples them asks here.
`fusionmd.o3.cartesian` holds the change of basis Q_l; Zaverkin et al., arXiv:2405.14253, use the Cartesian one.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fusionmd.o3.cartesian import cartesian_coupling
from fusionmd.o3.clebsch_gordan import clebsch_gordan
from fusionmd.o3.irreps import Irrep

Basis = Literal["spherical", "cartesian"]
_ROUNDING = 1e-14


def n_components(irrep: Irrep, basis: Basis) -> int:
    """How many numbers `irrep` has in `basis`.

    >>> n_components(Irrep(2, 1), "spherical"), n_components(Irrep(2, 1), "cartesian")
    (5, 9)
    """
    return irrep.dim if basis == "spherical" else 3**irrep.l


def coupling(l1: int, l2: int, l3: int, basis: Basis) -> NDArray[np.float64]:
    """The coupling tensor C[m1, m2, m3] in `basis`, read-only."""
    return clebsch_gordan(l1, l2, l3) if basis == "spherical" else _cartesian(l1, l2, l3)


@cache
def _cartesian(l1: int, l2: int, l3: int) -> NDArray[np.float64]:
    """The Cartesian table with exact zeros where rounding left some 1e-17."""
    table = cartesian_coupling(l1, l2, l3)
    cleaned = np.where(np.abs(table) > _ROUNDING, table, 0.0)
    cleaned.setflags(write=False)
    return cleaned
