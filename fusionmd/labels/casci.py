"""AM1 with two electrons in two orbitals that are never chosen: smooth, single-valued surfaces (`labels.nddo`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from fusionmd.errors import LabelError
from fusionmd.labels.nddo.active import Filter, Site, p_orbitals
from fusionmd.labels.nddo.coulomb import Hamiltonian
from fusionmd.labels.nddo.elements import AM1, Element, replaced
from fusionmd.labels.nddo.field import response, self_consistent
from fusionmd.labels.nddo.gradient import Products, integral_sum
from fusionmd.labels.nddo.memory import Memory
from fusionmd.labels.nddo.molecule import Molecule
from fusionmd.labels.nddo.pairs import Block, blocks
from fusionmd.labels.nddo.singlets import Singlets, singlets, slopes
from fusionmd.labels.parameters import Parameters
from fusionmd.labels.protocol import Array, Labels
from fusionmd.labels.terms import total
from fusionmd.structure import Structure
from fusionmd.units import (
    ANGSTROM_PER_BOHR,
    EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR,
    EV_PER_HARTREE,
    HARTREE_PER_EV,
)

N_SITES = 2


@dataclass(frozen=True)
class Casci:
    """Three singlets in the space of two p orbitals, filtered around the chemical potential.

    parameters: What replaces AM1's, and the two sites of the p orbitals.  width_eV: Of the filter.
    temperature_eV: Of the electrons whose level it is centred at.
    """

    parameters: Parameters
    n_states: int = 3
    charge: int = 0
    width_eV: float = 2.8
    temperature_eV: float = 1.4

    def __post_init__(self) -> None:
        if len(self.parameters.sites) != N_SITES:
            raise LabelError(
                f"{len(self.parameters.sites)} sites are given, two are needed: lines SITE ATOM and its three "
                "neighbours (from 0) in the file of parameters say where the active p orbitals are"
            )

    @property
    def name(self) -> str:
        """Hamiltonian, active space, settings, parameters, charge."""
        charged = f", charge {self.charge:+d}" if self.charge else ""
        settings = f"filter {self.width_eV:g} eV, electrons at {self.temperature_eV:g} eV"
        return f"AM1+{self.parameters.name} CASCI(2,2) {settings}, {self.n_states} singlets{charged}"

    @property
    def is_in_process(self) -> bool:
        """It starts no process of its own; several calculations at a time want several processes."""
        return True

    @property
    def elements(self) -> frozenset[int]:
        """H, C, N, O."""
        return frozenset(AM1)

    @cached_property
    def memory(self) -> Memory:
        """Of the last geometries."""
        return Memory()

    @cached_property
    def _table(self) -> dict[int, Element]:
        return replaced(AM1, self.parameters.text)

    def label(self, structure: Structure, roots: Sequence[int]) -> Labels:
        """Energies of all states, forces of `roots`."""
        self.parameters.check_atoms(structure)
        wrong = [root for root in roots if not 0 <= root < self.n_states]
        if wrong:
            raise LabelError(f"root {wrong[0]} was asked for, there are 0..{self.n_states - 1}")
        point = Point(Molecule(structure.numbers, self._table, self.charge), structure.positions, self)
        shift, slope = total(self.parameters.terms, structure.positions)
        forces = np.full((self.n_states, structure.n_atoms, 3), np.nan)
        if roots:
            found = point.gradients(roots) * EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR
            forces[list(roots)] = -found - slope
        energies = point.singlets.energies[: self.n_states] * EV_PER_HARTREE + shift
        weight = point.share(self.parameters.active) if self.parameters.active else None
        return Labels(energies, forces, active_weight=weight)


class Point:
    """One geometry; positions [n_atoms, 3], angstrom."""

    def __init__(self, molecule: Molecule, positions: Array, method: Casci) -> None:
        self._molecule = molecule
        self._positions = torch.tensor(positions / ANGSTROM_PER_BOHR, requires_grad=True)
        self._blocks: list[Block] = blocks(molecule, self._positions)
        self._hamiltonian = Hamiltonian(molecule, self._blocks)
        sites = [Site(atom, (a, b, c)) for atom, a, b, c in method.parameters.sites]
        self._orbitals = p_orbitals(molecule, self._positions, sites)
        settings = Filter(method.width_eV * HARTREE_PER_EV, method.temperature_eV * HARTREE_PER_EV)
        near, own = method.memory.start(molecule, positions / ANGSTROM_PER_BOHR), self._orbitals.detach().numpy()
        self._space, fock = self_consistent(self._hamiltonian, own, settings, near)
        method.memory.add(molecule, positions / ANGSTROM_PER_BOHR, fock)
        self.singlets: Singlets = singlets(self._hamiltonian, self._space.core, self._space.active)

    def share(self, atoms: Sequence[int]) -> float:
        """Of the active orbitals on `atoms`, mean of the two."""
        is_there = np.isin(self._molecule.orbitals // 4, list(atoms))
        return float((self._space.active[is_there] ** 2).sum() / N_SITES)

    def gradients(self, roots: Sequence[int]) -> Array:
        """Of some states [n_roots, n_atoms, 3], Hartree/bohr."""
        space, found = self._space, self.singlets
        pairs = [found.pairs[root] for root in roots]
        by_space = [slopes(self._hamiltonian, space.core, space.active, pair, found.field) for pair in pairs]
        carriers = response(self._hamiltonian, space, by_space)
        return np.stack([self._gradient(pair, *carrier) for pair, carrier in zip(pairs, carriers, strict=True)])

    def _gradient(self, pair: Array, carrier: Array, by_orbitals: Array) -> Array:
        core, active, density = self._space.core, self._space.active, self._space.density
        outer, function = 2 * active @ pair @ pair @ active.T, active @ pair @ active.T
        coulomb: Products = [(core, 2 * core + 2 * outer), (carrier, 2 * density)]
        exchange: Products = [(core, -core - outer), (function, function), (carrier, -density)]
        sums = integral_sum(self._molecule, self._blocks, 2 * core + outer + carrier, coulomb, exchange)
        whole = sums + (torch.from_numpy(by_orbitals) * self._orbitals).sum()
        (slope,) = torch.autograd.grad(whole, self._positions, retain_graph=True)
        return np.asarray(slope.numpy())
