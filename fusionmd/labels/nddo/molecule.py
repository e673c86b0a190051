"""What of a molecule does not depend on its geometry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fusionmd.errors import LabelError
from fusionmd.labels.nddo.elements import Element
from fusionmd.labels.nddo.multipoles import N_LIGHT, ORDERS, PLACES, shape
from fusionmd.labels.nddo.overlap import Shell
from fusionmd.labels.protocol import Array
from fusionmd.units import BOHR_PER_ANGSTROM, HARTREE_PER_EV

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Kind:
    """Of atoms, with what their pairs need; all in bohr and Hartree, torch float64.

    charges: Places [n_charges, 3], additive terms [n_charges].  shell: Quantum number and exponents.
    gaussians: [n, 3], height, width, centre.
    """

    element: Element
    places: Tensor
    additive: Tensor
    shell: Shell
    betas: Tensor
    alpha: float
    gaussians: Tensor


def kind(element: Element) -> Kind:
    """From an element's parameters."""
    own, n = shape(element), len(ORDERS) if element.has_p else N_LIGHT
    heights, widths, centres = np.array(element.gaussians).T
    angstrom = BOHR_PER_ANGSTROM
    return Kind(
        element,
        torch.from_numpy(np.array(own.lengths)[ORDERS[:n], None] * PLACES[:n]),
        torch.from_numpy(np.array(own.additive)[ORDERS[:n]]),
        (2 if element.has_p else 1, _tensor(element.zs), _tensor(element.zp) if element.has_p else None),
        torch.tensor([element.betas, *[element.betap] * 3][: element.n_orbitals], dtype=torch.float64) * HARTREE_PER_EV,
        element.alp / angstrom,
        torch.from_numpy(np.stack([heights * HARTREE_PER_EV * angstrom, widths / angstrom**2, centres * angstrom], 1)),
    )


def _tensor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class Molecule:
    """numbers: Atomic numbers [n_atoms].  table: Parameters by atomic number."""

    numbers: Indices
    table: Mapping[int, Element]
    charge: int = 0

    def __post_init__(self) -> None:
        if self.n_electrons % 2 or self.n_electrons < 2:
            raise LabelError(f"{self.n_electrons} valence electrons; singlets want an even number: set the charge")

    @cached_property
    def elements(self) -> list[Element]:
        """Of the atoms."""
        return [self.table[int(number)] for number in self.numbers]

    @cached_property
    def n_atoms(self) -> int:
        return len(self.numbers)

    @cached_property
    def n_electrons(self) -> int:
        """Of the valence shells."""
        return sum(element.core for element in self.elements) - self.charge

    @cached_property
    def n_pairs(self) -> int:
        """Of valence electrons."""
        return self.n_electrons // 2

    @cached_property
    def cores(self) -> Array:
        """Charges [n_atoms]."""
        return np.array([float(element.core) for element in self.elements])

    @cached_property
    def orbitals(self) -> Indices:
        """Where they are among four an atom [n_orbitals]."""
        return np.array([4 * atom + k for atom, element in enumerate(self.elements) for k in range(element.n_orbitals)])

    @cached_property
    def start(self) -> Array:
        """Diagonal of a density of neutral atoms, half the occupations [n_orbitals]."""
        return np.array([e.core / e.n_orbitals / 2 for e in self.elements for _ in range(e.n_orbitals)])

    @cached_property
    def levels(self) -> Array:
        """Energies USS, UPP of electrons in the field of their own core, Hartree [n_atoms, 4]."""
        return np.array([[e.uss, e.upp, e.upp, e.upp] for e in self.elements]) * HARTREE_PER_EV

    @cached_property
    def repulsions(self) -> Array:
        """One-centre integrals (ij|kl), Hartree [n_atoms, 4, 4, 4, 4]."""
        return np.stack([one_centre(element) for element in self.elements]) * HARTREE_PER_EV

    @cached_property
    def pairs(self) -> list[tuple[Kind, Kind, Indices, Indices]]:
        """Pairs of atoms by kind, each pair once."""
        kinds = {number: kind(self.table[number]) for number in sorted({int(n) for n in self.numbers})}
        places = {number: np.flatnonzero(self.numbers == number) for number in kinds}
        found = []
        for one in sorted(kinds, reverse=True):
            for other in (number for number in kinds if number <= one):
                i, j = (x.ravel() for x in np.meshgrid(places[one], places[other], indexing="ij"))
                is_pair = i < j if one == other else np.ones(len(i), bool)
                if is_pair.any():
                    found.append((kinds[one], kinds[other], i[is_pair], j[is_pair]))
        return found


def one_centre(element: Element) -> Array:
    """(ij|kl), eV [4, 4, 4, 4]."""
    found = np.zeros((4, 4, 4, 4))
    found[0, 0, 0, 0] = element.gss
    for x in (1, 2, 3) if element.has_p else ():
        found[0, 0, x, x] = found[x, x, 0, 0] = element.gsp
        found[0, x, 0, x] = found[x, 0, x, 0] = found[0, x, x, 0] = found[x, 0, 0, x] = element.hsp
        for y in (1, 2, 3):
            found[x, x, y, y] = element.gp2
            found[x, y, x, y] = found[x, y, y, x] = 0.5 * (element.gpp - element.gp2)
        found[x, x, x, x] = element.gpp
    return found
