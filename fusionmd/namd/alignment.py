"""Geometries laid over each other by rotation and translation. Kabsch, Acta Cryst. A 32, 922 (1976)."""

from __future__ import annotations

import numpy as np

from fusionmd.namd.protocol import Array


def aligned(points: Array, reference: Array, weights: Array) -> Array:
    """`points` [n_atoms, 3] moved onto `reference` with the least weighted distance; weights: [n_atoms]."""
    shares = weights / weights.sum()
    centre, goal = shares @ points, shares @ reference
    return (points - centre) @ _rotation(points - centre, reference - goal, shares).T + goal


def rmsd(points: Array, reference: Array) -> float:
    """Root mean square distance of atoms after alignment; of the structure or its mirror image, what is smaller."""
    weights = np.ones(len(points))
    images = (aligned(image, reference, weights) for image in (points, -points))
    return float(min(np.sqrt(((image - reference) ** 2).sum(axis=1).mean()) for image in images))


def _rotation(points: Array, reference: Array, shares: Array) -> Array:
    """Proper rotation R that makes sum w |R p - q|^2 least."""
    left, _, right = np.linalg.svd((shares[:, None] * reference).T @ points)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    return np.asarray((left * signs) @ right)
