"""O(3): irreps, Clebsch-Gordan, 6j and Wigner tables, Cartesian tensors, spherical harmonics, and a checker of laws.

The tables need numpy alone; the names that need torch are resolved on first use (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# `clebsch_gordan` is the function here; for its module write `from fusionmd.o3.clebsch_gordan import ...`.
from fusionmd.o3.cartesian import cartesian_basis, cartesian_coupling, cartesian_product, to_cartesian, to_spherical
from fusionmd.o3.clebsch_gordan import CONVENTION_ID, clebsch_gordan, complex_to_real
from fusionmd.o3.irreps import Irrep, Irreps
from fusionmd.o3.sixj import wigner_6j
from fusionmd.o3.wigner import random_rotation, representation, wigner_d

__all__ = [
    "CONVENTION_ID",
    "Irrep",
    "Irreps",
    "SphericalHarmonics",
    "assert_equivariant",
    "cartesian_basis",
    "cartesian_coupling",
    "cartesian_product",
    "clebsch_gordan",
    "complex_to_real",
    "random_rotation",
    "representation",
    "to_cartesian",
    "to_spherical",
    "wigner_6j",
    "wigner_d",
]

_NEED_TORCH = {"SphericalHarmonics": "spherical_harmonics", "assert_equivariant": "laws"}


def __getattr__(name: str) -> Any:
    if name not in _NEED_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_NEED_TORCH[name]}"), name)
