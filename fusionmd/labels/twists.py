"""Twists: a state-independent energy h sin^2(phi) that holds a plane to its neighbour across a bond.

Two electrons in two half-filled orbitals leave the ground state with the pi bond order of an excited one: conjugation
across single bonds comes out too weak, and rings turn out of the plane. phi is the angle about the bond centre-end
between centre->neighbour and left->right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusionmd.labels.protocol import Array

LEAST_AREA = 1e-6  # of the two normals, angstrom^2: flatter, and there is no angle


@dataclass(frozen=True)
class Twist:
    """neighbour, centre, end, left, right: Atoms from 0; left and right beside end.  height_eV: At a right angle."""

    neighbour: int
    centre: int
    end: int
    left: int
    right: int
    height_eV: float

    @property
    def atoms(self) -> tuple[int, int, int, int, int]:
        """In the order of a line."""
        return self.neighbour, self.centre, self.end, self.left, self.right

    def evaluate(self, positions: Array) -> tuple[float, Array]:
        """Energy, eV, and its gradient, eV/angstrom, at positions [n_atoms, 3], angstrom; 0 where atoms are in line."""
        neighbour, centre, end, left, right = positions[list(self.atoms)]
        axis, arm, across = end - centre, neighbour - centre, left - right
        one, other = np.cross(arm, axis), np.cross(across, axis)
        gradient = np.zeros_like(positions)
        sizes = np.linalg.norm(one), np.linalg.norm(other)
        if min(sizes) < LEAST_AREA:
            return 0.0, gradient
        one, other = one / sizes[0], other / sizes[1]
        cosine = float(one @ other)
        along_one, along_other = (other - cosine * one) / sizes[0], (one - cosine * other) / sizes[1]
        by_arm, by_across = np.cross(axis, along_one), np.cross(axis, along_other)
        by_axis = np.cross(along_one, arm) + np.cross(along_other, across)
        for atom, slope in zip(self.atoms, (by_arm, -by_arm - by_axis, by_axis, by_across, -by_across), strict=True):
            gradient[atom] += -2.0 * self.height_eV * cosine * slope
        return self.height_eV * (1.0 - cosine**2), gradient
