"""What a method of electronic structure is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fusionmd.structure import Structure

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Labels:
    """Of one geometry.

    energies: Of all states, ascending [n_states], eV.
    forces: [n_states, n_atoms, 3], eV/angstrom; NaN for states whose gradient was not asked for.
    """

    energies: Array
    forces: Array


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
