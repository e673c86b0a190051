"""What a thread of OpenMM keeps from call to call: neighbours, and memory for positions and results.

For a dozen atoms every new object counts: after a model has run, its code is in no cache, and a line of Python that
takes one microsecond in a loop of its own takes five.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fusionmd.errors import UnsupportedStructureError
from fusionmd.graph import Graph
from fusionmd.moving_graph import MovingGraph
from fusionmd.potential import passes
from fusionmd.units import ANGSTROM_PER_NM

Result = tuple[float, NDArray[np.float64]]


class Workspace:
    """moving: The graph of the atoms.  module: A `TorchForceModule` of them.  device: Where that runs."""

    def __init__(self, moving: MovingGraph, module: Any, device: torch.device) -> None:
        self.moving = moving
        self.n_atoms = len(moving.numbers)
        self._positions = np.empty((self.n_atoms, 3))
        self._module = module
        self._into = module.into  # looked up once: TorchScript finds its methods slowly
        self._device = device
        self._is_on_cpu = device.type == "cpu"
        self._energy = torch.zeros([], dtype=torch.float64, device=device)
        self._forces = torch.zeros(self.n_atoms, 3, dtype=torch.float64, device=device)
        self._seen = (self._energy.cpu().numpy(), self._forces.cpu().numpy())  # the same memory, if on the CPU

    def positions_of(self, state: Any) -> NDArray[np.float64]:
        """Of all particles of an `openmm.State` [n_atoms, 3], angstrom.

        `State.getPositions` spends forty microseconds on its attributes and units, more than all the rest here.
        """
        positions = self._positions
        if state._getNumParticles() != self.n_atoms:  # OpenMM would write beyond the end
            raise UnsupportedStructureError(
                f"the force was made for {self.n_atoms} particles and is called with {state._getNumParticles()}; "
                "make it again for this System"
            )
        state._getVectorAsNumpy(state.Positions, positions)
        positions *= ANGSTROM_PER_NM
        return positions

    def direct(self, graph: Graph) -> Result:
        """Energy and forces of a small graph, in one call of TorchScript: no virials, no statistics."""
        if self._is_on_cpu:
            self._into(self._energy, self._forces, graph.edge_vectors, graph.senders, graph.receivers, graph.slots)
            energy, forces = self._seen
            return energy.item(), forces
        self._into(self._energy, self._forces, *passes.inputs(graph, self._device)[:4])
        return self._energy.item(), self._forces.cpu().numpy()
