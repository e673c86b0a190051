from itertools import product

import numpy as np
import pytest

from fusionmd.errors import IrrepsError
from fusionmd.o3 import clebsch_gordan, wigner_6j


def test_against_sympy():
    sympy_6j = pytest.importorskip("sympy.physics.wigner").wigner_6j
    arguments = [j for j in product(range(3), repeat=6) if wigner_6j(*j) != 0.0]
    assert len(arguments) > 100
    for j in [*arguments, (3, 4, 5, 2, 3, 4), (6, 6, 6, 6, 6, 6)]:
        assert wigner_6j(*j) == pytest.approx(float(sympy_6j(*j)), abs=1e-15)


@pytest.mark.parametrize("j", [(1, 1, 1, 2), (2, 1, 2, 1), (2, 3, 1, 3), (4, 3, 3, 2)], ids=str)
def test_orthogonality(j):
    """sum_x (2x+1) (2y+1) {a b x; c d y} {a b x; c d z} = delta_yz where (a d y), (b c y) are triangles."""
    a, b, c, d = j
    inner = [y for y in range(12) if abs(a - d) <= y <= a + d and abs(b - c) <= y <= b + c]
    symbols = np.array([[wigner_6j(a, b, x, c, d, y) for y in inner] for x in range(12)])
    weights = 2 * np.arange(12) + 1
    gram = (symbols * weights[:, None]).T @ symbols * (2 * np.array(inner) + 1)
    np.testing.assert_allclose(gram, np.eye(len(inner)), atol=1e-14)


def test_symmetries():
    for j1, j2, j3, j4, j5, j6 in [(1, 2, 3, 2, 3, 1), (2, 2, 2, 1, 3, 2), (4, 3, 2, 1, 2, 3)]:
        value = wigner_6j(j1, j2, j3, j4, j5, j6)
        assert value == pytest.approx(wigner_6j(j3, j1, j2, j6, j4, j5), abs=1e-15)
        assert value == pytest.approx(wigner_6j(j4, j5, j3, j1, j2, j6), abs=1e-15)


def test_zero_without_triangles():
    assert wigner_6j(1, 1, 3, 1, 1, 1) == 0.0
    assert wigner_6j(1, 1, 1, 1, 1, 3) == 0.0
    with pytest.raises(IrrepsError, match="negative"):
        wigner_6j(1, 1, -1, 1, 1, 1)


@pytest.mark.parametrize("leaves", [(1, 1, 1, 1), (1, 1, 1, 0), (1, 2, 1, 2), (2, 1, 2, 3), (2, 2, 2, 1)], ids=str)
def test_relates_the_two_trees_of_three_leaves(leaves):
    """The formula of the module docstring on our real tables, with i for every odd vertex."""
    l1, l2, l3, total = leaves
    n_recoupled = 0
    for l12 in range(abs(l1 - l2), l1 + l2 + 1):
        if not abs(l12 - l3) <= total <= l12 + l3:
            continue
        left = np.einsum("abx,xcd->abcd", _phased(l1, l2, l12), _phased(l12, l3, total))
        right = np.zeros_like(left)
        for l23 in range(abs(l2 - l3), l2 + l3 + 1):
            if abs(l1 - l23) <= total <= l1 + l23:
                weight = (-1) ** (l1 + l2 + l3 + total) * np.sqrt((2 * l12 + 1) * (2 * l23 + 1))
                weight *= wigner_6j(l1, l2, l12, l3, total, l23)
                right += weight * np.einsum("bcx,axd->abcd", _phased(l2, l3, l23), _phased(l1, l23, total))
        np.testing.assert_allclose(left, right, atol=1e-14)
        n_recoupled += 1
    assert n_recoupled > 0


def _phased(l1, l2, l3):
    """The tensor T of the docstring of `clebsch_gordan`: C = i T for odd vertices."""
    return clebsch_gordan(l1, l2, l3) * (-1j) ** ((l1 + l2 + l3) % 2)
