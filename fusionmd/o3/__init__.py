"""O(3): irreps, Clebsch-Gordan, 6j and Wigner tables, Cartesian tensors, spherical harmonics, and a checker of laws.

The tables need numpy alone; the names that need torch are resolved on first use (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from fusionmd.o3.clebsch_gordan import CONVENTION_ID, clebsch_gordan, complex_to_real
from fusionmd.o3.irreps import Irrep, Irreps

__all__ = [
    "CONVENTION_ID",
    "Irrep",
    "Irreps",
    "SphericalHarmonics",
    "clebsch_gordan",
    "complex_to_real",
]

_NEED_TORCH = {"SphericalHarmonics": "spherical_harmonics"}


def __getattr__(name: str) -> Any:
    if name not in _NEED_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_NEED_TORCH[name]}"), name)
