"""The heart of training: loss and gradients as one pure, traceable function.

No `.item()`, no branch on values, no mutation: the same function runs eagerly, or is traced once and compiled
(`compiled.py`). Static things (model, head, Huber width) are bound by `training_step`; tensors are its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fusionmd.training.batches import Batch
from fusionmd.training.losses import loss_terms
from fusionmd.training.prediction import Head, Prediction, predict


class StepResult(NamedTuple):
    """loss: weighted sum; terms: mean errors, as `losses.TERMS`; gradients: per trained parameter."""

    loss: Tensor
    terms: Tensor
    gradients: tuple[Tensor, ...]


TensorFunction = Callable[..., tuple[Tensor, ...]]
Step = Callable[[Mapping[str, Tensor], Batch, Tensor], StepResult]
Validation = Callable[[Mapping[str, Tensor], Batch], tuple[Prediction, Tensor]]


def loss_and_gradients(
    model: nn.Module,
    parameters: Mapping[str, Tensor],
    batch: Batch,
    weights: Tensor,
    *,
    trained: tuple[str, ...],
    head: Head | None = None,
    huber: float | None = None,
) -> StepResult:
    """The loss of a batch and its derivatives with respect to the `trained` entries of `parameters`.

    parameters: Parameters and buffers by name.
    weights: Of the terms, in the order of `losses.TERMS`, float64.
    """
    leaves = {name: tensor.detach().requires_grad_(name in trained) for name, tensor in parameters.items()}
    prediction = predict(model, leaves, batch, head=head, is_differentiable=True)
    terms = loss_terms(prediction, batch, huber=huber)
    loss = (weights * terms).sum()
    wanted = [leaves[name] for name in trained]
    gradients = torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)
    return StepResult(loss.detach(), terms.detach(), tuple(gradients))


def flat_training_step(
    model: nn.Module, names: tuple[str, ...], trained: tuple[str, ...], *, head: Head | None, huber: float | None
) -> TensorFunction:
    """`loss_and_gradients` on tensors alone: (*parameters, *batch, weights) -> (loss, terms, *gradients)."""

    def step(*tensors: Tensor) -> tuple[Tensor, ...]:
        parameters = dict(zip(names, tensors[: len(names)], strict=True))
        batch = Batch(*tensors[len(names) : -1])
        result = loss_and_gradients(model, parameters, batch, tensors[-1], trained=trained, head=head, huber=huber)
        return (result.loss, result.terms, *result.gradients)

    return step


def flat_validation_step(
    model: nn.Module, names: tuple[str, ...], *, head: Head | None, huber: float | None
) -> TensorFunction:
    """(*parameters, *batch) -> (energies, forces, stress, couplings, terms)."""

    def step(*tensors: Tensor) -> tuple[Tensor, ...]:
        batch = Batch(*tensors[len(names) :])
        leaves = {name: tensor.detach() for name, tensor in zip(names, tensors[: len(names)], strict=True)}
        prediction = predict(model, leaves, batch, head=head)
        detached = Prediction(*(tensor.detach() for tensor in prediction))
        return (*detached[:4], loss_terms(detached, batch, huber=huber))

    return step
