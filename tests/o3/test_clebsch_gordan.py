import subprocess
import sys
from itertools import product

import numpy as np
import pytest

from fusionmd.errors import IrrepsError
from fusionmd.o3 import clebsch_gordan, complex_to_real, random_rotation, wigner_d

L_MAX = 4
TRIPLES = [
    (l1, l2, l3) for l1, l2 in product(range(L_MAX + 1), repeat=2) for l3 in range(abs(l1 - l2), min(l1 + l2, 6) + 1)
]
SMALL = [triple for triple in TRIPLES if max(triple) <= 2] + [(3, 3, 3), (2, 3, 4)]


@pytest.mark.parametrize("triple", SMALL, ids=str)
def test_against_sympy(triple):
    """The complex coefficients of sympy, brought to the real basis by the phase that the module states."""
    sympy_cg = pytest.importorskip("sympy.physics.wigner").clebsch_gordan
    table = np.zeros([2 * l + 1 for l in triple])
    for index in np.ndindex(table.shape):
        m = np.subtract(index, triple).tolist()
        if m[0] + m[1] == m[2]:
            table[index] = float(sympy_cg(*triple, *m))
    u1, u2, u3 = (complex_to_real(l) for l in triple)
    tensor = np.einsum("am,bn,co,mno->abc", u1, u2, u3.conj(), table) * 1j ** (sum(triple) % 2)
    np.testing.assert_allclose(tensor.imag, 0, atol=1e-14)
    np.testing.assert_allclose(clebsch_gordan(*triple), tensor.real, atol=1e-14)


@pytest.mark.parametrize("l1", range(L_MAX + 1))
def test_against_e3nn_up_to_sign(l1):
    o3 = pytest.importorskip("e3nn.o3")
    for triple in [t for t in TRIPLES if t[0] == l1]:
        ours = clebsch_gordan(*triple) / np.sqrt(2 * triple[2] + 1)
        theirs = o3.wigner_3j(*triple).double().numpy()
        sign = np.sign(np.sum(ours * theirs))
        np.testing.assert_allclose(sign * ours, theirs, atol=1e-6)  # its tables may be float32


@pytest.mark.parametrize("l1", range(L_MAX + 1))
def test_equivariance_under_rotations(l1):
    rotation = random_rotation(np.random.default_rng(l1))
    for triple in [t for t in TRIPLES if t[0] == l1]:
        d1, d2, d3 = (wigner_d(l, rotation) for l in triple)
        turned = np.einsum("am,bn,co,mno->abc", d1, d2, d3, clebsch_gordan(*triple), optimize=True)
        np.testing.assert_allclose(turned, clebsch_gordan(*triple), atol=1e-13)


@pytest.mark.parametrize(("l1", "l2"), list(product(range(L_MAX + 1), repeat=2)))
def test_all_tables_of_a_pair_form_an_orthogonal_matrix(l1, l2):
    """Orthonormality within and between l3, and completeness, in one statement."""
    n = (2 * l1 + 1) * (2 * l2 + 1)
    matrix = np.concatenate(
        [clebsch_gordan(l1, l2, l3).reshape(n, -1) for l3 in range(abs(l1 - l2), l1 + l2 + 1)], axis=1
    )
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(n), atol=1e-13)


@pytest.mark.parametrize("triple", TRIPLES, ids=str)
def test_written_symmetries(triple):
    l1, l2, l3 = triple
    table = clebsch_gordan(l1, l2, l3)
    swapped = clebsch_gordan(l2, l1, l3).transpose(1, 0, 2)
    np.testing.assert_allclose(swapped, (-1) ** (l1 + l2 + l3) * table, atol=1e-14)
    cycled = clebsch_gordan(l2, l3, l1).transpose(2, 0, 1)
    factor = (-1) ** (l1 + l3) * np.sqrt((2 * l1 + 1) / (2 * l3 + 1))
    np.testing.assert_allclose(cycled, factor * table, atol=1e-14)


def test_written_phase():
    """C(1,1,1) is + epsilon / sqrt 2, C(0,l,l) the identity, C(1,1,0) minus the dot product / sqrt 3."""
    a, b = np.random.default_rng(0).normal(size=(2, 3))
    yzx = [1, 2, 0]
    cross = np.einsum("a,b,abc->c", a[yzx], b[yzx], clebsch_gordan(1, 1, 1))
    np.testing.assert_allclose(cross, np.cross(a, b)[yzx] / np.sqrt(2), atol=1e-15)
    np.testing.assert_allclose(clebsch_gordan(0, 4, 4)[0], np.eye(9), atol=1e-15)
    np.testing.assert_allclose(clebsch_gordan(1, 1, 0)[:, :, 0], -np.eye(3) / np.sqrt(3), atol=1e-15)


def test_large_l_stays_exact():
    table = clebsch_gordan(9, 8, 10)
    np.testing.assert_allclose(np.einsum("abc,abd->cd", table, table), np.eye(21), atol=1e-13)


@pytest.mark.parametrize("triple", [(1, 1, 3), (2, 0, 1), (-1, 1, 1)])
def test_a_triple_that_is_no_triangle_is_refused(triple):
    with pytest.raises(IrrepsError, match="is needed"):
        clebsch_gordan(*triple)


def test_cached_tables_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        clebsch_gordan(1, 1, 2)[0, 0, 0] = 1.0


def test_tables_are_had_without_torch():
    code = "import fusionmd.o3.clebsch_gordan, fusionmd.o3, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
