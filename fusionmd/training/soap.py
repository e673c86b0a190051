"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner. Vyas et al., arXiv:2409.11321, algorithm 3."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from fusionmd.training.per_parameter import PerParameter

LARGEST_BASIS = 1024


class Soap(PerParameter):
    """Rotate gradient and momentum into the eigenbases of E[G G^T] and E[G^T G], take an Adam step there, rotate back.

    Leading axes of a parameter are a batch of matrices; a vector is one row, whose left basis is trivial. Axes longer
    than `LARGEST_BASIS` keep the identity. The first step only fills the averages (as in the paper's code).
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        *,
        betas: tuple[float, float] = (0.95, 0.95),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        frequency: int = 10,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "frequency": frequency}
        super().__init__(parameters, defaults)

    def update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state, matrix = self.state[parameter], _as_matrices(gradient)
        if not state:
            _begin(state, matrix)
            _accumulate(state, matrix, group["betas"][1])
            _refresh(state, is_first=True)
            return
        state["n_steps"] += 1
        direction = _adam_direction(state, matrix, group)
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(direction.reshape(parameter.shape), alpha=-group["lr"])
        _accumulate(state, matrix, group["betas"][1])
        if state["n_steps"] % group["frequency"] == 0:
            _refresh(state)


def _as_matrices(gradient: Tensor) -> Tensor:
    return gradient if gradient.ndim >= 2 else gradient.reshape(1, -1)


def _begin(state: dict[str, Any], matrix: Tensor) -> None:
    state["n_steps"] = 0
    state["momentum"], state["squares"] = torch.zeros_like(matrix), torch.zeros_like(matrix)
    for side, size in (("left", matrix.shape[-2]), ("right", matrix.shape[-1])):
        if 1 < size <= LARGEST_BASIS:
            state[f"{side}_gram"] = matrix.new_zeros((*matrix.shape[:-2], size, size))
            state[f"{side}_basis"] = matrix.new_zeros((*matrix.shape[:-2], size, size))


def _accumulate(state: dict[str, Any], matrix: Tensor, beta: float) -> None:
    if "left_gram" in state:
        state["left_gram"].lerp_(matrix @ matrix.mT, 1 - beta)
    if "right_gram" in state:
        state["right_gram"].lerp_(matrix.mT @ matrix, 1 - beta)


def _refresh(state: dict[str, Any], *, is_first: bool = False) -> None:
    """New eigenbases: one QR step of a power iteration from the old ones; exact ones at the first time.

    The squared gradients stay with their (slowly turning) axes.
    """
    for side in ("left", "right"):
        if f"{side}_gram" in state:
            gram, basis = state[f"{side}_gram"], state[f"{side}_basis"]
            new = torch.linalg.eigh(gram).eigenvectors if is_first else torch.linalg.qr(gram @ basis).Q
            basis.copy_(new)


def _adam_direction(state: dict[str, Any], matrix: Tensor, group: dict[str, Any]) -> Tensor:
    (first, second), n_steps = group["betas"], state["n_steps"]
    state["momentum"].lerp_(matrix, 1 - first)
    turned = _turned(state, matrix)
    state["squares"].lerp_(turned * turned, 1 - second)
    scale = (1 - second**n_steps) ** 0.5 / (1 - first**n_steps)
    step = scale * _turned(state, state["momentum"]) / (state["squares"].sqrt() + group["eps"])
    return _turned(state, step, back=True)


def _turned(state: dict[str, Any], matrix: Tensor, *, back: bool = False) -> Tensor:
    """L^T M R, or L M R^T with `back`."""
    left, right = state.get("left_basis"), state.get("right_basis")
    if left is not None:
        matrix = (left if back else left.mT) @ matrix
    if right is not None:
        matrix = matrix @ (right.mT if back else right)
    return matrix
