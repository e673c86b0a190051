"""Muon: momentum, orthogonalised.

Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024); Liu et al., arXiv:2502.16982 (2025).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from fusionmd.training.per_parameter import PerParameter

# A quintic a x + b x^3 + c x^5 iterated on singular values in (0, 1] brings them near 1 (Jordan et al. 2024).
QUINTIC = (3.4445, -4.7750, 2.0315)


def orthogonalised(matrices: Tensor, *, n_iterations: int = 5) -> Tensor:
    """Nearly U V^T of U S V^T = `matrices` [..., rows, columns], by a Newton-Schulz iteration."""
    a, b, c = QUINTIC
    is_tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if is_tall else matrices
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    for _ in range(n_iterations):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if is_tall else x


class Muon(PerParameter):
    """velocity <- m velocity + gradient;  parameter <- (1 - lr decay) parameter - lr s O(gradient + m velocity)

    O orthogonalises. s = 0.2 sqrt(max(rows, columns)) gives updates the root mean square of AdamW's (Liu et al.,
    eq. 4), so that both can share a learning rate. Parameters have two axes or more; leading axes are a batch.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        *,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    def update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        velocity = state.setdefault("velocity", torch.zeros_like(parameter))
        velocity.mul_(group["momentum"]).add_(gradient)
        direction = orthogonalised(gradient + group["momentum"] * velocity)
        scale = 0.2 * math.sqrt(max(parameter.shape[-2:]))
        parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(direction, alpha=-group["lr"] * scale)
