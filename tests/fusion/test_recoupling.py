"""Law 3: left and right trees span one space, related by 6j symbols, odd vertices and their phase included."""

from itertools import product

import numpy as np
import pytest

from fusionmd.errors import DiagramError
from fusionmd.fusion.diagram import Diagram
from fusionmd.fusion.enumerate import Labelling, enumerate_labellings
from fusionmd.fusion.evaluate import evaluate
from fusionmd.fusion.recoupling import f_coefficient, f_matrix, right_tree, swapped, to_left, to_right
from fusionmd.o3.irreps import Irrep

LEFT = Diagram.parse("((a, b), c)")
RIGHT = Diagram.parse("(a, (b, c))")


def leaf_irreps(*ls: int, parities: tuple[int, int, int] = (1, 1, 1)) -> dict[str, list[Irrep]]:
    return {name: [Irrep(l, p)] for name, l, p in zip("abc", ls, parities, strict=True)}


@pytest.mark.parametrize("ls", [*product(range(3), repeat=3), (3, 3, 3), (3, 2, 4)])
def test_f_move_of_tensors(random_values, ls: tuple[int, int, int]) -> None:
    """Tensor by tensor: a labelling of the left tree equals its sum over the right tree, and the other way round."""
    leaves = leaf_irreps(*ls, parities=(1, -1, -1))
    x = random_values(leaves, n=2, n_channels=2)
    for labelling in enumerate_labellings(LEFT, leaves):
        moved = sum(c * evaluate(RIGHT, right, x) for right, c in to_right(labelling).items())
        np.testing.assert_allclose(moved, evaluate(LEFT, labelling, x), atol=1e-12)
    for labelling in enumerate_labellings(RIGHT, leaves):
        moved = sum(c * evaluate(LEFT, left, x) for left, c in to_left(labelling).items())
        np.testing.assert_allclose(moved, evaluate(RIGHT, labelling, x), atol=1e-12)


def test_both_trees_span_the_same_space(random_values) -> None:
    leaves = leaf_irreps(1, 2, 2)
    x = random_values(leaves, n=1, n_channels=40)
    columns = [
        np.stack([evaluate(tree, k, x).ravel() for k in enumerate_labellings(tree, leaves, [Irrep(2, 1)])], axis=1)
        for tree in (LEFT, RIGHT)
    ]
    ranks = [np.linalg.matrix_rank(c) for c in (*columns, np.concatenate(columns, axis=1))]
    assert ranks == [columns[0].shape[1]] * 3


@pytest.mark.parametrize(("l1", "l2", "l3", "L"), [(1, 1, 1, 1), (2, 1, 3, 2), (2, 2, 2, 3), (3, 3, 3, 0)])
def test_f_matrix_is_orthogonal(l1: int, l2: int, l3: int, L: int) -> None:
    _, _, matrix = f_matrix(l1, l2, l3, L)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-12)


def test_vector_triple_products() -> None:
    """l12, l23 in {0, 1} at l = 1: overlaps of (a.b)c, (a x b) x c with a(b.c), a x (b x c), by index counting.

    The real tables are -delta/sqrt 3 and +epsilon/sqrt 2, so for example the overlap for l12 = l23 = 1 is
    1/3 * 1/4 * <b(a.c) - a(b.c), b(a.c) - c(a.b)> = 1/12 (9 - 3 - 3 + 3) = 1/2.
    """
    np.testing.assert_allclose(f_matrix(1, 1, 1, 1)[2][:2, :2], [[1 / 3, 3**-0.5], [3**-0.5, 1 / 2]], atol=1e-12)


def test_the_phase_of_odd_vertices_matters(random_values) -> None:
    """Without i^(n_odd left - n_odd right) the identity fails where an inner line of odd vertices meets an even one."""
    leaves = leaf_irreps(1, 1, 1)
    x = random_values(leaves)
    labelling = Labelling.parse("((1e, 1e)1e, 1e)1e")
    terms = to_right(labelling)
    wrong = {right: c * (-1) ** ((labelling.n_odd_vertices - right.n_odd_vertices) // 2) for right, c in terms.items()}
    assert [right.n_odd_vertices for right in terms] == [0, 2, 0] and labelling.n_odd_vertices == 2
    y, good, bad = (
        evaluate(LEFT, labelling, x),
        *(sum(c * evaluate(RIGHT, k, x) for k, c in t.items()) for t in (terms, wrong)),
    )
    assert np.abs(y - good).max() < 1e-12 < 0.1 < np.abs(y - bad).max()


def test_scalar_triple_product_is_cyclic() -> None:
    assert f_coefficient(1, 1, 1, 1, 1, 0) == pytest.approx(1.0)


def test_r_move(random_values) -> None:
    leaves = {"a": [Irrep(1, -1), Irrep(2, 1)], "b": [Irrep(1, 1), Irrep(2, 1)]}
    x = random_values(leaves)
    for labelling in enumerate_labellings(Diagram.parse("(a, b)"), leaves):
        other, sign = swapped(labelling)
        np.testing.assert_allclose(
            sign * evaluate(Diagram.parse("(b, a)"), other, x),
            evaluate(Diagram.parse("(a, b)"), labelling, x),
            atol=1e-12,
        )


def test_moves_inside_a_larger_tree(random_values) -> None:
    """((a, b), (c, a)) is also a left tree of three: a = a, b = b, c = (c, a)."""
    leaves = leaf_irreps(1, 1, 2, parities=(-1, 1, 1))
    x = random_values(leaves)
    tree = Diagram.parse("((a, b)@2, (c, a)@1)")
    with pytest.raises(DiagramError, match="is truncated"):
        right_tree(tree)
    tree = Diagram.parse("((a, b), (c, a)@1)@3")
    assert str(right_tree(tree)) == "(a, (b, (c, a)@1))@3"
    for labelling in enumerate_labellings(tree, leaves, [Irrep(1, 1)]):
        moved = sum(c * evaluate(right_tree(tree), right, x) for right, c in to_right(labelling).items())
        np.testing.assert_allclose(moved, evaluate(tree, labelling, x), atol=1e-12)


def test_what_cannot_move_says_so() -> None:
    with pytest.raises(DiagramError, match="needs a vertex where 1o is a leaf"):
        to_right(Labelling.parse("(1o, 1o)0e"))
    with pytest.raises(DiagramError, match=r"the form \(\(a, b\), c\) is needed"):
        right_tree(Diagram.parse("(a, (b, c))"))
