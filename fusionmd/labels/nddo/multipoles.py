"""Two-centre repulsion integrals of s and p orbitals as interactions of point charges.

A product of two orbitals on one atom is a sum of a monopole, dipoles and quadrupoles, each made of charges at distances
D1 and 2 D2 (D2 for the square one); two charges interact as 1 / sqrt(r^2 + (rho + rho')^2), so that the one-centre
integrals come out at r = 0. Dewar, Thiel, Theor. Chim. Acta 46, 89 (1977).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from fusionmd.errors import LabelError
from fusionmd.labels.nddo.elements import Element
from fusionmd.labels.protocol import Array
from fusionmd.units import HARTREE_PER_EV

X, Y, Z = np.eye(3)
# Monopole, dipoles x y z, linear quadrupoles xx yy zz, square quadrupoles xz yz: order, and charges at places in units
# of D1 or D2. z points to the other atom.
MULTIPOLES: list[tuple[int, list[tuple[float, Array]]]] = [
    (0, [(1.0, 0 * X)]),
    *((1, [(0.5, axis), (-0.5, -axis)]) for axis in (X, Y, Z)),
    *((2, [(0.25, 2 * axis), (-0.5, 0 * axis), (0.25, -2 * axis)]) for axis in (X, Y, Z)),
    *((2, [(0.25 * s * t, s * axis + t * Z) for s in (1, -1) for t in (1, -1)]) for axis in (X, Y)),
]
N_LIGHT = 1  # charges of an atom without p orbitals: the monopole's, the first
ORDERS: NDArray[np.int64] = np.array([order for order, charges in MULTIPOLES for _ in charges])
PLACES: Array = np.array([place for _, charges in MULTIPOLES for _, place in charges])
MOMENTS: Array = np.zeros((len(ORDERS), len(MULTIPOLES)))  # charges by multipole
MOMENTS[np.arange(len(ORDERS)), [m for m, (_, charges) in enumerate(MULTIPOLES) for _ in charges]] = [
    charge for _, charges in MULTIPOLES for charge, _ in charges
]
# Products of orbitals s x y z, by multipole; xy is the difference of the linear quadrupoles turned by 45 degrees.
PRODUCTS: Array = np.zeros((4, 4, len(MULTIPOLES)))
for _one, _other, _parts in (
    (0, 0, [0]), (0, 1, [1]), (0, 2, [2]), (0, 3, [3]), (1, 1, [0, 4]), (2, 2, [0, 5]), (3, 3, [0, 6]), (1, 3, [7]),
    (2, 3, [8]),
):  # fmt: skip
    PRODUCTS[_one, _other, _parts] = PRODUCTS[_other, _one, _parts] = 1.0
XX, YY, XY = 4, 5, (4 * 1 + 2, 4 * 2 + 1)
BRACKET = (1e-4, 1e4)  # of the additive terms, bohr
LEAST_EV = 1e-3  # of the integrals they make


@dataclass(frozen=True)
class Shape:
    """lengths, additive: By order 0, 1, 2; bohr."""

    lengths: tuple[float, float, float]
    additive: tuple[float, float, float]


def shape(element: Element) -> Shape:
    """Distances of charges, and what makes the one-centre integrals GSS, HSP and (GPP - GP2) / 2."""
    monopole = 0.5 / (element.gss * HARTREE_PER_EV)
    if not element.has_p:
        return Shape((0.0, 0.0, 0.0), (monopole, 1.0, 1.0))
    zs, zp = element.zs, element.zp
    dipole = 5.0 / np.sqrt(3.0) * 2.0**5 * (zs * zp) ** 2.5 / (zs + zp) ** 6
    quadrupole = np.sqrt(1.5) / zp
    hpp = 0.5 * (element.gpp - element.gp2)
    return Shape(
        (0.0, float(dipole), float(quadrupole)),
        (
            monopole,
            _root(lambda r: (1 / r - 1 / np.hypot(dipole, r)) / 4, element.hsp),
            _root(lambda r: (1 / r - 2 / np.hypot(quadrupole, r) + 1 / np.hypot(2**0.5 * quadrupole, r)) / 8, hpp),
        ),
    )


def _root(integral: Callable[[float], float], wanted_eV: float) -> float:
    """The additive term at which the self-interaction is as wanted."""
    if wanted_eV <= LEAST_EV:
        raise LabelError(f"HSP or (GPP - GP2) / 2 is {wanted_eV:g} eV, wanted more than {LEAST_EV:g}")
    return float(brentq(lambda r: integral(r) - wanted_eV * HARTREE_PER_EV, *BRACKET))
