"""One tree, two bases: irreducible Cartesian tensors give the scalars and tensors of the Clebsch-Gordan tree."""

import numpy as np
import pytest

from fusionmd.fusion.diagram import Diagram
from fusionmd.fusion.enumerate import Labelling, enumerate_labellings
from fusionmd.fusion.evaluate import BlockWeights, evaluate, evaluate_cartesian
from fusionmd.o3.cartesian import cartesian_basis
from fusionmd.o3.irreps import Irrep
from tests.fusion.oracle import in_basis

LEAVES = {"A": [Irrep(l, (-1) ** l) for l in range(3)], "h": [Irrep(1, 1), Irrep(1, -1)]}


@pytest.mark.parametrize("text", ["(A, A)", "((A, A)@3, A)@0", "((A, h)@2, (A, A)@2)@0", "((A, A), h)@2"])
def test_both_bases_agree(random_values, rng: np.random.Generator, text: str) -> None:
    diagram, x = Diagram.parse(text), random_values(LEAVES, n=2, n_channels=3)
    y = in_basis(x, "cartesian")
    labellings = enumerate_labellings(diagram, LEAVES)
    for k in rng.permutation(len(labellings))[:60]:
        labelling = labellings[k]
        spherical = evaluate(diagram, labelling, x)
        cartesian = evaluate_cartesian(diagram, labelling, y)
        if labelling.irrep.l == 0:
            np.testing.assert_allclose(cartesian, spherical, atol=1e-11)
        expected = np.einsum("tm,nmc->ntc", cartesian_basis(labelling.irrep.l), spherical)
        np.testing.assert_allclose(cartesian, expected, atol=1e-11)


def test_weights_act_on_channels_in_both(random_values, rng: np.random.Generator) -> None:
    diagram, labelling = Diagram.parse("((A, A), h)"), Labelling.parse("((1o, 2e)1o, 1o)0e")
    weights = BlockWeights(
        legs={((0,), Irrep(1, -1)): rng.standard_normal((3, 3)), ((1,), Irrep(1, -1)): rng.standard_normal((3, 3))},
        labellings={labelling: rng.standard_normal((2, 3))},
    )
    x, species = random_values(LEAVES), np.array([0, 1, 1, 0])
    spherical = evaluate(diagram, labelling, x, weights, species=species)
    cartesian = evaluate_cartesian(diagram, labelling, in_basis(x, "cartesian"), weights, species=species)
    np.testing.assert_allclose(cartesian, spherical, atol=1e-12)


def test_index_algebra_by_hand(rng: np.random.Generator) -> None:
    """(a, b)2 is the symmetric traceless part of a_i b_j; ((a, b)2, c)1 is a multiple of its contraction with c."""
    a, b, c = rng.standard_normal((3, 1, 3, 1))
    x = {name: {Irrep(1, -1): v} for name, v in zip("abc", (a, b, c), strict=True)}
    outer = a[0] @ b[0].T
    traceless = (outer + outer.T) / 2 - np.trace(outer) / 3 * np.eye(3)
    pair = evaluate_cartesian(Diagram.parse("(a, b)"), Labelling.parse("(1o, 1o)2e"), x)
    np.testing.assert_allclose(pair.reshape(3, 3), traceless, atol=1e-12)
    triple = evaluate_cartesian(Diagram.parse("((a, b), c)"), Labelling.parse("((1o, 1o)2e, 1o)1o"), x).ravel()
    by_hand = -np.sqrt(3 / 5) * traceless @ c[0, :, 0]  # C(2, 1, 1) contracts with a minus sign and norm sqrt(3/5)
    np.testing.assert_allclose(triple, by_hand, atol=1e-12)
