"""The loss: coefficient-weighted sums of squared or Huber errors of energies, forces and stress."""

from __future__ import annotations

import torch
from torch import Tensor

from fusionmd.training.batches import Batch
from fusionmd.training.prediction import Prediction


def loss_terms(prediction: Prediction, batch: Batch, *, huber: float | None = None) -> Tensor:
    """Mean errors [3] of energies (eV^2), forces (eV^2/A^2), stress (eV^2/A^6), float64."""
    energy_errors = (prediction.energies - batch.energies) * batch.energy_scale
    return torch.stack(
        [
            (batch.energy_coefficients * penalty(energy_errors, huber)).sum(),
            (batch.forces_coefficients * penalty(prediction.forces - batch.forces, huber)).sum(dtype=torch.float64),
            (batch.stress_coefficients * penalty(prediction.stress - batch.stress, huber)).sum(),
        ]
    )


def penalty(errors: Tensor, huber: float | None = None) -> Tensor:
    """x^2, or with `huber` = d: x^2 up to |x| = d and 2 d |x| - d^2 beyond. Huber, Ann. Math. Stat. 35, 73 (1964)."""
    if huber is None:
        return errors * errors
    inside = errors.abs().clamp(max=huber)
    return inside * (2 * errors.abs() - inside)
