"""Second derivatives of the energy, by two backward passes through the scripted core.

(H v)_k = d/dr_k (dE/dr . v) = sum_edges d/d(edge) (dE/d(edge) . v_edge),    v_edge = v_sender - v_receiver
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from fusionmd.errors import UnsupportedStructureError
from fusionmd.graph import Graph, concatenate, forces_from_edge_gradients
from fusionmd.potential.passes import inputs
from fusionmd.potential.torchscript import differentiable


def hessian_vector_products(
    core: Any, graph: Graph, vectors: ArrayLike, *, state: int, max_edges: int
) -> NDArray[np.float64]:
    """Hessian times displacements [..., n_atoms, 3] (angstrom): same shape, eV/angstrom; committee mean."""
    given = np.asarray(vectors, dtype=np.float64)
    if given.shape[-2:] != (graph.n_nodes, 3):
        raise UnsupportedStructureError(
            f"displacements have shape {given.shape}; give [..., {graph.n_nodes}, 3], in angstrom"
        )
    flat = torch.tensor(given.reshape(-1, graph.n_nodes, 3))
    at_once = max(1, max_edges // max(2 * graph.n_edges, 1))
    products = [_products(core, graph, part, state) for part in flat.split(at_once)]
    return torch.cat(products).reshape(given.shape).numpy() if products else np.zeros(given.shape)


def hessian(core: Any, graph: Graph, *, state: int, max_edges: int) -> NDArray[np.float64]:
    """Second derivatives [3 n_atoms, 3 n_atoms], eV/angstrom^2, symmetrised (the two halves differ by rounding)."""
    size = 3 * graph.n_nodes
    directions = np.eye(size).reshape(size, graph.n_nodes, 3)
    rows = hessian_vector_products(core, graph, directions, state=state, max_edges=max_edges).reshape(size, size)
    return 0.5 * (rows + rows.T)


def _products(core: Any, graph: Graph, vectors: Tensor, state: int) -> Tensor:
    """One double backward pass for all directions [n_directions, n_atoms, 3]: as many copies of the structure."""
    device = core.atomic_energies.device
    copies = concatenate([graph] * len(vectors))
    edge_vectors, senders, receivers, slots, species = inputs(copies, device)
    directions = vectors.reshape(-1, 3).to(device)
    with differentiable():
        edge_vectors = edge_vectors.clone().requires_grad_(True)
        contributions = core.contributions(edge_vectors, senders, receivers, slots, species, copies.n_nodes)
        energy = _summed_energy(core, contributions, copies, state)
        curvature = _second_gradient(energy, edge_vectors, directions[senders] - directions[receivers])
    products = -forces_from_edge_gradients(curvature, senders, receivers, copies.n_nodes)
    return products.reshape(vectors.shape).cpu()


def _summed_energy(core: Any, contributions: Tensor, graph: Graph, state: int) -> Tensor:
    index = graph.structure_index.to(contributions.device)
    energies = [core.state_energies(core.totals(member, index, graph.n_structures))[0] for member in contributions]
    return torch.stack(energies).mean(dim=0)[:, state].sum()


def _second_gradient(energy: Tensor, edge_vectors: Tensor, directions: Tensor) -> Tensor:
    """d(dE/d(edge) . directions)/d(edge) [n_edges, 3]; zeros where the energy does not depend on edges."""
    if not energy.requires_grad:
        return torch.zeros_like(edge_vectors)
    (gradient,) = torch.autograd.grad(energy, edge_vectors, create_graph=True, allow_unused=True)
    if gradient is None or not gradient.requires_grad:
        return torch.zeros_like(edge_vectors)
    (curvature,) = torch.autograd.grad((gradient * directions).sum(), edge_vectors, allow_unused=True)
    return torch.zeros_like(edge_vectors) if curvature is None else curvature.detach()
