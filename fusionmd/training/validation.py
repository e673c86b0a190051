"""Predictions for whole data sets: batch by batch, shared between ranks, compared with the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fusionmd.training.batches import Batch, collate, counts_of
from fusionmd.training.dealing import Indices, dealt, rounds_by_size, shapes_of_rounds
from fusionmd.training.distributed import ALONE, Ranks, sums_over_ranks
from fusionmd.training.losses import TERMS
from fusionmd.training.metrics import Comparison
from fusionmd.training.samples import Sample
from fusionmd.training.step import TensorFunction


@dataclass(frozen=True)
class ValidationSet:
    """Samples with their batches, built once; the loss of a batch is its share of the mean over the set."""

    samples: Sequence[Sample]
    batches: Sequence[Batch]
    indices: Sequence[Indices]


def validation_set(
    samples: Sequence[Sample], batch_size: int, *, dtype: torch.dtype, device: torch.device, energy_per: str
) -> ValidationSet:
    """The samples in batches of at most `batch_size`, each of all sizes."""
    rounds = rounds_by_size(samples, batch_size)
    shapes, counts, indices = shapes_of_rounds(samples, rounds), counts_of(samples), dealt(rounds)
    batches = [
        collate([samples[i] for i in chosen], shapes, counts=counts, dtype=dtype, energy_per=energy_per).to(device)
        for chosen in indices
    ]
    return ValidationSet(samples, batches, indices)


def validate(
    function: TensorFunction, parameters: Mapping[str, Tensor], data: ValidationSet, ranks: Ranks = ALONE
) -> tuple[Comparison, Tensor]:
    """Predictions beside labels for all samples, and the mean error terms of the loss.

    function: (*parameters, *batch) -> (energies, forces, stress, couplings, terms): `step.flat_validation_step`.
    """
    n_atoms = np.array([sample.n_atoms for sample in data.samples])
    starts = np.concatenate([[0], np.cumsum(n_atoms)])
    n_states = data.samples[0].energies.shape[0]
    energies = torch.zeros(len(n_atoms), n_states, dtype=torch.float64)
    forces = torch.zeros(n_states, int(starts[-1]), 3, dtype=torch.float64)
    couplings = torch.zeros(len(data.samples[0].couplings), int(starts[-1]), 3, dtype=torch.float64)
    stress, terms = torch.zeros(len(n_atoms), 3, 3, dtype=torch.float64), torch.zeros(len(TERMS), dtype=torch.float64)
    for batch, chosen in list(zip(data.batches, data.indices, strict=True))[ranks.rank :: ranks.n]:
        batch_energies, batch_forces, batch_stress, batch_couplings, batch_terms = (
            tensor.cpu().to(torch.float64) for tensor in function(*parameters.values(), *batch)
        )
        atoms = np.concatenate([np.arange(starts[index], starts[index + 1]) for index in chosen])
        energies[chosen], stress[chosen] = batch_energies[: len(chosen)], batch_stress[: len(chosen)]
        forces[:, atoms], couplings[:, atoms] = batch_forces[:, : len(atoms)], batch_couplings[:, : len(atoms)]
        terms += batch_terms
    energies, forces, stress, couplings, terms = sums_over_ranks([energies, forces, stress, couplings, terms], ranks)
    return _beside_labels(data.samples, n_atoms, energies, forces, stress, couplings), terms


def _beside_labels(
    samples: Sequence[Sample], n_atoms: np.ndarray, energies: Tensor, forces: Tensor, stress: Tensor, couplings: Tensor
) -> Comparison:
    return Comparison(
        n_atoms=n_atoms,
        energies=energies.numpy(),
        reference_energies=np.stack([sample.energies for sample in samples]),
        forces=forces.numpy(),
        reference_forces=np.concatenate([sample.forces for sample in samples], axis=1),
        stress=stress.numpy(),
        reference_stress=np.stack([sample.stress for sample in samples]),
        couplings=couplings.numpy(),
        reference_couplings=_side_by_side([sample.couplings for sample in samples], n_atoms),
    )


def _side_by_side(couplings: Sequence[np.ndarray], n_atoms: np.ndarray) -> np.ndarray:
    """[n_pairs, n_atoms of all samples, 3]."""
    full = [np.broadcast_to(one, (len(one), n, 3)) for one, n in zip(couplings, n_atoms, strict=True)]
    return np.concatenate(full, axis=1)
