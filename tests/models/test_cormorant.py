"""A Clebsch-Gordan level is the sum of its diagrams as the oracle evaluates them, edge by edge, label by label."""

import numpy as np
import pytest
import torch

from fusionmd.errors import ConfigError
from fusionmd.fusion.diagram import Diagram
from fusionmd.fusion.enumerate import Labelling
from fusionmd.fusion.evaluate import BlockWeights, evaluate
from fusionmd.fusion.plan import Plan
from fusionmd.models import build_model
from fusionmd.nn.atomic_network import AtomicNetwork
from fusionmd.nn.level import Level
from fusionmd.nn.neighborhood import Neighbors
from fusionmd.o3.irreps import Irrep
from tests.models.nets import ELEMENTS, STATISTICS, atomic_energies, energy_and_forces, molecule
from tests.models.oracle import features, harmonics_of, parts, seen_by
from tests.models.zoo import COMMON, member

C = COMMON["n_channels"]


@pytest.fixture(params=["cormorant", "cormorant_fusion"])
def network(request) -> AtomicNetwork:
    return member(request.param, n_layers=3)


def test_a_level_is_its_diagrams(network) -> None:
    level, seen, h = network.layers[1], seen_by(network), features(5, network.layers[0].dim, C)
    with torch.no_grad():
        expected = level(h, h[seen.senders], torch.zeros(len(h)), seen).numpy()
    found = oracle_level(level, seen, h)
    assert np.abs(expected).max() > 0.01
    assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


def oracle_level(level: Level, seen: Neighbors, h: torch.Tensor) -> np.ndarray:
    """The new features [n, m, c] from `fusionmd.fusion.evaluate` and the parameters of the level."""
    n, d = seen.harmonics.shape[:2]
    centers, neighbors = h.repeat_interleave(d, 0).numpy(), h[seen.senders].numpy()
    with torch.no_grad():
        weights = level.radial(seen.basis, seen.envelope, seen.pairs).numpy().reshape(n * d, -1, C)
    irreps = level.node_plan.leaf_lines[0].irreps
    legs = zip(parts(centers, irreps).values(), parts(neighbors, irreps).values(), strict=True)
    overlap = np.concatenate([(a * b).mean(1) for a, b in legs], 1)
    weights = weights + (seen.envelope.numpy() * (overlap @ level.overlap.detach().numpy())).reshape(weights.shape)
    y = harmonics_of(seen, 2)
    order = sorted(y)
    g = {i: y[i] * weights[:, order.index(i), None] for i in order}
    on_edges = {"Y": g, "h_j": parts(neighbors, irreps), "h_i": parts(centers, irreps)}
    paths = terms(level.node_plan, level.contraction, {"h_i": parts(h.numpy(), irreps)})
    for plan, part in zip(level.edge_plans, level.sums, strict=True):
        for irrep, term in terms(plan, part.contraction, on_edges):
            paths.append((irrep, term.reshape(n, d, *term.shape[1:]).sum(1) / np.sqrt(STATISTICS["mean_degree"])))
    target = sorted({irrep for irrep, _ in paths}, key=lambda i: (-i.p, i.l))
    mixed = []
    for irrep, weight in zip(target, level.mixing.weights, strict=True):
        matrices = weight.detach().numpy().reshape(-1, C, C)
        of_irrep = [term for other, term in paths if other == irrep]
        assert len(of_irrep) == len(matrices)
        mixed.append(sum(term @ matrix for term, matrix in zip(of_irrep, matrices, strict=True)))
    return np.concatenate(mixed, 1)


def terms(plan: Plan, contraction, values) -> list[tuple[Irrep, np.ndarray]]:
    """(irrep, values) of every path that leaves the diagrams of the plan, in the order of their weights."""
    found = []
    for k in plan.outputs:
        if k < len(plan.leaves):
            found += [(irrep, values[plan.leaves[k]][irrep]) for irrep in plan.lines[k].irreps]
            continue
        step = next(step for step in plan.steps if step.out == k)
        for out in plan.lines[k].distinct:
            for path in step.paths_to(out):
                left, right = plan.lines[step.left].irreps[path.left], plan.lines[step.right].irreps[path.right]
                found.append((out, vertex(plan, contraction, step, left, right, out, values)))
    return found


