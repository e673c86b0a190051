"""Law 5: the torch contraction, eager and scripted, gives what the numpy oracle gives, path by path, in both bases."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fusionmd.fusion.contraction import Contraction
from fusionmd.fusion.diagram import Diagram
from fusionmd.fusion.enumerate import Labelling, enumerate_labellings
from fusionmd.fusion.evaluate import BlockWeights, evaluate
from fusionmd.fusion.plan import Plan, plan_of
from fusionmd.fusion.pruning import prune
from fusionmd.fusion.steps import Step
from fusionmd.o3.cartesian import cartesian_basis
from fusionmd.o3.irreps import Irrep
from tests.fusion.oracle import ORACLES, couplings, full_labelling, in_basis

LEAVES = {
    "A": [Irrep(l, (-1) ** l) for l in range(3)],
    "h": [Irrep(0, 1), Irrep(1, -1), Irrep(1, 1)],
}
TARGET = [Irrep(0, 1), Irrep(1, -1), Irrep(1, 1)]
N, N_CHANNELS = 3, 4
Values = dict[str, dict[Irrep, np.ndarray]]


def leaf_tensors(plan: Plan, values: Values, dtype: torch.dtype) -> list[torch.Tensor]:
    """Leaf lines [n, m, c] as the contraction wants them."""
    leaves = plan.lines[: len(plan.leaves)]
    parts = [[values[Diagram.parse(line.name).leaves[0].name][irrep] for irrep in line.irreps] for line in leaves]
    return [torch.tensor(np.concatenate(part, axis=1), dtype=dtype) for part in parts]


def oracle_with_mixing(diagram: Diagram, plan: Plan, module: Contraction, values: Values) -> list[np.ndarray]:
    """Per target [n, m, n_paths, c]: each path of the root summed over what is below, with the module's matrices."""
    oracle, matrices = ORACLES[plan.basis], {}
    for path, node in diagram.lines():
        for k, step in enumerate(plan.steps):
            if step.name == str(node) and path:
                matrices.update(
                    {(path, coupled): w for coupled, w in step_matrices(plan, step, module.steps[k].mixing)}
                )
    labellings = enumerate_labellings(diagram, LEAVES, TARGET)
    inner = diagram.inner_lines
    kept = [x for x in labellings if all((path, x.at(path).vertices[-1]) in matrices for path in inner)]
    root = plan.steps[-1]
    found = []
    for target in plan.lines[root.out].distinct:
        terms = []
        for coupled in couplings(plan, root, target):
            group = [x for x in kept if x.vertices[-1] == coupled]
            weights = BlockWeights(vertices=matrices)
            terms.append(sum(oracle(diagram, labelling, values, weights) for labelling in group))
        found.append(np.stack(terms, axis=2))
    return found


def step_matrices(plan: Plan, step: Step, mixing: torch.nn.Module) -> list[tuple[tuple[Irrep, ...], np.ndarray]]:
    """The channel matrix [C, C] of every path of a vertex, cut out of the folded map [(n_paths, c), c]."""
    found = []
    for irrep, weight in zip(plan.lines[step.out].distinct, mixing.weights, strict=True):
        pieces = weight.detach().double().numpy().reshape(-1, N_CHANNELS, N_CHANNELS)
        found.extend(zip(couplings(plan, step, irrep), pieces, strict=True))
    return found


def assert_close(found: list[torch.Tensor], expected: list[np.ndarray], tolerance: float) -> None:
    for x, y in zip(found, expected, strict=True):
        assert x.shape == y.shape
        assert np.abs(x.detach().double().numpy() - y).max() <= tolerance * np.abs(y).max()


DIAGRAMS = [
    "(A, A)",
    "(A, h)@1",
    "((A, A)@2, A)@1",
    "((A, h)@1, (h, A)@1)@1",
    "((A, A)@2+, (A, A)@2+)@1",
    "(((A, A)@1, A)@1, h)@1",
]


@pytest.mark.parametrize("basis", ["spherical", "cartesian"])
@pytest.mark.parametrize("kernel", ["dense", "gathered", "sparse"])
@pytest.mark.parametrize("text", DIAGRAMS)
def test_with_channel_matrices_inside(random_values, text: str, kernel: str, basis: str) -> None:
    torch.manual_seed(3)
    diagram, values = Diagram.parse(text), in_basis(random_values(LEAVES, n=N, n_channels=N_CHANNELS), basis)
    plan = with_kernel(plan_of(diagram, LEAVES, TARGET, basis=basis), kernel)
    module = Contraction(plan, N_CHANNELS, plan.lines[plan.steps[-1].out].distinct).double()
    expected = oracle_with_mixing(diagram, plan, module, values)
    assert_close(module(leaf_tensors(plan, values, torch.float64)), expected, 1e-12)
    assert_close(torch.jit.script(module)(leaf_tensors(plan, values, torch.float64)), expected, 1e-12)
    assert_close(module.float()(leaf_tensors(plan, values, torch.float32)), expected, 1e-5)


