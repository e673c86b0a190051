"""Gradient clipping by the norm of all gradients together. Pascanu, Mikolov & Bengio, ICML 2013, algorithm 1."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


@torch.no_grad()
def clip_(gradients: Sequence[Tensor], largest: float | None) -> Tensor:
    """Scale `gradients` in place so that their common norm is at most `largest`; returns the norm before."""
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(gradients))))
    if largest is not None:
        torch._foreach_mul_(list(gradients), torch.clamp(largest / (norm + 1e-12), max=1.0))
    return norm
