"""A convolution is its edge diagram as the oracle evaluates it, path by path with that path's radial weights."""

import numpy as np
import pytest
import torch

from fusionmd.errors import ConfigError
from fusionmd.models import build_model
from fusionmd.o3.irreps import Irrep
from tests.models.nets import ELEMENTS, STATISTICS
from tests.models.oracle import features, harmonics_of, parts, seen_by, vertex
from tests.models.zoo import COMMON, member

C = COMMON["n_channels"]


@pytest.mark.parametrize("layer", [0, 1, 2, 3])
def test_a_convolution_is_its_diagram(layer) -> None:
    network = member("nequip, both parities")
    convolution, seen = network.layers[layer], seen_by(network)
    irreps = irreps_after(network.layers[layer - 1]) if layer else [Irrep(0, 1)]
    h = features(5, sum(irrep.dim for irrep in irreps), C)
    with torch.no_grad():
        expected = convolution.convolved(h, h[seen.senders], seen).numpy()
    found = oracle(convolution, seen, parts(h[seen.senders].numpy(), irreps))
    assert np.abs(expected).max() > 0.01
    assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


def irreps_after(convolution) -> tuple[Irrep, ...]:
    plan = convolution.message_plan
    return plan.lines[plan.outputs[0]].irreps


def oracle(convolution, seen, neighbors: dict[Irrep, np.ndarray]) -> np.ndarray:
    plan = convolution.message_plan
    step, line = plan.steps[0], plan.lines[plan.outputs[0]]
    with torch.no_grad():
        weights = convolution.radial(seen.basis, seen.envelope, seen.pairs).numpy().reshape(len(seen.pairs), -1, C)
    column = {}
    for group in convolution.neighbor_sum.groups:
        for y, out in group.columns:
            column[y, group.irrep, out] = len(column)
    n, d = seen.harmonics.shape[:2]
    values = {"Y": harmonics_of(seen, 2), "h_j": neighbors}
    mixed = []
    for out, weight in zip(line.irreps, convolution.mixing.weights, strict=True):
        total = 0.0
        for path, matrix in zip(step.paths_to(out), weight.detach().numpy().reshape(-1, C, C), strict=True):
            y, right = plan.lines[step.left].irreps[path.left], plan.lines[step.right].irreps[path.right]
            term = vertex(plan, y, right, out, values) * weights[:, column[y, right, out], None]
            total = total + term.reshape(n, d, -1, C).sum(1) / np.sqrt(STATISTICS["mean_degree"]) @ matrix
        mixed.append(total)
    return np.concatenate(mixed, 1)


def test_irreps_that_no_layer_makes_are_named() -> None:
    with pytest.raises(ConfigError, match=r"hidden_irreps: \(Y, h_j\) makes 1e in none of 2 layers with l_max 2"):
        build_model({**COMMON, "name": "nequip", "n_layers": 2, "hidden_irreps": "0e + 1o + 1e"}, elements=ELEMENTS)
