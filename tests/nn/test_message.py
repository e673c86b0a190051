"""Aggregate first, couple after: the sum over neighbours is that of the edge diagram evaluated edge by edge."""

import numpy as np
import pytest
import torch

from fusionmd.fusion.diagram import Diagram
from fusionmd.fusion.enumerate import enumerate_labellings
from fusionmd.fusion.evaluate import evaluate
from fusionmd.fusion.plan import plan_of
from fusionmd.nn.message import NeighborSum
from fusionmd.o3.irreps import Irrep

N, DEGREE, N_CHANNELS, L_MAX = 3, 4, 2, 3
Y = [Irrep(l, (-1) ** l) for l in range(L_MAX + 1)]


@pytest.mark.parametrize("reduced", [False, True])
@pytest.mark.parametrize(
    ("text", "hidden"), [("(Y, h_j)@2+", "0e 1o"), ("(Y@2, h_j)@2", "0e 1e 1o"), ("(Y, h_j@0)", "0e 1o")]
)
def test_every_radial_weight_scales_the_paths_of_the_oracle(text: str, hidden: str, reduced: bool) -> None:
    """One weight at a time: it drives one labelling (reduced: those of one (l1, l2)), and each labelling has one."""
    rng = np.random.default_rng(1)
    leaves = {"Y": Y, "h_j": [Irrep.parse(name) for name in hidden.split()]}
    plan = plan_of(text, leaves)
    features = {irrep: rng.standard_normal((N * DEGREE, irrep.dim, N_CHANNELS)) for irrep in leaves["h_j"]}
    harmonics = {irrep: rng.standard_normal((N * DEGREE, irrep.dim, 1)) for irrep in Y}
    values = {"h_j": features, "Y": {irrep: np.repeat(y, N_CHANNELS, axis=2) for irrep, y in harmonics.items()}}
    diagram = Diagram.parse(text)
    labellings = enumerate_labellings(diagram, leaves)
    summed = {x: evaluate(diagram, x, values).reshape(N, DEGREE, -1, N_CHANNELS).sum(1) for x in labellings}

    module = NeighborSum(plan, mean_degree=9.0, reduced=reduced).double()
    flat_y = np.concatenate([harmonics[irrep][..., 0] for irrep in Y], axis=1).reshape(N, DEGREE, -1)
    flat_h = np.concatenate([features[irrep] for irrep in plan.lines[plan.steps[0].right].irreps], axis=1)
    outs = plan.lines[plan.steps[0].out].distinct
    driven = []
    for k in range(module.n_weights):
        weights = np.zeros((N * DEGREE, module.n_weights, N_CHANNELS))
        weights[:, k] = 1.0
        arguments = (torch.from_numpy(x) for x in (flat_y, weights.reshape(N * DEGREE, -1), flat_h))
        found = [
            3.0 * y.numpy().reshape(N, out.dim, -1, N_CHANNELS) for out, y in zip(outs, module(*arguments), strict=True)
        ]
        active = [
            (out, y[:, :, p]) for out, y in zip(outs, found, strict=True) for p in range(y.shape[2]) if y[:, :, p].any()
        ]
        hits = [
            [x for x in labellings if x.irrep == out and np.allclose(summed[x], y, atol=1e-12)] for out, y in active
        ]
        assert hits and all(len(hit) == 1 for hit in hits)
        assert len({hit[0].leaves for hit in hits}) == 1 and (reduced or len(hits) == 1)
        driven += [hit[0] for hit in hits]
    assert sorted(map(str, driven)) == sorted(map(str, labellings))
