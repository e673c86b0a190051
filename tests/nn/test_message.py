"""Aggregate first, couple after: the sum over neighbours is that of the edge diagram evaluated edge by edge."""

import numpy as np
import pytest
import torch

from fusionmd.fusion.diagram import Diagram
from fusionmd.fusion.enumerate import enumerate_labellings
from fusionmd.fusion.plan import plan_of
from fusionmd.nn.message import NeighborSum
from fusionmd.o3.irreps import Irrep
from tests.fusion.oracle import ORACLES, in_basis

N, DEGREE, N_CHANNELS, L_MAX = 3, 4, 2, 3
Y = [Irrep(l, (-1) ** l) for l in range(L_MAX + 1)]


@pytest.mark.parametrize("reduced", [False, True])
@pytest.mark.parametrize(
    ("text", "hidden", "basis"),
    [
        ("(Y, h_j)@2+", "0e 1o", "spherical"),
        ("(Y@2, h_j)@2", "0e 1e 1o", "spherical"),
        ("(Y, h_j@0)", "0e 1o", "spherical"),
        ("(Y, h_j)@2+", "0e 1o", "cartesian"),
    ],
)
def test_every_radial_weight_scales_the_paths_of_the_oracle(text: str, hidden: str, basis: str, reduced: bool) -> None:
    """One weight at a time: it drives one labelling (reduced: those of one (l1, l2)), and each labelling has one."""
    rng = np.random.default_rng(1)
    leaves = {"Y": Y, "h_j": [Irrep.parse(name) for name in hidden.split()]}
    plan = plan_of(text, leaves, basis=basis)
    features = {irrep: rng.standard_normal((N * DEGREE, irrep.dim, N_CHANNELS)) for irrep in leaves["h_j"]}
    harmonics = {irrep: rng.standard_normal((N * DEGREE, irrep.dim, 1)) for irrep in Y}
    values = in_basis({"h_j": features, "Y": {i: y.repeat(N_CHANNELS, axis=2) for i, y in harmonics.items()}}, basis)
    diagram = Diagram.parse(text)
    labellings = enumerate_labellings(diagram, leaves)
    summed = {x: ORACLES[basis](diagram, x, values).reshape(N, DEGREE, -1, N_CHANNELS).sum(1) for x in labellings}

    module = NeighborSum(plan, leaves, mean_degree=9.0, reduced=reduced).double()
    flat_y = np.concatenate([values["Y"][irrep][..., 0] for irrep in Y], axis=1).reshape(N, DEGREE, -1)
    flat_h = np.concatenate([values["h_j"][irrep] for irrep in leaves["h_j"]], axis=1)
    line = plan.lines[plan.steps[0].out]
    driven = []
    for k in range(module.n_weights):
        weights = np.zeros((N * DEGREE, module.n_weights, N_CHANNELS))
        weights[:, k] = 1.0
        arguments = [torch.from_numpy(x) for x in (flat_y, weights.reshape(N * DEGREE, -1), flat_h)]
        results = module(*arguments, torch.zeros(0))
        found = [
            3.0 * y.numpy().reshape(N, size, -1, N_CHANNELS)
            for size, y in zip(line.distinct_sizes, results, strict=True)
        ]
        active = [
            (out, y[:, :, p])
            for out, y in zip(line.distinct, found, strict=True)
            for p in range(y.shape[2])
            if y[:, :, p].any()
        ]
        hits = [
            [x for x in labellings if x.irrep == out and np.allclose(summed[x], y, atol=1e-12)] for out, y in active
        ]
        assert hits and all(len(hit) == 1 for hit in hits)
        assert len({hit[0].leaves for hit in hits}) == 1 and (reduced or len(hits) == 1)
        driven += [hit[0] for hit in hits]
    assert sorted(map(str, driven)) == sorted(map(str, labellings))
