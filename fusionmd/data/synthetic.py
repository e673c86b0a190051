"""Data with exact labels: an analytic molecular potential, sampled with a seed; for tests, examples and demonstrations.

    E = sum_a E0_a + 1/2 sum_{ij} f(r) D ((1 - x)^2 - 1)
      + k/2 sum_i sum_{j != k} f(r_ij) f(r_ik) (cos(theta_jik) + 1/3)^2

with Morse's x = exp(-a (r - r0)) (Phys. Rev. 34, 57 (1929)) and the cutoff f(r) = (1 - r^2/r_c^2)^3. It is no model of
any substance; what matters is that energy, forces and stress agree exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusionmd.data.frame import Frame
from fusionmd.neighbors import Edges, neighbor_list
from fusionmd.structure import Structure

CUTOFF = 4.0  # angstrom
RADII = {1: 0.37, 6: 0.74, 8: 0.68, 12: 1.18}  # angstrom; a bond is as long as the sum of two
E0 = {1: -13.6, 6: -1029.0, 8: -2042.0, 12: -5440.0}  # eV
WELL_DEPTH = 4.0  # eV
STEEPNESS = 1.6  # 1/angstrom
ANGLE_STIFFNESS = 0.4  # eV
PREFERRED_COSINE = -1.0 / 3.0  # tetrahedral

ETHANOL_NUMBERS = (6, 6, 8, 1, 1, 1, 1, 1, 1)
ETHANOL_POSITIONS = (
    (-1.19, -0.22, 0.00), (0.12, 0.55, 0.00), (1.21, -0.37, 0.00), (-1.24, -0.85, 0.89), (-1.24, -0.85, -0.89),
    (-2.04, 0.46, 0.00), (0.19, 1.18, 0.89), (0.19, 1.18, -0.89), (2.02, 0.15, 0.00),
)  # fmt: skip
ROCK_SALT_LENGTH = 4.2  # angstrom


class Labels(NamedTuple):
    """energy: eV.  forces: [n_atoms, 3], eV/angstrom.  stress: [3, 3], eV/angstrom^3, None without a volume."""

    energy: float
    forces: NDArray[np.float64]
    stress: NDArray[np.float64] | None


def synthetic_frames(n: int, seed: int, periodic: bool = False) -> list[Frame]:
    """`n` distorted ethanol molecules, or strained cells of 8 Mg and O atoms, with exact labels."""
    generator = np.random.default_rng(seed)
    sample = _distorted_crystal if periodic else _distorted_molecule
    return [_labelled(sample(generator), index) for index in range(n)]


def synthetic_labels(structure: Structure) -> Labels:
    """Energy, forces and stress of a structure of H, C, O and Mg."""
    edges = neighbor_list(structure, CUTOFF)
    pair_energy, pair_gradients = _morse(structure, edges)
    angle_energy, angle_gradients = _angles(edges, structure.n_atoms)
    gradients = pair_gradients + angle_gradients
    forces = np.zeros((structure.n_atoms, 3))
    np.add.at(forces, edges.receivers, gradients)
    np.add.at(forces, edges.senders, -gradients)
    stress = None
    if structure.volume > 0:
        work = edges.vectors.T @ gradients
        stress = 0.5 * (work + work.T) / structure.volume
    reference = sum(E0[int(number)] for number in structure.numbers)
    return Labels(reference + pair_energy + angle_energy, forces, stress)


def _labelled(structure: Structure, index: int) -> Frame:
    energy, forces, stress = synthetic_labels(structure)
    return Frame(structure, np.array(energy), forces, stress, source=f"synthetic, frame {index}")


def _distorted_molecule(generator: np.random.Generator) -> Structure:
    positions = np.asarray(ETHANOL_POSITIONS)
    return Structure(ETHANOL_NUMBERS, positions + generator.normal(scale=0.05, size=positions.shape))


def _distorted_crystal(generator: np.random.Generator) -> Structure:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    numbers = np.where(corners.sum(axis=1) % 2, 8, 12)
    cell = ROCK_SALT_LENGTH * (np.eye(3) + generator.normal(scale=0.02, size=(3, 3)))
    positions = 0.5 * corners @ cell + generator.normal(scale=0.05, size=(8, 3))
    return Structure(numbers, positions, cell, True)


def _cutoff_function(r: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    inside = 1.0 - (r / CUTOFF) ** 2
    return inside**3, -6.0 * r / CUTOFF**2 * inside**2


def _morse(structure: Structure, edges: Edges) -> tuple[float, NDArray[np.float64]]:
    """Energy, and gradient with respect to each edge vector [n_edges, 3]."""
    radii = np.array([RADII[int(number)] for number in structure.numbers])
    r = np.linalg.norm(edges.vectors, axis=1)
    x = np.exp(-STEEPNESS * (r - radii[edges.senders] - radii[edges.receivers]))
    well, slope = WELL_DEPTH * ((1.0 - x) ** 2 - 1.0), 2.0 * WELL_DEPTH * STEEPNESS * (1.0 - x) * x
    f, df = _cutoff_function(r)
    gradients = 0.5 * (f * slope + df * well)[:, None] * edges.vectors / r[:, None]
    return float(0.5 * np.sum(f * well)), gradients


def _angles(edges: Edges, n_atoms: int) -> tuple[float, NDArray[np.float64]]:
    """Energy of all pairs of edges at one receiver, and its gradient [n_edges, 3]."""
    r = np.linalg.norm(edges.vectors, axis=1, keepdims=True)
    unit = edges.vectors / r
    f, df = _cutoff_function(r[:, 0])
    energy, gradients = 0.0, np.zeros_like(edges.vectors)
    for atom in range(n_atoms):
        at = np.flatnonzero(edges.receivers == atom)
        cosines = unit[at] @ unit[at].T
        deviation = cosines - PREFERRED_COSINE
        np.fill_diagonal(deviation, 0.0)
        weights = f[at][:, None] * f[at][None, :]
        energy += 0.5 * ANGLE_STIFFNESS * float(np.sum(weights * deviation**2))
        along = (f[at][None, :] * deviation**2).sum(axis=1) * df[at]
        turning = 2.0 * weights * deviation
        across = turning @ unit[at] - (turning * cosines).sum(axis=1)[:, None] * unit[at]
        gradients[at] += ANGLE_STIFFNESS * (along[:, None] * unit[at] + across / r[at])
    return energy, gradients
