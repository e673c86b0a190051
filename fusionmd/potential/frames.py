"""Structures that try a potential: what the self-test and the export checks run on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fusionmd.structure import Structure

MIN_SEPARATION = 1.2  # angstrom
N_CLUSTER_ATOMS = 8
SEED = 20


def default_frames(elements: Sequence[int], cutoff: float) -> list[Structure]:
    """A cluster of all elements in turn, a crystal with a cell smaller than the cutoff, and a lone atom."""
    rng = np.random.default_rng(SEED)
    cluster = _cluster(rng, max(N_CLUSTER_ATOMS, len(elements)))
    cell = _small_cell(cutoff)
    return [
        Structure(_in_turn(elements, len(cluster)), cluster),
        Structure(_in_turn(elements, 2), np.array([[0.1, 0.2, 0.3], [0.55, 0.45, 0.6]]) @ cell, cell, True),
        Structure([elements[0]], [[0.0, 0.0, 0.0]]),
    ]


def chain_frame(elements: Sequence[int], cutoff: float, n_hops: int) -> Structure:
    """A zigzag chain longer than the receptive field of its first atom; neighbours at 0.6 cutoff."""
    n_atoms = 2 * n_hops + 4
    index = np.arange(n_atoms)
    positions = np.stack([0.55 * cutoff * index, 0.2 * cutoff * (index % 2), 0.1 * cutoff * (index % 3)], axis=1)
    return Structure(_in_turn(elements, n_atoms), positions)


def dense_frame(elements: Sequence[int], cutoff: float) -> Structure:
    """A periodic structure of condensed density, about 0.1 atoms per cubic angstrom."""
    n = max(2, round(cutoff / 2.15))
    grid = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    jitter = np.random.default_rng(SEED).uniform(-0.05, 0.05, grid.shape)
    return Structure(_in_turn(elements, len(grid)), (grid + jitter) * 2.15, np.eye(3) * n * 2.15, True)


def _small_cell(cutoff: float) -> NDArray[np.float64]:
    edge = max(2.6, min(3.2, 0.7 * cutoff))
    return edge * np.array([[1.0, 0.0, 0.0], [0.2, 1.0, 0.0], [0.1, -0.15, 1.1]])


def _cluster(rng: np.random.Generator, n_atoms: int) -> NDArray[np.float64]:
    """Random points in a cube, no two closer than MIN_SEPARATION."""
    edge = 1.6 * n_atoms ** (1 / 3)
    points: list[NDArray[np.float64]] = []
    while len(points) < n_atoms:
        point = rng.uniform(0.0, edge, 3)
        if all(np.linalg.norm(point - other) > MIN_SEPARATION for other in points):
            points.append(point)
        edge *= 1.001  # a cube that grows can always be filled
    return np.array(points)


def _in_turn(elements: Sequence[int], n_atoms: int) -> list[int]:
    return [int(elements[i % len(elements)]) for i in range(n_atoms)]
