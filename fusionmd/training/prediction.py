"""What a model says about a batch: energies, forces and stress, from one backward pass per row of forces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fusionmd.graph import forces_from_edge_gradients, stresses_from_virials, virials_from_edge_gradients
from fusionmd.potential.heads import CharacteristicHead, DiabaticHead
from fusionmd.training.batches import Batch

# Heads that do something; the adiabatic one is None here, so that nothing of it is traced.
Head = DiabaticHead | CharacteristicHead


class Prediction(NamedTuple):
    """What `predict` returns.

    energies: [n_structures, n_states], eV, float64.
    forces: Of the mixtures of states that the batch asks for, by default each state [n_rows, n_nodes, 3], eV/A.
    stress: Of the first row, by default the ground state [n_structures, 3, 3], eV/A^3, float64.
    couplings: Between states, (E_b - E_a) <a|grad b> [n_pairs, n_nodes, 3], eV/A; no pairs where none are learnt.
    gap_errors: Of neighbouring states, or what the head takes for them [n_structures, n_states - 1], eV, float64.
    """

    energies: Tensor
    forces: Tensor
    stress: Tensor
    couplings: Tensor
    gap_errors: Tensor


@torch.no_grad()
def predicted_energies(
    model: nn.Module, parameters: Mapping[str, Tensor], batch: Batch, *, head: Head | None = None
) -> Tensor:
    """Those of `predict` alone [n_structures, n_states], without derivatives."""
    totals = _totals(model, parameters, batch, batch.edge_vectors)
    return totals if head is None else head(totals)[0]


def predict(
    model: nn.Module,
    parameters: Mapping[str, Tensor],
    batch: Batch,
    *,
    head: Head | None = None,
    is_differentiable: bool = False,
) -> Prediction:
    """Energies, forces and stress of a batch as a pure function of `parameters` (which include the buffers).

    head: As in `fusionmd.potential.heads`: totals -> (energies [n_structures, n_states], rows); None: identity.
    is_differentiable: Keep the graph, so that a loss of the forces has gradients.
    """
    vectors, n_nodes = batch.edge_vectors.detach().requires_grad_(True), batch.species.shape[0]
    totals = _totals(model, parameters, batch, vectors)
    energies, rows = (totals, totals[:, None]) if head is None else head(totals)
    gradients = [
        torch.autograd.grad((energies * mixture).sum(), vectors, create_graph=is_differentiable, retain_graph=True)[0]
        for mixture in batch.forces_mixtures
    ]
    of_pairs = [
        torch.autograd.grad(
            totals, vectors, rows[:, energies.shape[1] + k], create_graph=is_differentiable, retain_graph=True
        )[0]
        for k in range(batch.couplings.shape[0])
    ]
    forces, opposite = (
        torch.stack([forces_from_edge_gradients(g, batch.senders, batch.receivers, n_nodes) for g in slopes])
        if slopes
        else vectors.new_zeros((0, n_nodes, 3))
        for slopes in (gradients, of_pairs)
    )
    errors = (
        totals.diff(dim=1) - batch.energies.diff(dim=1) if head is None else head.gap_errors(totals, batch.energies)
    )
    return Prediction(energies, forces, stress_of(gradients[0], batch), -opposite, errors)


def _totals(model: nn.Module, parameters: Mapping[str, Tensor], batch: Batch, vectors: Tensor) -> Tensor:
    """What the model's outputs add up to [n_structures, n_outputs], float64."""
    inputs = (vectors, batch.senders, batch.receivers, batch.slots, batch.species, batch.species.shape[0])
    contributions = torch.func.functional_call(model, dict(parameters), inputs).to(torch.float64)
    return structure_sums(contributions, batch.structure_index, batch.volumes.shape[0])


def structure_sums(values: Tensor, structure_index: Tensor, n_structures: int) -> Tensor:
    """Sums of node values [n_nodes, n] over structures [n_structures, n]; padding (index n_structures) is dropped."""
    totals = values.new_zeros((n_structures + 1, values.shape[1]))
    return totals.index_add(0, structure_index, values)[:n_structures]


def stress_of(gradients: Tensor, batch: Batch) -> Tensor:
    """dE/dstrain / V [n_structures, 3, 3] from dE/dvector [n_edges, 3], float64; 0 without a volume."""
    doubles, n_structures = gradients.to(torch.float64), batch.volumes.shape[0]
    virials = virials_from_edge_gradients(
        doubles, batch.edge_vectors, batch.receivers, batch.structure_index, n_structures
    )
    return stresses_from_virials(virials, batch.volumes)
