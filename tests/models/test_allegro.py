"""A step of pair features is the diagram (V, A) as the oracle evaluates it; energies see one cutoff."""

import numpy as np
import pytest
import torch

from fusionmd.errors import ConfigError
from fusionmd.models import build_model
from tests.models.nets import ELEMENTS, STATISTICS
from tests.models.oracle import features, harmonics_of, parts, seen_by, vertex
from tests.models.zoo import COMMON, member

C = COMMON["n_channels"]


def test_a_step_is_its_diagram() -> None:
    stack = (network := member("allegro", n_layers=3)).layers[0]
    seen, step = seen_by(network), stack.steps[1]
    x, line = features(len(seen.pairs), 1, C)[:, 0], step.plan.lines[step.plan.outputs[0]]
    irreps = stack.steps[0].plan.lines[stack.steps[0].plan.outputs[0]].distinct
    v = features(len(seen.pairs), sum(irrep.dim for irrep in irreps), C)
    with torch.no_grad():
        _, expected = step(x, v, seen)
    values = {"V": parts(v.numpy(), irreps), "A": centers(step, x.numpy(), seen)}
    (vertex_step,) = step.plan.steps
    mixed = []
    for out, weight in zip(line.distinct, step.mixing.weights, strict=True):
        total = 0.0
        for path, matrix in zip(vertex_step.paths_to(out), weight.detach().numpy().reshape(-1, C, C), strict=True):
            left, right = (
                step.plan.lines[leg].irreps[k]
                for leg, k in ((vertex_step.left, path.left), (vertex_step.right, path.right))
            )
            total = total + vertex(step.plan, left, right, out, values) @ matrix
        mixed.append(total)
    found = np.concatenate(mixed, 1)
    assert any(irrep.p != (-1) ** irrep.l for irrep in line.distinct) and np.abs(found).max() > 0.01
    assert np.abs(found - expected.numpy()).max() <= 1e-12 * np.abs(found).max()


def centers(step, x: np.ndarray, seen) -> dict:
    """A_i by irrep: sums over neighbours of (W x) Y, written out for every slot of i."""
    n, d = seen.harmonics.shape[:2]
    weights = (x @ step.of_centers.weight.detach().numpy()).reshape(n * d, -1, 1, C)
    found = {}
    for k, (irrep, y) in enumerate(harmonics_of(seen, 2).items()):
        sums = (y * weights[:, k]).reshape(n, d, irrep.dim, C).sum(1) / np.sqrt(STATISTICS["mean_degree"])
        found[irrep] = np.repeat(sums, d, axis=0)
    return found


def test_it_is_strictly_local() -> None:
    assert [member("allegro", n_layers=n).n_hops for n in (1, 2, 3)] == [1, 1, 1]


@pytest.mark.parametrize("pair", ["A", "(A, A)", "(V, h_j)"])
def test_other_leaves_are_refused(pair) -> None:
    with pytest.raises(ConfigError, match=r"model\.pair: .*a pair diagram has the leaf V, and A besides"):
        build_model({**COMMON, "name": "allegro", "pair": pair}, elements=ELEMENTS)