def vertex(plan: Plan, contraction, step, left: Irrep, right: Irrep, out: Irrep, values) -> np.ndarray:
    """One path of the last vertex; a left leg that is a vertex is the sum of its paths with channel matrices."""
    right_label, diagram = Labelling(right), Diagram.parse(plan.lines[step.out].name)
    if step.left < len(plan.leaves):
        return evaluate(diagram, Labelling(out, (Labelling(left), right_label)), values)
    number = next(k for k, other in enumerate(plan.steps) if other.out == step.left)
    inner = plan.steps[number]
    irreps = plan.lines[inner.out].distinct
    matrices = contraction.steps[number].mixing.weights[irreps.index(left)].detach().numpy().reshape(-1, C, C)
    total = 0.0
    for path, matrix in zip(inner.paths_to(left), matrices, strict=True):
        a, b = plan.lines[inner.left].irreps[path.left], plan.lines[inner.right].irreps[path.right]
        label = Labelling(out, (Labelling(left, (Labelling(a), Labelling(b))), right_label))
        total = total + evaluate(diagram, label, values, BlockWeights(vertices={((0,), (a, b, left)): matrix}))
    return total


def test_without_the_added_legs_it_is_cormorant() -> None:
    settings = {**COMMON, "n_layers": 3}
    torch.manual_seed(2)
    plain, fusion = (
        build_model({**settings, "name": name}, elements=ELEMENTS, statistics=STATISTICS).double()
        for name in ("cormorant", "cormorant_fusion")
    )
    structure = molecule()
    expected, (_, forces) = atomic_energies(plain, structure), energy_and_forces(plain, structure)
    with torch.no_grad():
        known = plain.state_dict()
        for name, value in fusion.state_dict().items():
            if name in known and known[name].shape == value.shape:
                value.copy_(known[name])
        for ours, theirs in zip(fusion.layers, plain.layers, strict=True):
            turn_off(ours, theirs)
    torch.testing.assert_close(atomic_energies(fusion, structure), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(energy_and_forces(fusion, structure)[1], forces, rtol=1e-11, atol=1e-12)


def turn_off(fusion: Level, plain: Level) -> None:
    """The weights of two-leg paths as in `plain`, those of three legs 0: [nodes, their third leg, edges, theirs]."""
    for k, (weight, known) in enumerate(zip(fusion.mixing.weights, plain.mixing.weights, strict=True)):
        source = known.view(-1, C, C)
        n_node, first_edge = n_node_paths(plain, k), n_node_paths(fusion, k)
        assert first_edge > n_node or k > 0
        weight.zero_()
        matrices = weight.view(-1, C, C)
        matrices[:n_node] = source[:n_node]
        matrices[first_edge : first_edge + len(source) - n_node] = source[n_node:]


def n_node_paths(level: Level, k: int) -> int:
    return dict(zip(level.positions[0], level.contraction.n_paths, strict=True)).get(k, 0)


WRONG = {
    "never reached": ({"hidden_irreps": "0e + 1e"}, "none of the diagrams .* ends in 1e of hidden_irreps"),
    "foreign leaf": ({"node": ["(h_i, h_j)"]}, r"model\.node: .*no others than \['h_i'\]"),
    "no edge": ({"edge": ["(h_i, h_j)"]}, r"model\.edge: .*wanted Y"),
    "no diagrams": ({"node": []}, r"model\.node: .*at least 1 item"),
    "no scalars": ({"hidden_irreps": "1o"}, r"model\.hidden_irreps: .*0e among them"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_settings_are_named(name) -> None:
    settings, message = WRONG[name]
    with pytest.raises(ConfigError, match=message):
        build_model({**COMMON, "name": "cormorant", **settings}, elements=ELEMENTS)
