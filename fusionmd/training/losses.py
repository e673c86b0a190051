"""The loss: coefficient-weighted sums of squared or Huber errors of energies, forces, stress, gaps and couplings."""

from __future__ import annotations

import torch
from torch import Tensor

from fusionmd.training.batches import Batch
from fusionmd.training.prediction import Prediction, structure_sums

TERMS = ("energy", "forces", "stress", "gaps", "couplings")


def loss_terms(prediction: Prediction, batch: Batch, *, huber: float | None = None) -> Tensor:
    """Mean errors, in the order of TERMS: eV^2, eV^2/A^2, eV^2/A^6, eV^2, eV^2/A^2; float64."""
    energy_errors = (prediction.energies - batch.energies) * batch.energy_scale
    return torch.stack(
        [
            (batch.energy_coefficients * penalty(energy_errors, huber)).sum(),
            (batch.forces_coefficients * penalty(prediction.forces - batch.forces, huber)).sum(dtype=torch.float64),
            (batch.stress_coefficients * penalty(prediction.stress - batch.stress, huber)).sum(),
            (batch.gaps_coefficients * penalty(prediction.gap_errors, huber)).sum(),
            (batch.couplings_coefficients * penalty(coupling_errors(prediction, batch), huber)).sum(
                dtype=torch.float64
            ),
        ]
    )


def coupling_errors(prediction: Prediction, batch: Batch) -> Tensor:
    """Errors of interstate couplings [n_pairs, n_nodes, 3], each frame and pair with the sign that fits best."""
    n_structures = batch.volumes.shape[0]
    products = (batch.couplings_coefficients * batch.couplings * prediction.couplings.detach()).sum(-1).t()
    overlaps = structure_sums(products, batch.structure_index, n_structures)
    signs = torch.where(overlaps < 0, -1.0, 1.0).to(batch.couplings.dtype)
    padded = torch.nn.functional.pad(signs, (0, 0, 0, 1))
    return prediction.couplings - batch.couplings * padded.index_select(0, batch.structure_index).t().unsqueeze(-1)


def penalty(errors: Tensor, huber: float | None = None) -> Tensor:
    """x^2, or with `huber` = d: x^2 up to |x| = d and 2 d |x| - d^2 beyond. Huber, Ann. Math. Stat. 35, 73 (1964)."""
    if huber is None:
        return errors * errors
    inside = errors.abs().clamp(max=huber)
    return inside * (2 * errors.abs() - inside)
