"""A potential as one graph of primitive operations with free sizes: TorchScript -> interpreter -> make_fx."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from fusionmd.graph import Graph, concatenate
from fusionmd.potential.frames import chain_frame, default_frames
from fusionmd.potential.interpreter import interpreted
from fusionmd.potential.passes import inputs
from fusionmd.potential.potential import Potential

# Smaller numbers of nodes, edges or slots are not traced.
MIN_SIZE = 2

# (edge_vectors, senders, receivers, slots, species, weights [n_nodes, n_outputs]) -> contributions (no E0), gradients
Primitive = Callable[..., tuple[Tensor, Tensor]]


def traced(potential: Potential, member: int) -> torch.fx.GraphModule:
    """Energy contributions and their gradient as one graph of primitive operations with symbolic sizes."""
    from torch.fx.experimental.proxy_tensor import make_fx

    graph = make_fx(_primitive(potential, member), tracing_mode="symbolic", _allow_non_fake_inputs=True)(
        *example_inputs(potential)
    )
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def _primitive(potential: Potential, member: int) -> Primitive:
    model = interpreted(list(potential.core.members.children())[member])
    dtype = potential.core.model_dtype.dtype

    def primitive(
        edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        vectors = edge_vectors.detach().requires_grad_(True)
        outputs = model(vectors.to(dtype), senders, receivers, slots, species, species.shape[0]).to(torch.float64)
        (gradient,) = torch.autograd.grad((outputs * weights).sum(), vectors)
        return outputs.detach(), gradient

    return primitive


def example_inputs(potential: Potential) -> tuple[Tensor, ...]:
    """Inputs whose sizes all differ, or the tracer would take equal ones for one symbol."""
    graph = _trial(potential)
    weights = torch.ones(graph.n_nodes, potential.metadata.n_outputs, dtype=torch.float64, device=potential.device)
    return (*inputs(graph, potential.device), weights)


def _trial(potential: Potential) -> Graph:
    elements, cutoff = potential.elements, potential.cutoff
    frames = default_frames(elements, cutoff)
    while True:
        graph = concatenate([potential.graph(frame) for frame in frames])
        sizes = (graph.n_nodes, graph.n_edges, graph.slots.shape[1])
        if len(set(sizes)) == len(sizes) and min(sizes) >= MIN_SIZE:
            return graph
        frames.append(chain_frame(elements, cutoff, 1))


def dynamic_shapes() -> tuple[dict[int, Any], ...]:
    """Which axes of the inputs are free, for `torch.export`."""
    n_nodes, n_edges, degree = (torch.export.Dim(name, min=MIN_SIZE) for name in ("n_nodes", "n_edges", "max_degree"))
    return ({0: n_edges}, {0: n_edges}, {0: n_edges}, {0: n_nodes, 1: degree}, {0: n_nodes}, {0: n_nodes})
