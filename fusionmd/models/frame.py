"""Layers in their frame: from settings and layers to an `AtomicNetwork`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from fusionmd.fusion.basis import Basis
from fusionmd.models.network_config import NetworkConfig
from fusionmd.nn.atomic_network import AtomicNetwork
from fusionmd.nn.neighborhood import Neighborhood
from fusionmd.nn.repulsion import ZBLRepulsion


def framed(
    config: NetworkConfig,
    layers: Sequence[nn.Module],
    elements: Sequence[int],
    statistics: Mapping[str, Any],
    *,
    l_max: int = 0,
    basis: Basis = "spherical",
    transform: nn.Module | None = None,
    repulsion: ZBLRepulsion | None = None,
) -> AtomicNetwork:
    """The network of these layers.

    l_max: Largest l of the harmonics that layers are given.  repulsion: In place of the one that the settings ask for.
    """
    neighborhood = Neighborhood(
        config.cutoff,
        len(elements),
        l_max=l_max,
        n_basis=config.n_basis,
        cutoff_power=config.cutoff_power,
        basis=basis,
        transform=transform,
    )
    if repulsion is None and config.repulsion:
        repulsion = ZBLRepulsion(elements)
    return AtomicNetwork(
        neighborhood,
        layers,
        n_channels=config.n_channels,
        elements=elements,
        statistics=statistics,
        readout_width=config.readout_width,
        n_outputs=config.n_outputs,
        repulsion=repulsion,
    )
