"""The function that OpenMM calls: positions of a State in; energy (kJ/mol) and forces (kJ/mol/nm) out.

OpenMM 8.6 pickles it into every System XML and crashes where unpickling raises, and of an exception it keeps the
message alone. So it carries the potential's bytes, is rebuilt by a function that never raises, loads the potential at
the first call, and puts type and traceback into the message of whatever goes wrong.
"""

from __future__ import annotations

import threading
import traceback
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fusionmd.graph import Graph, species_of
from fusionmd.moving_graph import MovingGraph
from fusionmd.potential import Potential
from fusionmd.potential.torchscript import differentiable
from fusionmd.structure import Structure
from fusionmd.units import ANGSTROM_PER_NM, KJ_PER_MOL_PER_EV
from fusionmd_openmm.settings import Settings, load_shared
from fusionmd_openmm.torch_script import force_module
from fusionmd_openmm.workspace import Result, Workspace

KJ_PER_MOL_NM_PER_EV_ANGSTROM = KJ_PER_MOL_PER_EV * ANGSTROM_PER_NM
# Below, memory is no question and tens of microseconds are; above, `Potential` cuts into blocks what is too large.
DIRECT_MAX_EDGES = 5_000


class EvaluationError(RuntimeError):
    """A failure inside OpenMM; the message says all that is known, for OpenMM keeps nothing else."""


class Evaluator:
    """Energy and forces of one electronic state, as `openmm.PythonForce` calls it.

    content: The bytes of a potential file.  potential: The same, if it is loaded already.
    failure: What the last call raised, None if it went well.
    """

    def __init__(self, content: bytes, settings: Settings, *, potential: Potential | None = None) -> None:
        self.content = content
        self.settings = settings
        self.failure: BaseException | None = None
        self._given = potential
        self._local = threading.local()  # OpenMM may call from several threads; each keeps its own neighbours

    def __call__(self, state: Any) -> Result:
        """Energy, kJ/mol, and forces [n_atoms, 3], kJ/mol/nm, at the positions of an `openmm.State`.

        The forces are overwritten by the next call in this thread; OpenMM copies them.
        """
        self.failure = None
        try:
            workspace = self._workspace
            positions = workspace.positions_of(state)
            if not self.settings.is_periodic:
                return self._evaluated(workspace, positions, None)
            cell = state.getPeriodicBoxVectors(asNumpy=True)._value * ANGSTROM_PER_NM
            return self._evaluated(workspace, positions, cell)
        except BaseException as error:  # Ctrl-C too, which OpenMM would swallow
            self.failure = error
            raise EvaluationError(failure_text(error)) from None

    def evaluate(self, positions: NDArray[np.float64], cell: NDArray[np.float64] | None = None) -> Result:
        """The same at positions [n_atoms, 3] and, if periodic, cell vectors as rows [3, 3], both in angstrom."""
        energy, forces = self._evaluated(self._workspace, positions, cell)
        return energy, forces.copy()

    def _evaluated(
        self, workspace: Workspace, positions: NDArray[np.float64], cell: NDArray[np.float64] | None
    ) -> Result:
        with differentiable():
            graph = workspace.moving.at(positions, cell)
            if self._is_direct and graph.senders.numel() <= DIRECT_MAX_EDGES:
                energy, forces = workspace.direct(graph)
            else:
                structure = Structure(self._numbers, positions, cell, self.settings.is_periodic)
                energy, forces = self._bounded(structure, graph)
        return energy - self._offset, forces

    @cached_property
    def potential(self) -> Potential:
        """Loaded on first use, and shared by all evaluators of this process that load the same in the same way."""
        return load_shared(self.content, self.settings) if self._given is None else self._given

    def __reduce__(self) -> tuple[Any, ...]:
        return restored, (self.content, asdict(self.settings))

    def _bounded(self, structure: Structure, graph: Graph) -> Result:
        """A graph of any size, within `memory_GB`; and compiled potentials."""
        settings = self.settings
        (found,) = self.potential.evaluate_graphs(
            [structure], [graph], states=settings.state, memory_GB=settings.memory_GB
        )
        return found.energy * KJ_PER_MOL_PER_EV, found.forces[0] * KJ_PER_MOL_NM_PER_EV_ANGSTROM

    @property
    def _workspace(self) -> Workspace:
        try:
            found: Workspace = self._local.workspace
        except AttributeError:
            potential, settings = self.potential, self.settings
            moving = MovingGraph(
                self._numbers, potential.elements, potential.cutoff, pbc=settings.is_periodic, skin=settings.skin
            )
            found = self._local.workspace = Workspace(moving, self._module, potential.device)
        return found

    @cached_property
    def _is_direct(self) -> bool:
        """Whether graphs go to TorchScript in one call, as long as they are small."""
        return self.settings.memory_GB is None and self.potential.compiled is None

    @cached_property
    def _numbers(self) -> NDArray[np.int64]:
        return np.array(self.settings.numbers, dtype=np.int64)

    @cached_property
    def _module(self) -> Any:
        native = self.potential.native
        return force_module(self.potential, self.settings.numbers, state=self.settings.state, core=native)

    @cached_property
    def _offset(self) -> float:
        """Sum of the reference energies where they are not wanted, kJ/mol."""
        if self.settings.has_references:
            return 0.0
        species = torch.from_numpy(species_of(self._numbers, self.potential.elements))
        return float(self.potential.core.atomic_energies.cpu()[species, self.settings.state].sum()) * KJ_PER_MOL_PER_EV


class Broken:
    """What stands where an evaluator could not be rebuilt: it can be copied and saved, and says why when it is called.

    reason: What went wrong.  arguments: What it should have been made from.
    """

    def __init__(self, reason: str, arguments: tuple[Any, ...]) -> None:
        self.reason = reason
        self.arguments = arguments

    def __call__(self, state: Any) -> Result:
        """Raise what went wrong."""
        raise EvaluationError(f"this force of fusionmd could not be restored ({self.reason}); make the System again")

    def __reduce__(self) -> tuple[Any, ...]:
        return restored, self.arguments


def restored(*arguments: Any) -> Evaluator | Broken:
    """An Evaluator from what pickling kept of it (bytes, settings); never raises, for OpenMM would crash."""
    try:
        content, settings = arguments
        return Evaluator(bytes(content), Settings(**settings))
    except Exception as error:
        return Broken(f"{type(error).__name__}: {error}", arguments)


def failure_text(error: BaseException) -> str:
    """Type, message and traceback of an error."""
    return f"{type(error).__name__}: {error}\n\n{''.join(traceback.format_exception(error))}"
