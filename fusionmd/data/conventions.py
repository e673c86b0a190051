"""Stress and virial conventions, each converted by name to dE/dstrain / volume [3, 3].

| written by | key | meaning | unit |
|---|---|---|---|
| ASE, MACE | stress, REF_stress | dE/dstrain / V: [3, 3], 9 numbers, or Voigt xx yy zz yz xz xy | energy/length^3 |
| QUIP, MACE | virial, virials, REF_virials | -dE/dstrain = -V stress, [3, 3] or 9 numbers | energy |
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fusionmd.errors import DataError

VOIGT = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])
# Relative; labels are written with a few digits, but rows and columns that differ more are another quantity.
MAX_ASYMMETRY = 1e-2


def stress_from_ase(stress: ArrayLike) -> NDArray[np.float64]:
    """Stress [..., 3, 3] of ASE's and MACE's `stress`: full, flat 9, or Voigt 6."""
    given = np.asarray(stress, dtype=np.float64)
    return _symmetric(given[..., VOIGT] if given.ndim and given.shape[-1] == 6 else given, "stress")


def stress_from_virial(virial: ArrayLike, volume: float) -> NDArray[np.float64]:
    """Stress [..., 3, 3] = -virial / volume of QUIP's and MACE's virial; volume in units of length^3."""
    given = np.asarray(virial, dtype=np.float64)
    if not volume > 0.0:
        raise DataError("a virial is given but the cell spans no volume; give a periodic cell or drop the virial")
    return -_symmetric(given[..., VOIGT] if given.ndim and given.shape[-1] == 6 else given, "virial") / volume


def voigt_of(stress: NDArray[np.float64]) -> NDArray[np.float64]:
    """Voigt components xx yy zz yz xz xy [..., 6] of a symmetric stress [..., 3, 3]."""
    return np.asarray(stress[..., [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]])


def _symmetric(given: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    full = given.reshape(*given.shape[:-1], 3, 3) if given.ndim and given.shape[-1] == 9 else given
    if full.ndim < 2 or full.shape[-2:] != (3, 3):
        raise DataError(
            f"{name} has shape {given.shape}; wanted [3, 3], 9 numbers, or 6 in the order xx yy zz yz xz xy"
        )
    transposed = np.swapaxes(full, -1, -2)
    asymmetry, size = np.abs(full - transposed).max(), np.abs(full).max()
    if asymmetry > MAX_ASYMMETRY * size + 1e-6:
        raise DataError(
            f"{name} is not symmetric ({asymmetry:.2g} of {size:.2g}): {full.tolist()}; check its key and order"
        )
    return 0.5 * (full + transposed)
