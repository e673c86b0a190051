"""Active orbitals and the core below them, taken from a Fock matrix without choosing among orbitals.

The p orbitals of some atoms, perpendicular to their three neighbours, and sigma orbitals of some bonds are filtered by
the Fock matrix F with a Gaussian around the chemical potential,

    a = exp(-(F - level)^2 / (2 width^2)) p,

and made orthonormal: a mixture of frontier orbitals that changes smoothly where these cross others. The level is that
of electrons at a finite temperature, the core the lowest orbitals of what is left. n orbitals hold 2 n - 2 electrons:
in the density C + (1 - 1/n) A A^T all are filled alike, so that nothing polarises one against another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import torch
from scipy.optimize import brentq
from scipy.special import expit
from torch import Tensor

from fusionmd.labels.nddo.molecule import Molecule
from fusionmd.labels.nddo.spectral import Spectral, gaussian_differences, highest_differences
from fusionmd.labels.protocol import Array

REACH = 60.0  # temperatures around the orbitals in which the level lies
AWAY = 10.0  # Hartree, above everything


@dataclass(frozen=True)
class Site:
    """An atom with a p orbital, and its three neighbours; from 0."""

    atom: int
    neighbours: tuple[int, int, int]


@dataclass(frozen=True)
class Filter:
    """width: Of the Gaussian.  temperature: Of the electrons whose level is its centre. Hartree."""

    width: float
    temperature: float


def site_orbitals(
    molecule: Molecule, positions: Tensor, sites: Sequence[Site], bonds: Sequence[tuple[int, int]] = ()
) -> Tensor:
    """p of the sites, sigma of the bonds [n_orbitals, n_sites + n_bonds]; positions [n_atoms, 3], bohr."""
    columns = [_p_orbital(molecule, positions, site) for site in sites]
    return torch.stack([*columns, *(_sigma_orbital(molecule, positions, *bond) for bond in bonds)], dim=1)


def _p_orbital(molecule: Molecule, positions: Tensor, site: Site) -> Tensor:
    """Perpendicular to the neighbours' directions."""
    arms = positions[list(site.neighbours)] - positions[site.atom]
    arms = arms / arms.norm(dim=1, keepdim=True)
    normal = torch.linalg.cross(arms[1] - arms[0], arms[2] - arms[0])
    return _placed(molecule, site.atom, torch.nn.functional.pad(normal / normal.norm(), (1, 0)))


def _sigma_orbital(molecule: Molecule, positions: Tensor, one: int, other: int) -> Tensor:
    """The sum of two sp2 hybrids that point at each other."""
    axis = positions[other] - positions[one]
    axis = axis / axis.norm()
    hybrids = [torch.cat([axis.new_full((1,), 3**-0.5), sign * (2 / 3) ** 0.5 * axis]) for sign in (1, -1)]
    return (_placed(molecule, one, hybrids[0]) + _placed(molecule, other, hybrids[1])) / 2**0.5


def _placed(molecule: Molecule, atom: int, weights: Tensor) -> Tensor:
    """Weights [4] of an atom's orbitals among all."""
    place = int(np.searchsorted(molecule.orbitals, 4 * atom))
    return torch.nn.functional.pad(weights, (place, len(molecule.orbitals) - place - len(weights)))


class ActiveSpace:
    """active: [n_orbitals, n_active].  core: Projector on the core orbitals.  density: Half that of the electrons.

    occupation: Of the active orbitals in it.  gap: Between core and empty orbitals, Hartree; near 0 the core is not
    defined.
    """

    def __init__(self, molecule: Molecule, fock: Array, orbitals: Array, settings: Filter) -> None:
        energies, vectors = np.linalg.eigh(fock)
        level, weights = _level(energies, molecule.n_pairs, settings.temperature)
        self._level_slope = (vectors * weights) @ vectors.T
        self._fock, self._orbitals = fock - level * np.eye(len(fock)), orbitals
        filtered = np.exp(-(((energies - level) / settings.width) ** 2) / 2)
        self._filter = Spectral(vectors, filtered, gaussian_differences(energies - level, settings.width))
        self.active, self._factor = _orthonormal(self._filter.value @ orbitals)
        self.n_active = orbitals.shape[1]
        self.occupation = 1 - 1 / self.n_active
        self._taken = self.active @ self.active.T
        self._lowest, self.gap = _lowest(self._fock, self._taken, molecule.n_pairs - (self.n_active - 1))
        self.core = self._lowest.value
        self.density = self.core + self.occupation * self._taken

    def backward(self, by_core: Array, by_active: Array) -> tuple[Array, Array]:
        """Derivatives by the Fock matrix and by the p and sigma orbitals of what has these by core and active.

        What is differentiated must not change where the active orbitals are mixed among themselves.
        """
        rest = np.eye(len(self._fock)) - self._taken
        inner = self._lowest.backward(by_core)
        mixed = inner @ rest @ self._fock
        by_taken = mixed + mixed.T - AWAY * inner
        by_filtered = scipy.linalg.solve_triangular(
            self._factor, (rest @ (by_active + 2 * by_taken @ self.active)).T, lower=True, trans="T"
        ).T
        slope = self._filter.backward(by_filtered @ self._orbitals.T) - rest @ inner @ rest
        return slope - np.trace(slope) * self._level_slope, self._filter.value @ by_filtered


def _level(energies: Array, n_pairs: float, temperature: float) -> tuple[float, Array]:
    """Chemical potential, and its slopes by the energies [n_orbitals]."""

    def excess(level: float) -> float:
        return float(expit((level - energies) / temperature).sum() - n_pairs)

    margin = REACH * temperature
    level = float(brentq(excess, energies[0] - margin, energies[-1] + margin, xtol=1e-15))
    filled = expit((level - energies) / temperature)
    slopes = filled * (1 - filled)
    return level, slopes / slopes.sum()


def _orthonormal(columns: Array) -> tuple[Array, Array]:
    """Gram-Schmidt, with the factor L of the overlaps; the states do not depend on how the orbitals are mixed."""
    factor = np.linalg.cholesky(columns.T @ columns)
    return np.asarray(scipy.linalg.solve_triangular(factor, columns.T, lower=True).T), np.asarray(factor)


def _lowest(fock: Array, taken: Array, n: int) -> tuple[Spectral, float]:
    """Projector on the n lowest orbitals that are orthogonal to those taken, and the gap above them."""
    rest = np.eye(len(fock)) - taken
    values, vectors = np.linalg.eigh(-(rest @ fock @ rest) - AWAY * taken)
    step = np.where(np.arange(len(values)) < len(values) - n, 0.0, 1.0)
    return Spectral(vectors, step, highest_differences(values, n)), float(values[-n] - values[-n - 1])
