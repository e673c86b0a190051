"""What a method of electronic structure is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fusionmd.errors import LabelError
from fusionmd.structure import Structure

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Labels:
    """Of one geometry.

    energies: Of all states, ascending [n_states], eV.
    forces: [n_states, n_atoms, 3], eV/angstrom; NaN for states whose gradient was not asked for.
    couplings: <a|grad b> of the pairs (0, 1), (0, 2), ..., (1, 2), ... [n_pairs, n_atoms, 3], 1/angstrom, translation
        taken out; the sign of a pair is arbitrary. None where they were not asked for.
    strengths: Oscillator strengths of the excitations from the lowest state [n_states - 1]; None where unknown.
    active_weight: Share of the active orbitals on the atoms where they should be, the least of them; None: not asked.
    """

    energies: Array
    forces: Array
    couplings: Array | None = None
    strengths: Array | None = None
    active_weight: float | None = None

    def __post_init__(self) -> None:
        n_states, n_atoms = self.forces.shape[:2]
        n_pairs = n_states * (n_states - 1) // 2
        shapes = {"energies": (n_states,), "couplings": (n_pairs, n_atoms, 3), "strengths": (n_states - 1,)}
        for name, shape in shapes.items():
            value = getattr(self, name)
            if value is not None and value.shape != shape:
                raise LabelError(f"{name} have shape {value.shape}, wanted {shape}, as the forces say")


class Method(Protocol):
    """Electronic structure of one kind.

    name: Names method and settings; equal names mean equal labels.
    n_states: Singlets that it gives.  elements: Atomic numbers it has parameters for; None: any.
    """

    @property
    def name(self) -> str: ...

    @property
    def n_states(self) -> int: ...

    @property
    def elements(self) -> frozenset[int] | None: ...

    def label(self, structure: Structure, roots: Sequence[int]) -> Labels:
        """Energies of all states, and the forces of `roots`; LabelError where the calculation fails."""
