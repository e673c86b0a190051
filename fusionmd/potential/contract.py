"""The model contract: what a module must be to become a Potential.

    forward(edge_vectors [n_edges, 3], senders [n_edges], receivers [n_edges],
            slots [n_nodes, max_degree], species [n_nodes], n_local: int) -> contributions [n_local, n_outputs]

Edge vectors are in angstrom, contributions in eV (interaction only, without atomic reference energies).
Nodes 0..n_local-1 own energy, the rest is context. Every size may be 0.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import List, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from fusionmd.errors import PotentialFormatError


@runtime_checkable
class EnergyModel(Protocol):
    """A TorchScript-able module that maps edges to energy contributions.

    cutoff: Longest edge it sees, angstrom.  n_hops: Edges between an atom and the farthest atom its energy feels.
    n_outputs: Columns of the contributions.  elements: Atomic numbers, ascending; `species` indexes them.
    supports_exchange: Whether features pass `self.exchange` before a neighbour reads them.
    Optional: `descriptors(...)`, same arguments, -> [n_local, n_features]; `bytes_per_edge: int`, working memory.
    """

    cutoff: float
    n_hops: int
    n_outputs: int
    supports_exchange: bool
    elements: List[int]

    def forward(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> Tensor: ...


class IdentityExchange(nn.Module):
    """Exchange of node features within one process: nothing to do."""

    def forward(self, h: Tensor) -> Tensor:
        """h: Node features [n_nodes, dim], any unit."""
        return h


class GhostExchange(nn.Module):
    """Exchange across processes: the op `fusionmd::ghost_exchange`, the identity unless an engine supplies it."""

    def forward(self, h: Tensor) -> Tensor:
        """h: Node features [n_nodes, dim], any unit."""
        return torch.ops.fusionmd.ghost_exchange(h)


def with_ghost_exchange(model: nn.Module) -> nn.Module:
    """Copy of `model` in which every IdentityExchange is a GhostExchange."""
    model = copy.deepcopy(model)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, IdentityExchange):
                setattr(parent, name, GhostExchange())
    return model


def native_forms(models: Sequence[nn.Module]) -> list[nn.Module]:
    """The models in native operations; none if one of them has no such form.

    A model may offer `native() -> module | None`: the same function, names and tensors of parameters, for CPUs.
    """
    offered = [getattr(model, "native", None) for model in models]
    forms = [offer() for offer in offered if callable(offer)]
    return forms if len(forms) == len(models) and None not in forms else []


def check_contract(model: nn.Module) -> EnergyModel:
    """Return `model` if it declares what the contract asks for, else raise PotentialFormatError."""
    missing = [
        name for name in ("cutoff", "n_hops", "n_outputs", "supports_exchange", "elements") if not hasattr(model, name)
    ]
    if missing:
        raise PotentialFormatError(
            f"{type(model).__name__} lacks {', '.join(missing)}; a model must declare cutoff, n_hops, "
            f"n_outputs, supports_exchange and elements"
        )
    checked = cast(EnergyModel, model)
    elements = [int(z) for z in checked.elements]
    if not elements or elements != sorted(set(elements)):
        raise PotentialFormatError(
            f"elements of {type(model).__name__} are {elements}; wanted ascending atomic numbers without repetition"
        )
    if not (math.isfinite(checked.cutoff) and checked.cutoff > 0 and checked.n_hops >= 1 and checked.n_outputs >= 1):
        raise PotentialFormatError(
            f"{type(model).__name__} declares cutoff {checked.cutoff}, n_hops {checked.n_hops}, n_outputs "
            f"{checked.n_outputs}; each must be positive"
        )
    return checked


def model_dtype(model: nn.Module) -> torch.dtype:
    """Floating-point type of the model's parameters (float64 for a model without any)."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float64)


def _define_ghost_exchange() -> None:
    """Define the op once per process; an engine's C++ core may have been there first.

    The default is a copy, composed of differentiable operations, so that it has derivatives of every order.
    """
    if hasattr(torch.ops.fusionmd, "ghost_exchange"):
        return
    torch.library.define("fusionmd::ghost_exchange", "(Tensor h) -> Tensor")
    torch.library.impl("fusionmd::ghost_exchange", "CompositeImplicitAutograd", lambda h: h.clone())


_define_ghost_exchange()
