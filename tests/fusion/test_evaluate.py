"""The oracle against formulas written out by hand: vector algebra, explicit loops, and weights in their places."""

import numpy as np
import pytest

from fusionmd.errors import DiagramError
from fusionmd.fusion.diagram import Diagram
from fusionmd.fusion.enumerate import Labelling, enumerate_labellings
from fusionmd.fusion.evaluate import BlockWeights, evaluate, evaluate_block
from fusionmd.o3.clebsch_gordan import clebsch_gordan
from fusionmd.o3.irreps import Irrep

V = Irrep(1, -1)
YZX = [1, 2, 0]  # component order of l = 1


def values_of(**vectors: np.ndarray) -> dict[str, dict[Irrep, np.ndarray]]:
    """Cartesian vectors [n, 3, C] as l = 1 tensors."""
    return {name: {V: vector[:, YZX]} for name, vector in vectors.items()}


def test_vector_algebra(rng: np.random.Generator) -> None:
    a, b, c = rng.standard_normal((3, 5, 3, 2))
    x = values_of(a=a, b=b, c=c)
    dot = evaluate(Diagram.parse("(a, b)"), Labelling.parse("(1o, 1o)0e"), x)
    cross = evaluate(Diagram.parse("(a, b)"), Labelling.parse("(1o, 1o)1e"), x)
    triple = evaluate(Diagram.parse("((a, b), c)"), Labelling.parse("((1o, 1o)1e, 1o)0o"), x)
    np.testing.assert_allclose(dot[:, 0] * -np.sqrt(3), (a * b).sum(1), atol=1e-12)
    np.testing.assert_allclose(cross * np.sqrt(2), np.cross(a, b, axis=1)[:, YZX], atol=1e-12)
    np.testing.assert_allclose(triple[:, 0] * -np.sqrt(6), (np.cross(a, b, axis=1) * c).sum(1), atol=1e-12)


def test_weights_sit_where_the_equation_says(rng: np.random.Generator) -> None:
    """y = W_out ( w * W_int ( v * (W_1 x1 (x) W_2 x2) ) (x) W_3 x3 ), spelled out with loops over channels."""
    diagram, labelling = Diagram.parse("((A, B), A)"), Labelling.parse("((1o, 2e)2o, 1o)1e")
    n, species = 3, np.array([1, 0, 1])
    x = {"A": {V: rng.standard_normal((n, 3, 2))}, "B": {Irrep(2, 1): rng.standard_normal((n, 5, 2))}}
    w1, w2, w3, w_int, w_out = (rng.standard_normal((2, 2)) for _ in range(5))
    v, w = rng.standard_normal(2), rng.standard_normal((2, 2))
    d = Irrep(2, -1)
    weights = BlockWeights(
        legs={((0, 0), V): w1, ((0, 1), Irrep(2, 1)): w2, ((1,), V): w3, ((0,), d): w_int, ((), Irrep(1, 1)): w_out},
        vertices={((0,), (V, Irrep(2, 1), d)): v},
        labellings={labelling: w},
    )
    inner, outer = clebsch_gordan(1, 2, 2), clebsch_gordan(2, 1, 1)
    expected = np.zeros((n, 3, 2))
    for k in range(n):
        x1, x2, x3 = x["A"][V][k] @ w1, x["B"][Irrep(2, 1)][k] @ w2, x["A"][V][k] @ w3
        pair = np.array([[x1[:, c] @ inner[:, :, m] @ x2[:, c] * v[c] for c in range(2)] for m in range(5)]) @ w_int
        y = np.array([[pair[:, c] @ outer[:, :, m] @ x3[:, c] * w[species[k], c] for c in range(2)] for m in range(3)])
        expected[k] = y @ w_out
    np.testing.assert_allclose(evaluate(diagram, labelling, x, weights, species=species), expected, atol=1e-12)


def test_a_matrix_after_a_vertex_may_change_the_number_of_channels(rng: np.random.Generator) -> None:
    x = {"A": {V: rng.standard_normal((2, 3, 4))}}
    diagram, labelling = Diagram.parse("(A, A)"), Labelling.parse("(1o, 1o)2e")
    matrix = rng.standard_normal((4, 7))
    coupled = (V, V, Irrep(2, 1))
    found = evaluate(diagram, labelling, x, BlockWeights(vertices={((), coupled): matrix}))
    np.testing.assert_allclose(found, evaluate(diagram, labelling, x) @ matrix, atol=1e-12)


def test_block_is_the_sum_over_labellings(random_values, rng: np.random.Generator) -> None:
    leaf_irreps = {"A": [Irrep(0, 1), V, Irrep(2, 1)]}
    diagram, x = Diagram.parse("((A, A)@2, A)@1"), random_values(leaf_irreps)
    labellings = enumerate_labellings(diagram, leaf_irreps)
    path_weights = {labelling: rng.standard_normal(3) for labelling in labellings}
    block = evaluate_block(diagram, labellings, x, BlockWeights(labellings=path_weights))
    for irrep, y in block.items():
        terms = [evaluate(diagram, k, x) * path_weights[k] for k in labellings if k.irrep == irrep]
        np.testing.assert_allclose(y, sum(terms), atol=1e-12)
    assert set(block) == {labelling.irrep for labelling in labellings} and evaluate_block(diagram, [], x) == {}


@pytest.mark.parametrize("n", [0, 1])
def test_few_rows(random_values, n: int) -> None:
    x = random_values({"A": [V]}, n=n)
    assert evaluate(Diagram.parse("(A, A)"), Labelling.parse("(1o, 1o)2e"), x).shape == (n, 5, 3)


def test_rows_are_independent(random_values, rng: np.random.Generator) -> None:
    """Permuting atoms (or edges) permutes the result."""
    x = random_values({"A": [V, Irrep(2, 1)]}, n=6)
    order = rng.permutation(6)
    shuffled = {"A": {irrep: value[order] for irrep, value in x["A"].items()}}
    diagram, labelling = Diagram.parse("((A, A), A)"), Labelling.parse("((1o, 2e)3o, 2e)1o")
    np.testing.assert_array_equal(evaluate(diagram, labelling, shuffled), evaluate(diagram, labelling, x)[order])


def test_wrong_input_is_explained(random_values) -> None:
    x = random_values({"A": [V]})
    with pytest.raises(DiagramError, match=r"needs values for irrep 2e; given: \{'A': \['1o'\]\}"):
        evaluate(Diagram.parse("(A, A)"), Labelling.parse("(2e, 1o)1o"), x)
    for misfit in ("1o", "(1o, 1o)3e", "(1o, 1o)2e", "((1o, 1o)1e, 1o)1o"):
        with pytest.raises(DiagramError, match="does not fit diagram"):
            evaluate(Diagram.parse("(A, A)@1"), Labelling.parse(misfit), x)
    labelling = Labelling.parse("(1o, 1o)0e")
    with pytest.raises(DiagramError, match="give species"):
        evaluate(Diagram.parse("(A, A)"), labelling, x, BlockWeights(labellings={labelling: np.ones((2, 3))}))
    with pytest.raises(DiagramError, match="goes on after"):
        Labelling.parse("(1o, 1o)0e 1o")
    with pytest.raises(DiagramError, match="wanted '\\)'"):
        Labelling.parse("(1o, 1o, 1o)0e")
