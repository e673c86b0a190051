"""AM1 with a few electrons in orbitals that are never chosen: smooth, single-valued surfaces (`labels.nddo`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np
import torch

from fusionmd.errors import LabelError
from fusionmd.labels.nddo.active import Filter, Site, site_orbitals
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
from fusionmd.threads import one_thread
from fusionmd.units import (
    ANGSTROM_PER_BOHR,
    EV_PER_ANGSTROM_PER_HARTREE_PER_BOHR,
    EV_PER_HARTREE,
    HARTREE_PER_EV,
)


@dataclass(frozen=True)
class Casci:
    """Singlets in the space of a few orbitals, p of sites and sigma of bonds, filtered around the chemical potential.

    parameters: What replaces AM1's, and the sites and bonds.  n_active: Orbitals, for 2 n_active - 2 electrons.
    width_eV: Of the filter.  temperature_eV: Of the electrons whose level it is centred at.
    """

    parameters: Parameters
    n_states: int = 3
    charge: int = 0
    n_active: int = 2
    width_eV: float = 2.8
    temperature_eV: float = 1.4

    def __post_init__(self) -> None:
        n_given, n_singlets = len(self.parameters.sites) + len(self.parameters.bonds), comb(self.n_active + 1, 2)
        if n_given != self.n_active:
            raise LabelError(
                f"active orbitals: {n_given} are given, {self.n_active} are needed; lines SITE ATOM and its three "
                "neighbours, and BOND ATOM ATOM (from 0), in the file of parameters say where they are"
            )
        if not 1 <= self.n_states <= n_singlets:
            raise LabelError(f"{self.n_states} states were asked for; {self.space} makes {n_singlets} singlets")

    @property
    def space(self) -> str:
        """CASCI(electrons,orbitals)."""
        return f"CASCI({2 * self.n_active - 2},{self.n_active})"

    @property
    def name(self) -> str:
        """Hamiltonian, active space, settings, parameters, charge."""
        charged = f", charge {self.charge:+d}" if self.charge else ""
        settings = f"filter {self.width_eV:g} eV, electrons at {self.temperature_eV:g} eV"
        return f"AM1+{self.parameters.name} {self.space} {settings}, {self.n_states} singlets{charged}"

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

    @one_thread()
    def label(self, structure: Structure, roots: Sequence[int]) -> Labels:
        """Energies of all states, forces of `roots`; on one thread."""
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
        self._orbitals = site_orbitals(molecule, self._positions, sites, method.parameters.bonds)
        settings = Filter(method.width_eV * HARTREE_PER_EV, method.temperature_eV * HARTREE_PER_EV)
        near, own = method.memory.start(molecule, positions / ANGSTROM_PER_BOHR), self._orbitals.detach().numpy()
        self._space, fock = self_consistent(self._hamiltonian, own, settings, near)
        method.memory.add(molecule, positions / ANGSTROM_PER_BOHR, fock)
        self.singlets: Singlets = singlets(self._hamiltonian, self._space.core, self._space.active)

    def share(self, atoms: Sequence[int]) -> float:
        """Of the active orbitals on `atoms`, mean of all."""
        is_there = np.isin(self._molecule.orbitals // 4, list(atoms))
        return float((self._space.active[is_there] ** 2).sum() / self._space.n_active)

    def gradients(self, roots: Sequence[int]) -> Array:
        """Of some states [n_roots, n_atoms, 3], Hartree/bohr."""
        space, found = self._space, self.singlets
        pairs = [found.pairs[root] for root in roots]
        by_space = [slopes(self._hamiltonian, space.core, space.active, pair, found.field) for pair in pairs]
        carriers = response(self._hamiltonian, space, by_space)
        return np.stack([self._gradient(pair, *carrier) for pair, carrier in zip(pairs, carriers, strict=True)])

    def _gradient(self, pair: Array, carrier: Array, by_orbitals: Array) -> Array:
        active, density = self._space.active, self._space.density
        filled = self._space.core + active @ active.T
        holes, function = 2 * active @ pair @ pair @ active.T, active @ pair @ active.T
        coulomb: Products = [(filled, 2 * filled - 2 * holes), (carrier, 2 * density)]
        exchange: Products = [(filled, holes - filled), (function, function), (carrier, -density)]
        sums = integral_sum(self._molecule, self._blocks, 2 * filled - holes + carrier, coulomb, exchange)
        whole = sums + (torch.from_numpy(by_orbitals) * self._orbitals).sum()
        (slope,) = torch.autograd.grad(whole, self._positions, retain_graph=True)
        return np.asarray(slope.numpy())
