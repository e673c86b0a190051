r"""Clebsch-Gordan tables in the real basis, float64, made from exact integers.

Phase and normalisation (`CONVENTION_ID` names them; every model file carries it):

- Real basis, m = -l..l, from the complex harmonics with Condon-Shortley phase (R = U Y, U unitary, `complex_to_real`):
  R_l,0 = Y_l,0 and, for m > 0, R_l,m = (Y_l,-m + (-1)^m Y_l,m) / sqrt 2, R_l,-m = i (Y_l,-m - (-1)^m Y_l,m) / sqrt 2;
  these are the usual real harmonics without Condon-Shortley phase, so l = 1 is (y, z, x).
- T[m1, m2, m3] = sum U1 U2 conj(U3) <l1 m1 l2 m2 | l3 m3> is real for l1+l2+l3 even and imaginary for odd.
  C = T (even), C = i T (odd): C(1,1,1) = +epsilon / sqrt 2, the cross product with a plus sign.
- Orthonormal: sum_{m1 m2} C[m1,m2,m3] C[m1,m2,n3] = delta(m3,n3).
- Swap: C(l2,l1,l3)[m2,m1,m3] = (-1)^(l1+l2+l3) C(l1,l2,l3)[m1,m2,m3].
- Cycle: C(l2,l3,l1)[m2,m3,m1] = (-1)^(l1+l3) sqrt((2 l1+1)/(2 l3+1)) C(l1,l2,l3)[m1,m2,m3].

>>> clebsch_gordan(1, 1, 0)[:, :, 0].round(4)
array([[-0.5774,  0.    ,  0.    ],
       [ 0.    , -0.5774,  0.    ],
       [ 0.    ,  0.    , -0.5774]])
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import comb, factorial, sqrt

import numpy as np
from numpy.typing import NDArray

from fusionmd.errors import IrrepsError

CONVENTION_ID = "fusionmd-real-cg-1"


@cache
def clebsch_gordan(l1: int, l2: int, l3: int) -> NDArray[np.float64]:
    """Real Clebsch-Gordan tensor [2 l1 + 1, 2 l2 + 1, 2 l3 + 1], read-only (`torch.tensor(...)` copies it).

    (x (x) y)[m3] = sum_{m1 m2} C[m1, m2, m3] x[m1] y[m2].
    """
    if min(l1, l2, l3) < 0 or not abs(l1 - l2) <= l3 <= l1 + l2:
        raise IrrepsError(f"no Clebsch-Gordan tensor for l = ({l1}, {l2}, {l3}); |l1 - l2| <= l3 <= l1 + l2 is needed")
    table = _complex_table(l1, l2, l3)
    real = np.einsum("am,mno->ano", complex_to_real(l1), table)
    real = np.einsum("bn,ano->abo", complex_to_real(l2), real)
    real = np.einsum("co,abo->abc", complex_to_real(l3).conj(), real)
    tensor = real.real if (l1 + l2 + l3) % 2 == 0 else -real.imag
    tensor = np.where(np.abs(tensor) < 1e-14, 0.0, tensor)
    tensor.setflags(write=False)
    return tensor


@cache
def complex_to_real(l: int) -> NDArray[np.complex128]:
    """Unitary U [2l+1, 2l+1] with R_m = sum_mu U[m, mu] Y_mu: complex harmonics (Condon-Shortley) to the real basis."""
    unitary = np.zeros((2 * l + 1, 2 * l + 1), dtype=np.complex128)
    unitary[l, l] = 1.0
    for m in range(1, l + 1):
        unitary[l + m, [l - m, l + m]] = np.array([1, (-1) ** m]) / sqrt(2)
        unitary[l - m, [l - m, l + m]] = 1j * np.array([1, -((-1) ** m)]) / sqrt(2)
    unitary.setflags(write=False)
    return unitary


def _complex_table(l1: int, l2: int, l3: int) -> NDArray[np.float64]:
    table = np.zeros((2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1))
    for m1 in range(-l1, l1 + 1):
        for m2 in range(max(-l2, -l3 - m1), min(l2, l3 - m1) + 1):
            table[l1 + m1, l2 + m2, l3 + m1 + m2] = _coefficient(l1, m1, l2, m2, l3)
    return table


def _coefficient(l1: int, m1: int, l2: int, m2: int, l3: int) -> float:
    """<l1 m1 l2 m2 | l3 m1+m2>: Racah's sum in integers, then one square root (Varshalovich et al. 1988, 8.2.1)."""
    a, b, c = l1 + l2 - l3, l1 - l2 + l3, -l1 + l2 + l3
    m3 = m1 + m2
    terms = range(max(0, l1 - m1 - b, l2 + m2 - c), min(a, l1 - m1, l2 + m2) + 1)
    total = sum((-1) ** k * comb(a, k) * comb(b, l1 - m1 - k) * comb(c, l2 + m2 - k) for k in terms)
    square = (2 * l3 + 1) * total**2
    for l, m in ((l1, m1), (l2, m2), (l3, m3)):
        square *= factorial(l + m) * factorial(l - m)
    norm = factorial(l1 + l2 + l3 + 1) * factorial(a) * factorial(b) * factorial(c)
    return (1.0 if total > 0 else -1.0) * sqrt(Fraction(square, norm))
