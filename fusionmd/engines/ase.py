"""The ASE calculator: the in-process reference for every other engine."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from fusionmd.graph import graph_from_edges
from fusionmd.potential import Evaluation, Potential, load_potential
from fusionmd.potential.file import Compiled
from fusionmd.skin import SkinNeighbors
from fusionmd.structure import Structure

SPREAD = "energy_std"


class FusionCalculator(Calculator):
    """Energy, forces, stress and per-atom energies of one electronic state.

    >>> atoms.calc = FusionCalculator("acac-300K")  # doctest: +SKIP

    potential: A Potential, the path of its file, its bytes, or the name of a shipped one.
    state: Which electronic state drives (0 = ground).
    skin: Extra reach of the neighbour list, angstrom; 0 searches at every step.
    compiled: 'auto' runs what `fusionmd compile` made for this machine, 'yes' makes it, 'no' does without.
    memory_GB: Bound on the working memory (None: half of what is free).

    `results` also holds `state_energies` [n_states] and, of a committee, `energy_std`, `forces_std` (eV, eV/angstrom).
    Of one potential with calibrated uncertainties `get_property("energy_std", atoms)` costs one more pass, when asked.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress", "energies"]  # type: ignore[misc]

    def __init__(
        self,
        potential: Potential | str | os.PathLike[str] | bytes,
        *,
        state: int = 0,
        skin: float = 1.0,
        device: str = "cpu",
        compiled: Compiled = "auto",
        memory_GB: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(potential, Potential):
            potential = load_potential(potential, device=device, compiled=compiled)
        self.potential = potential
        self.potential.requested_states(state, 1)
        self.state = state
        if self.potential.metadata.has_uncertainties:
            self.implemented_properties = [*type(self).implemented_properties, SPREAD]  # type: ignore[misc]
        self.memory_GB = memory_GB
        self.neighbors = SkinNeighbors(self.potential.cutoff, skin)

    def calculate(
        self, atoms: Atoms | None = None, properties: list[str] | None = None, system_changes: list[str] = all_changes
    ) -> None:
        """Fill `results`; everything comes from one evaluation, but for a calibrated `energy_std`."""
        super().calculate(atoms, properties, system_changes)
        structure = Structure.from_ase(self.atoms)
        graph = graph_from_edges(structure, self.neighbors.edges(structure), self.potential.elements)
        given, is_committee = ([structure], [graph]), self.potential.metadata.n_members > 1
        if system_changes or "energy" not in self.results:
            (found,) = self.potential.evaluate_graphs(*given, states=self.state, memory_GB=self.memory_GB)
            self.results = _results(found, is_committee=is_committee)
        if SPREAD in (properties or ()) and not is_committee:
            spreads = self.potential.uncertainties_of_graphs(*given, memory_GB=self.memory_GB)
            self.results[SPREAD] = float(spreads[0, self.state])


def _results(evaluation: Evaluation, *, is_committee: bool) -> dict[str, Any]:
    """ASE's names for an evaluation of one state."""
    results: dict[str, Any] = {
        "energy": evaluation.energy,
        "free_energy": evaluation.energy,
        "energies": evaluation.atomic_energies[0].copy(),
        "forces": evaluation.forces[0].copy(),
        "state_energies": evaluation.energies.copy(),
    }
    if evaluation.volume > 0:
        results["stress"] = full_3x3_to_voigt_6_stress(evaluation.stresses[0])
    if is_committee:
        results[SPREAD] = float(evaluation.energies_std[evaluation.states[0]])
        results["forces_std"] = evaluation.forces_std[0].copy()
    return results
