"""Wigner 6j symbols of integer angular momenta, exact until the one square root.

They relate the two ways of coupling three irreps (with Clebsch-Gordan coefficients of the complex basis):
|((l1 l2) l12, l3) L> = sum_l23 F |(l1, (l2 l3) l23) L>,
F = (-1)^(l1+l2+l3+L) sqrt((2 l12+1)(2 l23+1)) {l1 l2 l12; l3 L l23}  (Edmonds 1957, 6.1.5 and 6.2.2).
In the real basis of `clebsch_gordan` each vertex with l1+l2+l3 odd adds a factor i to its side.

>>> round(wigner_6j(1, 1, 1, 1, 1, 1) * 6, 12)
1.0
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import factorial, sqrt

from fusionmd.errors import IrrepsError


@cache
def wigner_6j(j1: int, j2: int, j3: int, j4: int, j5: int, j6: int) -> float:
    """{j1 j2 j3; j4 j5 j6}; zero unless (123), (156), (426), (453) are triangles. Racah, Phys. Rev. 62, 438 (1942)."""
    if min(j1, j2, j3, j4, j5, j6) < 0:
        raise IrrepsError(f"got negative angular momenta in {(j1, j2, j3, j4, j5, j6)}; 6j symbols need integers >= 0")
    triangles = ((j1, j2, j3), (j1, j5, j6), (j4, j2, j6), (j4, j5, j3))
    if not all(abs(a - b) <= c <= a + b for a, b, c in triangles):
        return 0.0
    total = _racah_sum(
        [sum(triangle) for triangle in triangles], [j1 + j2 + j4 + j5, j2 + j3 + j5 + j6, j3 + j1 + j6 + j4]
    )
    square = total * total
    for triangle in triangles:
        square *= _triangle_coefficient(*triangle)
    return (1.0 if total > 0 else -1.0) * sqrt(square)


def _racah_sum(triangles: list[int], quadrangles: list[int]) -> Fraction:
    total = Fraction(0)
    for t in range(max(triangles), min(quadrangles) + 1):
        denominator = 1
        for lower in triangles:
            denominator *= factorial(t - lower)
        for upper in quadrangles:
            denominator *= factorial(upper - t)
        total += Fraction((-1) ** t * factorial(t + 1), denominator)
    return total


def _triangle_coefficient(a: int, b: int, c: int) -> Fraction:
    return Fraction(factorial(a + b - c) * factorial(a - b + c) * factorial(-a + b + c), factorial(a + b + c + 1))
