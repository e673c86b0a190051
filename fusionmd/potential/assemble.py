"""From derivatives by edge vectors to forces, virials and committee statistics per structure."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fusionmd.graph import Graph, forces_from_edge_gradients, virials_from_edge_gradients
from fusionmd.potential.evaluation import Evaluation
from fusionmd.potential.passes import Raw


def evaluations(
    raw: Raw, graph: Graph, states: NDArray[np.int64], diabatic: tuple[Tensor, Tensor] | None = None
) -> list[Evaluation]:
    """One Evaluation per structure of `graph`.

    states: [n_requests, n_structures]; requests beyond the states, which come last, are interstate couplings.
    diabatic: Of one model, if its head is: matrices and eigenvectors [n_structures, n_states, n_states].
    """
    forces = _forces(raw.gradients, graph)
    mean_forces, forces_std = _array(_mean(forces)), _array(_std(forces))
    virials = _array(_virials(_mean(raw.gradients), graph))
    atomic = _array(_mean(raw.atomic_energies))
    energies, energies_std = _array(_mean(raw.energies)), _array(_std(raw.energies))
    volumes = graph.volumes.tolist()
    n = int((states[:, 0] < energies.shape[1]).sum()) if states.size else 0
    matrices, vectors = (None, None) if diabatic is None else (_array(diabatic[0]), _array(diabatic[1]))
    ends = torch.bincount(graph.structure_index, minlength=graph.n_structures).cumsum(0).tolist()
    return [
        Evaluation(
            energies=energies[s],
            states=states[:n, s],
            atomic_energies=atomic[:n, start:end],
            forces=mean_forces[:n, start:end],
            virials=virials[:n, s],
            volume=volumes[s],
            energies_std=energies_std[s],
            forces_std=forces_std[:n, start:end],
            diabatic=None if matrices is None else matrices[s],
            vectors=None if vectors is None else vectors[s],
            interstate=-mean_forces[n:, start:end] if n < len(states) else None,
        )
        for s, (start, end) in enumerate(zip([0, *ends], ends, strict=False))
    ]


def _forces(gradients: Tensor, graph: Graph) -> Tensor:
    """[n_members, n_requests, n_nodes, 3] from [n_members, n_requests, n_edges, 3]."""
    senders, receivers = graph.senders.to(gradients.device), graph.receivers.to(gradients.device)
    flat = [forces_from_edge_gradients(g, senders, receivers, graph.n_nodes) for g in gradients.flatten(0, 1)]
    return torch.stack(flat).unflatten(0, gradients.shape[:2])


def _virials(gradients: Tensor, graph: Graph) -> Tensor:
    """[n_requests, n_structures, 3, 3] from [n_requests, n_edges, 3]."""
    if graph.n_structures == 1:
        return -torch.matmul(graph.edge_vectors.to(gradients).t(), gradients).unsqueeze(1)
    moved = graph.to(gradients.device)
    place = (moved.edge_vectors, moved.receivers, moved.structure_index, graph.n_structures)
    return torch.stack([virials_from_edge_gradients(g, *place) for g in gradients])


def _mean(values: Tensor) -> Tensor:
    """Mean over the members."""
    return values[0] if len(values) == 1 else values.mean(0)


def _std(values: Tensor) -> Tensor:
    """Standard deviation over the members (divided by their number)."""
    if len(values) == 1:
        return torch.zeros_like(values[0])
    return values.std(dim=0, correction=0)


def _array(values: Tensor) -> NDArray[np.float64]:
    return values.detach().to("cpu", torch.float64).numpy()
