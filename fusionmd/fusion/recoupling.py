"""Recoupling: one tree of couplings written as a sum over another tree of the same leaves.

Two moves connect all trees. With T the complex-phase coupling tensors (Edmonds (1957), eq. 6.1.5):

    F-move  ((1 2)l12 3)L = sum_{l23} (-1)^{l1+l2+l3+L} sqrt((2 l12+1)(2 l23+1)) {l1 l2 l12; l3 L l23} (1 (2 3)l23)L
    R-move  (1 2)L = (-1)^{l1+l2+L} (2 1)L

Our real tables are C = i^{(l1+l2+l3) mod 2} T (see `fusionmd.o3.clebsch_gordan`), so a tree with n_odd odd vertices
carries the phase i^n_odd, and the F-move between real trees gains i^(n_odd(left) - n_odd(right)). Both numbers have the
parity of l1+l2+l3+L, so this is a sign: for l1 = l2 = l3 = L = 1 it is -1 where just one of l12, l23 is 1.

    >>> left = Labelling.parse("((1o, 1o)1e, 1o)0o")
    >>> to_right(left)
    {(1o, (1o, 1o)1e)0o: 1.0}
"""

from __future__ import annotations

from functools import cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from fusionmd.errors import DiagramError
from fusionmd.fusion.diagram import Diagram, Truncation, Vertex
from fusionmd.fusion.enumerate import Labelling
from fusionmd.o3.irreps import Irrep
from fusionmd.o3.sixj import wigner_6j


@cache
def f_coefficient(l1: int, l2: int, l3: int, l12: int, l23: int, L: int) -> float:
    """Coefficient of (1 (2 3)l23)L in ((1 2)l12 3)L, both built from the real tables."""
    n_odd_left = (l1 + l2 + l12) % 2 + (l12 + l3 + L) % 2
    n_odd_right = (l2 + l3 + l23) % 2 + (l1 + l23 + L) % 2
    phase = (-1) ** ((n_odd_left - n_odd_right) // 2 + l1 + l2 + l3 + L)
    return phase * sqrt((2 * l12 + 1) * (2 * l23 + 1)) * wigner_6j(l1, l2, l12, l3, L, l23)


def f_matrix(l1: int, l2: int, l3: int, L: int) -> tuple[list[int], list[int], NDArray[np.float64]]:
    """All l12, all l23, and the orthogonal matrix [n_l12, n_l23] of the F-move."""
    l12s = [l for l in range(abs(l1 - l2), l1 + l2 + 1) if abs(l - l3) <= L <= l + l3]
    l23s = [l for l in range(abs(l2 - l3), l2 + l3 + 1) if abs(l - l1) <= L <= l + l1]
    matrix = np.array([[f_coefficient(l1, l2, l3, l12, l23, L) for l23 in l23s] for l12 in l12s])
    return l12s, l23s, matrix.reshape(len(l12s), len(l23s))


def to_right(labelling: Labelling) -> dict[Labelling, float]:
    """((a, b), c) at the root as a sum over (a, (b, c)); the inner lines of the new tree must be untruncated."""
    (a, b), c = _vertex(labelling.children[0]), labelling.children[1]
    inner, out = labelling.children[0].irrep, labelling.irrep
    return {
        Labelling(out, (a, Labelling(irrep, (b, c)))): f_coefficient(
            a.irrep.l, b.irrep.l, c.irrep.l, inner.l, irrep.l, out.l
        )
        for irrep in _between(b.irrep, c.irrep, a.irrep, out)
    }


def to_left(labelling: Labelling) -> dict[Labelling, float]:
    """(a, (b, c)) at the root as a sum over ((a, b), c): the transpose of `to_right`."""
    a, (b, c) = labelling.children[0], _vertex(labelling.children[1])
    inner, out = labelling.children[1].irrep, labelling.irrep
    return {
        Labelling(out, (Labelling(irrep, (a, b)), c)): f_coefficient(
            a.irrep.l, b.irrep.l, c.irrep.l, irrep.l, inner.l, out.l
        )
        for irrep in _between(a.irrep, b.irrep, c.irrep, out)
    }


def swapped(labelling: Labelling) -> tuple[Labelling, int]:
    """R-move at the root: (a, b) as sign * (b, a)."""
    a, b = _vertex(labelling)
    return Labelling(labelling.irrep, (b, a)), (-1) ** (a.irrep.l + b.irrep.l + labelling.irrep.l)


def right_tree(diagram: Diagram) -> Diagram:
    """The tree of `to_right`: ((a, b), c) becomes (a, (b, c)), with the new inner line untruncated."""
    if not (isinstance(diagram, Vertex) and isinstance(diagram.left, Vertex)):
        raise DiagramError(f"{diagram} cannot be rotated to the right; the form ((a, b), c) is needed")
    if diagram.left.truncation != Truncation():
        raise DiagramError(f"the inner line {diagram.left} is truncated; recoupling needs untruncated inner lines")
    a, b, c = diagram.left.left, diagram.left.right, diagram.right
    return Vertex(a, Vertex(b, c), diagram.truncation)


def _vertex(labelling: Labelling) -> tuple[Labelling, Labelling]:
    if not labelling.children:
        raise DiagramError(f"a move needs a vertex where {labelling} is a leaf")
    left, right = labelling.children
    return left, right


def _between(left: Irrep, right: Irrep, other: Irrep, out: Irrep) -> list[Irrep]:
    """Irreps of left (x) right that couple with `other` to `out`."""
    return [irrep for irrep in left.product(right) if out in irrep.product(other)]
