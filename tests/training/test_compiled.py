"""The traced step against the eager one; compiling its C++ takes half a minute on a busy core, hence the marks."""

import numpy as np
import pytest
import torch

from fusionmd.training.batches import collate, shapes_of
from fusionmd.training.compiled import compile_traced, compiled, largest_gap, traced
from fusionmd.training.step import flat_training_step, flat_validation_step
from tests.toy_model import ToyModel
from tests.training.test_step import WEIGHTS, sample, tensors


def problem(dtype):
    model, rng = ToyModel(cutoff=3.0, dim=2).to(dtype), np.random.default_rng(0)
    samples = [sample(rng, model, n, cell=cell) for n, cell in ((3, 0.0), (4, 4.5), (5, 0.0))]
    shapes = shapes_of(samples, 2)
    batches = [collate(part, shapes, dtype=dtype) for part in (samples[:2], samples[1:], samples[2:])]
    return model, tensors(model), batches


@pytest.mark.parametrize("compiler", [traced, pytest.param(compile_traced, marks=pytest.mark.slow)])
def test_the_fast_training_step_equals_the_eager_one(compiler):
    model, parameters, batches = problem(torch.float64)
    names = tuple(parameters)
    step = flat_training_step(model, names, ("own", "mlp.0.weight"), head=None, huber=0.5)
    fast = compiler(step, [*parameters.values(), *batches[0], WEIGHTS])
    for batch in batches:
        for scale in (1.0, 1.5):
            moved = [tensor * scale for tensor in parameters.values()]
            eager = step(*moved, *batch, WEIGHTS * scale)
            assert eager[0] > 0.01 and len(eager) == 4
            assert largest_gap(fast(*moved, *batch, WEIGHTS * scale), eager) < 1e-10


@pytest.mark.slow
def test_the_compiled_steps_equal_the_eager_ones_in_single_precision():
    model, parameters, batches = problem(torch.float32)
    names = tuple(parameters)
    trained = tuple(name for name, _ in model.named_parameters())
    train = flat_training_step(model, names, trained, head=None, huber=None)
    valid = flat_validation_step(model, names, head=None, huber=None)
    for function, extra in ((train, [WEIGHTS]), (valid, [])):
        result = compiled(function, [*parameters.values(), *batches[0], *extra], dtype=torch.float32)
        assert result.failure is None
        for batch in batches:
            arguments = [*parameters.values(), *batch, *extra]
            assert largest_gap(result.function(*arguments), function(*arguments)) < 1e-5


def test_what_cannot_be_traced_runs_eagerly_with_the_reason():
    def branching(x: torch.Tensor) -> tuple[torch.Tensor]:
        return (x if x.sum().item() > 0 else -x,)

    result = compiled(branching, [torch.ones(2)], dtype=torch.float32)
    assert result.function is branching
    assert result.failure is not None and ":" in result.failure


def test_the_gap_is_relative_and_sees_nan():
    big, small = torch.tensor([1e3]), torch.tensor([1.0])
    assert largest_gap([big + 1, small], [big, small]) == pytest.approx(1e-3)
    assert largest_gap([big, small + 0.1], [big, small]) == pytest.approx(0.1)
    assert not largest_gap([big * float("nan")], [big]) <= 1.0


@pytest.mark.slow
def test_a_split_into_one_piece_compiles():
    """Its derivative is a `cat` of one tensor, here of one with turned strides, which is then viewed."""

    def function(turned, x):
        x = x.detach().requires_grad_()
        (piece,) = x.view(2, 4, 6).split([6], 2)
        (gradient,) = torch.autograd.grad(torch.bmm(piece.mT, turned).square().sum(), [x], create_graph=True)
        return (gradient,)

    example = [torch.randn(2, 4, 3, dtype=torch.float64), torch.randn(8, 1, 3, 2, dtype=torch.float64)]
    other = [torch.randn_like(tensor) for tensor in example]
    assert largest_gap(compile_traced(function, example)(*other), function(*other)) < 1e-10
