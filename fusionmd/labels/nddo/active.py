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
import torch
from scipy.optimize import brentq
from scipy.special import expit
from torch import Tensor

from fusionmd.labels.nddo.molecule import Molecule
from fusionmd.labels.nddo.spectral import gaussian_differences, highest_differences, spectral
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
        self._fock = torch.from_numpy(fock - level * np.eye(len(fock))).requires_grad_()
        self._orbitals = torch.from_numpy(orbitals).requires_grad_()
        values = np.exp(-(((energies - level) / settings.width) ** 2) / 2)
        table = gaussian_differences(energies - level, settings.width)
        self._active = _orthonormal(spectral(self._fock, vectors, values, table) @ self._orbitals)
        self.n_active = orbitals.shape[1]
        self.occupation = 1 - 1 / self.n_active
        self._core, self.gap = _lowest(self._fock, self._active, molecule.n_pairs - (self.n_active - 1))
        self.active, self.core = self._active.detach().numpy(), self._core.detach().numpy()
        self.density = self.core + self.occupation * self.active @ self.active.T

    def backward(self, by_core: Array, by_active: Array) -> tuple[Array, Array]:
        """Derivatives by the Fock matrix and by the p orbitals of what has these by core and active."""
        by_centred, by_orbitals = torch.autograd.grad(
            [self._core, self._active],
            [self._fock, self._orbitals],
            [torch.from_numpy(by_core), torch.from_numpy(by_active)],
            retain_graph=True,
        )
        slope = by_centred.numpy()
        return slope - np.trace(slope) * self._level_slope, by_orbitals.numpy()


def _level(energies: Array, n_pairs: float, temperature: float) -> tuple[float, Array]:
    """Chemical potential, and its slopes by the energies [n_orbitals]."""

    def excess(level: float) -> float:
        return float(expit((level - energies) / temperature).sum() - n_pairs)

    margin = REACH * temperature
    level = float(brentq(excess, energies[0] - margin, energies[-1] + margin, xtol=1e-15))
    filled = expit((level - energies) / temperature)
    slopes = filled * (1 - filled)
    return level, slopes / slopes.sum()


def _orthonormal(columns: Tensor) -> Tensor:
    """Gram-Schmidt; the states do not depend on how the orbitals are mixed."""
    factor = torch.linalg.cholesky(columns.T @ columns)
    return torch.linalg.solve_triangular(factor, columns.T, upper=False).T


def _lowest(fock: Tensor, active: Tensor, n: int) -> tuple[Tensor, float]:
    """Projector on the n lowest orbitals that are orthogonal to the active ones, and the gap above them."""
    taken = active @ active.T
    rest = torch.eye(len(fock), dtype=fock.dtype) - taken
    matrix = -(rest @ fock @ rest) - AWAY * taken
    values, vectors = np.linalg.eigh(matrix.detach().numpy())
    step = np.where(np.arange(len(values)) < len(values) - n, 0.0, 1.0)
    gap = float(values[-n] - values[-n - 1])
    return spectral(matrix, vectors, step, highest_differences(values, n)), gap
