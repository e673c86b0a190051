"""State-averaged CASSCF, whichever program makes it: `casscf22-6-31g` means 2 electrons in 2 orbitals, basis 6-31G."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from fusionmd.errors import LabelError
from fusionmd.labels.protocol import Array, Labels
from fusionmd.structure import Structure
from fusionmd.units import (
    ANGSTROM_PER_BOHR,
    BOHR_PER_ANGSTROM,
    EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR,
    EV_PER_HARTREE,
)

REACH = 2  # orbitals beyond the frontier ones that a start may take
PATTERN = "casscf<electrons><orbitals>-<basis>, as in casscf22-6-31g or casscf10e8o-cc-pvdz"


@dataclass(frozen=True)
class Casscf:
    """Singlets with equal weights.

    n_electrons, n_orbitals: The active space.  basis: As its program spells it.
    active: Orbitals of the Hartree-Fock calculation, counted from 1, that start as active ones; (): the highest
        occupied and lowest empty ones.
    n_starts: Sets of orbitals from which it is optimised; the solution with the lowest average is kept.
    has_density_fit: Two-electron integrals from fitted densities.  has_couplings: Couplings of all pairs are made.
    """

    n_electrons: int
    n_orbitals: int
    basis: str
    n_states: int = 3
    charge: int = 0
    active: tuple[int, ...] = ()
    n_starts: int = 1
    has_density_fit: bool = False
    has_couplings: bool = False

    def __post_init__(self) -> None:
        if self.n_electrons % 2 or not 0 < self.n_electrons <= 2 * self.n_orbitals:
            raise LabelError(
                f"{self.n_electrons} electrons in {self.n_orbitals} orbitals were asked for; singlets want an even "
                f"number from 2 to {2 * self.n_orbitals}"
            )
        if not 1 <= self.n_states <= self.n_singlets:
            raise LabelError(
                f"{self.n_states} states were asked for; {self.n_electrons} electrons in {self.n_orbitals} orbitals "
                f"make {self.n_singlets} singlets"
            )
        if self.active and (len(set(self.active)) != self.n_orbitals or min(self.active) < 1):
            raise LabelError(f"active orbitals are {self.active}; give {self.n_orbitals} different numbers from 1")
        if self.n_starts < 1 or (self.active and self.n_starts > 1):
            raise LabelError(
                f"{self.n_starts} starts were asked for; give one or more, and one where active orbitals are given"
            )

    @property
    def n_singlets(self) -> int:
        """Weyl's number. Pauncz, Spin Eigenfunctions (1979)."""
        n, half = self.n_orbitals + 1, self.n_electrons // 2
        return comb(n, half) * comb(n, half + 1) // n

    @property
    def name(self) -> str:
        """Active space, basis and settings."""
        fit = ", density fitting" if self.has_density_fit else ""
        active = f", active {' '.join(map(str, self.active))}" if self.active else ""
        active += f", best of {self.n_starts} starts" if self.n_starts > 1 else ""
        charged = f", charge {self.charge:+d}" if self.charge else ""
        couplings = ", couplings" if self.has_couplings else ""
        space = f"SA-{self.n_states}-CASSCF({self.n_electrons},{self.n_orbitals})/{self.basis}"
        return f"{space}{fit}{active}{charged}{couplings}"

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Of states whose couplings are made: (0, 1), (0, 2), ..., (1, 2), ..."""
        n = self.n_states if self.has_couplings else 0
        return [(a, b) for a in range(n) for b in range(a + 1, n)]

    def n_inactive(self, structure: Structure) -> int:
        """Doubly occupied orbitals below the active ones; LabelError where the electrons do not fit."""
        n_electrons = int(structure.numbers.sum()) - self.charge
        if n_electrons % 2 or n_electrons < self.n_electrons:
            raise LabelError(
                f"the molecule has {n_electrons} electrons with charge {self.charge:+d}; wanted an even number, "
                f"{self.n_electrons} at least: set the charge"
            )
        return (n_electrons - self.n_electrons) // 2

    def starts(self, structure: Structure) -> list[tuple[int, ...]]:
        """Active orbitals from 1, one set a start; (): the frontier orbitals as they come.

        After the frontier orbitals come sets with others in their place, the nearest first: below the highest occupied
        ones and above the lowest empty ones.
        """
        if self.n_starts == 1:
            return [self.active]
        n_full = self.n_electrons // 2
        highest, n_empty = self.n_inactive(structure) + n_full, self.n_orbitals - n_full
        full = combinations(range(highest, max(highest - n_full - REACH, 0), -1), n_full)
        empty = list(combinations(range(highest + 1, highest + n_empty + REACH + 1), n_empty))
        sets = sorted(((sum(above) - sum(below), below, above) for below in full for above in empty), key=_nearest)
        return [tuple(sorted((*below, *above))) for _, below, above in sets[: self.n_starts]]

    def check_roots(self, roots: Sequence[int]) -> None:
        """LabelError unless these are states, one at least."""
        if not roots:
            raise LabelError("no root was asked for; ask for one at least")
        wrong = [root for root in roots if not 0 <= root < self.n_states]
        if wrong:
            raise LabelError(f"root {wrong[0]} was asked for, there are 0..{self.n_states - 1}")

    def labels(self, found: AtomicUnits, structure: Structure) -> Labels:
        """From atomic units; LabelError unless all are finite, of the right number, and energies ascend."""
        energies = _checked(found.energies, (self.n_states,), "energies")
        if (np.diff(energies) < 0).any():
            raise LabelError(f"state energies do not ascend: {energies.tolist()} Hartree; roots may have switched")
        forces = np.full((self.n_states, structure.n_atoms, 3), np.nan)
        for root, gradient in found.gradients.items():
            forces[root] = -_checked(gradient, (structure.n_atoms, 3), f"gradient of state {root}")
        couplings = [_checked(found.couplings[pair], (structure.n_atoms, 3), f"coupling {pair}") for pair in self.pairs]
        return Labels(
            energies * EV_PER_HARTREE,
            forces * EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR,
            np.stack(couplings) * BOHR_PER_ANGSTROM if couplings else None,
            _checked(found.strengths, (self.n_states - 1,), "oscillator strengths"),
        )


def _nearest(start: tuple[int, tuple[int, ...], tuple[int, ...]]) -> tuple[int, tuple[int, ...]]:
    """Sum of the displacements; of equal ones those with other empty orbitals last."""
    return start[0], start[2]


@dataclass(frozen=True, eq=False)
class AtomicUnits:
    """What a program found: energies [n_states], gradients [n_atoms, 3] by state, couplings [n_atoms, 3] by pair."""

    energies: Array
    gradients: dict[int, Array]
    couplings: dict[tuple[int, int], Array]
    strengths: Array


def casscf_of(text: str) -> tuple[int, int, str] | None:
    """Electrons, orbitals and basis of `casscf22-6-31g`; None for anything else."""
    found = re.fullmatch(r"casscf(?:(\d)(\d)|(\d+)e(\d+)o)-(\S+)", text)
    if found is None:
        return None
    n_electrons, n_orbitals = (int(digits) for digits in found.groups()[:4] if digits)
    return n_electrons, n_orbitals, found.group(5)


def positions_bohr(structure: Structure) -> Array:
    """[n_atoms, 3]."""
    return structure.positions / ANGSTROM_PER_BOHR


def _checked(values: Array, shape: tuple[int, ...], what: str) -> Array:
    if values.shape != shape or not np.isfinite(values).all():
        raise LabelError(f"{what}: {values.size} numbers came, wanted {shape} finite ones; look at the geometry")
    return values
