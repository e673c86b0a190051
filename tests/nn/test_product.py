"""Node diagrams with legs of the message and of the centre: against the oracle, with the weights of each species."""

import numpy as np
import pytest
import torch

from fusionmd.fusion.diagram import Diagram
from fusionmd.fusion.evaluate import evaluate
from fusionmd.fusion.plan import plan_of
from fusionmd.nn.leaves import LeafLine
from fusionmd.nn.product import Product
from fusionmd.o3.irreps import Irrep
from tests.fusion.oracle import full_labelling

N, C = 4, 3
CARRIED = {
    "A": [Irrep(0, 1), Irrep(2, 1), Irrep(1, -1), Irrep(3, -1)],
    "h_i": [Irrep(0, 1), Irrep(1, 1), Irrep(1, -1)],
}
TARGET = [Irrep(0, 1), Irrep(1, -1)]


@pytest.mark.parametrize("text", ["(A, h_i)", "((A@2, A)@2, h_i@0)", "(h_i, (A, h_i@1)@1)", "h_i", "A@1", "(A, A@1)"])
def test_a_product_is_the_weighted_sum_of_its_labellings(text: str) -> None:
    rng, diagram = np.random.default_rng(0), Diagram.parse(text)
    torch.manual_seed(0)
    values = {name: {i: rng.standard_normal((N, i.dim, C)) for i in irreps} for name, irreps in CARRIED.items()}
    plan = plan_of(text, CARRIED, TARGET, resolved=True)
    module = Product(plan, CARRIED, TARGET, C, 2, mixing=False).double()
    species = torch.tensor([0, 1, 1, 0])
    tensors = [torch.from_numpy(np.concatenate(list(x.values()), axis=1)) for x in values.values()]
    found = module(tensors, species).detach().numpy()
    n_paths = len(plan.steps[-1].paths) if plan.steps else len(plan.lines[0].irreps)
    labellings = [full_labelling(plan, plan.outputs[0], k) for k in range(n_paths)]
    expected = []
    for k, irrep in enumerate(TARGET):
        terms = np.stack([evaluate(diagram, x, values) for x in labellings if x.irrep == irrep], axis=2)
        expected.append((terms * module.weights[k].detach().numpy()[species]).sum(axis=2))
    np.testing.assert_allclose(found, np.concatenate(expected, axis=1), atol=1e-12)


def test_a_leaf_takes_what_its_truncation_allows_in_the_order_of_its_line() -> None:
    line = plan_of("A@2", CARRIED).lines[0]
    assert line.irreps == (Irrep(0, 1), Irrep(2, 1), Irrep(1, -1))
    x = torch.arange(16.0).view(1, 16, 1)
    by_l = LeafLine(line, sorted(CARRIED["A"]))
    assert by_l(x).flatten().tolist() == [0, 4, 5, 6, 7, 8, 1, 2, 3]
    whole = LeafLine(line, line.irreps)
    assert whole(x) is x