@pytest.mark.parametrize("basis", ["spherical", "cartesian"])
@pytest.mark.parametrize("text", DIAGRAMS)
def test_resolved_paths_are_full_labellings(random_values, text: str, basis: str) -> None:
    diagram, values = Diagram.parse(text), in_basis(random_values(LEAVES, n=N, n_channels=N_CHANNELS), basis)
    plan = plan_of(diagram, LEAVES, TARGET, resolved=True, basis=basis)
    root = plan.steps[-1]
    targets = plan.lines[root.out].distinct
    module = Contraction(plan, N_CHANNELS, targets, mixing=False).double()
    labellings = [full_labelling(plan, root.out, k) for k in range(len(root.paths))]
    expected = [
        np.stack([ORACLES[basis](diagram, x, values) for x in labellings if x.irrep == target], axis=2)
        for target in targets
    ]
    assert_close(module(leaf_tensors(plan, values, torch.float64)), expected, 1e-12)
    assert_close(torch.jit.script(module)(leaf_tensors(plan, values, torch.float64)), expected, 1e-12)
    assert_close(module.float()(leaf_tensors(plan, values, torch.float32)), expected, 1e-5)


@pytest.mark.parametrize("text", DIAGRAMS)
def test_scalars_are_the_same_numbers_in_both_bases(random_values, text: str) -> None:
    """And tensors are those of the other basis: parameters act on channels only, so they are shared."""
    values, found, modules = random_values(LEAVES, n=N, n_channels=N_CHANNELS), [], []
    for basis in ORACLES:
        plan = plan_of(text, LEAVES, TARGET, basis=basis)
        modules.append(Contraction(plan, N_CHANNELS, plan.lines[plan.outputs[0]].distinct).double())
        modules[-1].load_state_dict(modules[0].state_dict())
        found.append(modules[-1](leaf_tensors(plan, in_basis(values, basis), torch.float64)))
    targets = plan.lines[plan.outputs[0]].distinct
    assert targets[0] == Irrep(0, 1)
    np.testing.assert_allclose(found[1][0].detach(), found[0][0].detach(), rtol=1e-12, atol=1e-12)
    pairs = zip(targets, found[0], strict=True)
    assert_close(found[1], [np.einsum("tm,nmpc->ntpc", cartesian_basis(i.l), x.detach()) for i, x in pairs], 1e-12)


@pytest.mark.parametrize("text", [*DIAGRAMS, "((A, A)@2, (A, A)@2)@2", "((h, h)@1, (h, h)@1)@1"])
def test_a_resolved_plan_loses_nothing(text: str) -> None:
    """Its labellings span the family of all admissible ones (no channel matrices)."""
    diagram = Diagram.parse(text)
    plan = plan_of(diagram, LEAVES, TARGET, resolved=True)
    planned = [full_labelling(plan, plan.steps[-1].out, k) for k in range(len(plan.steps[-1].paths))]
    everything = enumerate_labellings(diagram, LEAVES, TARGET)
    assert set(planned) <= set(everything)
    assert len(prune(diagram, [*planned, *(x for x in everything if x not in planned)])) == len(prune(diagram, planned))


@pytest.mark.parametrize("text", ["(A, A)", "((A, A)@2, A)@1", "(((A, A)@1, h)@1, A)@1", "(h, (A, A)@2)@1"])
def test_a_mixing_plan_keeps_what_pruning_keeps(text: str) -> None:
    """With channel matrices inside only the pair of equal leaves is symmetric: the plan drops what law 4 allows."""
    diagram = Diagram.parse(text)
    plan = plan_of(diagram, LEAVES, TARGET)
    irreps = {step.name: plan.lines[step.out].distinct for step in plan.steps}
    kept = {step.name: {c for i in irreps[step.name] for c in couplings(plan, step, i)} for step in plan.steps}
    vertices = [(path, str(node)) for path, node in diagram.lines() if node.children]
    everything = enumerate_labellings(diagram, LEAVES, TARGET)
    planned = [x for x in everything if all(x.at(path).vertices[-1] in kept[name] for path, name in vertices)]
    rest = [x for x in everything if x not in planned]
    assert prune(diagram, [*planned, *rest], mixing=diagram.inner_lines) == planned


@pytest.mark.parametrize(
    "texts", [["A", "(A, A)", "((A, A), A)"], ["(A, A)@1", "((A, A)@1, h)@1", "((A, A)@1, (A, A)@1)"]]
)
def test_a_resolved_family_shares_lines(random_values, texts: list[str]) -> None:
    """A diagram that is both an output and a leg of another: every path is one full labelling of its own diagram."""
    values = random_values(LEAVES, n=N, n_channels=N_CHANNELS)
    plan = plan_of(texts, LEAVES, TARGET[:2], resolved=True)
    module = Contraction(plan, N_CHANNELS, TARGET[:2], mixing=False).double()
    found = module(leaf_tensors(plan, values, torch.float64))
    for k, target in enumerate(TARGET[:2]):
        expected = []
        for line in [*range(len(plan.leaves)), *(step.out for step in plan.steps)]:
            if line in plan.outputs:
                expected += [evaluate(diagram, x, values) for diagram, x in full_labellings(plan, line, target)]
        assert_close([found[k]], [np.stack(expected, axis=2)], 1e-12)


def full_labellings(plan: Plan, line: int, target: Irrep) -> list[tuple[Diagram, Labelling]]:
    """What the paths that leave `line` with irrep `target` stand for."""
    diagram = Diagram.parse(plan.lines[line].name)
    n_paths = len(plan.lines[line].irreps)
    if line >= len(plan.leaves):
        n_paths = next(len(step.paths) for step in plan.steps if step.out == line)
    labellings = [full_labelling(plan, line, k) for k in range(n_paths)]
    return [(diagram, labelling) for labelling in labellings if labelling.irrep == target]


def with_kernel(plan: Plan, kernel: str) -> Plan:
    def changed(step: Step) -> Step:
        return replace(step, blocks=tuple(replace(block, kernel=kernel) for block in step.blocks))

    return replace(plan, steps=tuple(changed(step) for step in plan.steps))
