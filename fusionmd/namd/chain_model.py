"""Two levels at the end of a chain of atoms: where populations of hopping trajectories become thermal, or do not.

Parandekar, Tully, J. Chem. Phys. 122, 094102 (2005): V(r) = V0 (a^2 r^2 - a^3 r^3 + 0.58 a^4 r^4) between neighbours
and between the first atom and a wall; both levels feel the same chain, their gap is constant, and so is d_01 along the
last atom: W = V + gap/2 (1 - [[cos 2 d x, sin 2 d x], [sin 2 d x, -cos 2 d x]]).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusionmd.namd.protocol import Array


@dataclass(frozen=True)
class TwoLevelChain:
    """Atomic units; the defaults are 175 kJ/mol, 4/angstrom, 12 amu and a coupling of 6/angstrom."""

    n_atoms: int = 6
    gap: float = 3e-3
    coupling: float = 3.2
    depth: float = 0.0667
    stiffness: float = 2.117
    mass: float = 21874.7

    @property
    def n_states(self) -> int:
        """Two."""
        return 2

    @property
    def masses(self) -> Array:
        """[n_atoms], electron masses."""
        return np.full(self.n_atoms, self.mass)

    @property
    def name(self) -> str:
        """The model with its parameters."""
        return repr(self)

    def matrix(self, positions: Array) -> Array:
        """W [n, 2, 2]."""
        ar = self.stiffness * self._stretches(positions)
        chain = self.depth * np.ascontiguousarray(ar**2 - ar**3 + 0.58 * ar**4).sum(axis=1)
        angle = 2 * self.coupling * positions[:, -1]
        cosine, sine = self.gap / 2 * np.cos(angle), self.gap / 2 * np.sin(angle)
        lower, upper = chain + self.gap / 2 - cosine, chain + self.gap / 2 + cosine
        return np.stack([np.stack([lower, -sine], axis=1), np.stack([-sine, upper], axis=1)], axis=1)

    def derivative(self, positions: Array) -> Array:
        """dW/dx [n, 2, 2, n_atoms]."""
        ar = self.stiffness * self._stretches(positions)
        pull = self.depth * self.stiffness * (2 * ar - 3 * ar**2 + 2.32 * ar**3)
        slopes = pull - np.concatenate([pull[:, 1:], np.zeros((len(pull), 1))], axis=1)
        result = slopes[:, None, None, :] * np.eye(2)[:, :, None]
        angle = 2 * self.coupling * positions[:, -1]
        cosine, sine = self.gap * self.coupling * np.cos(angle), self.gap * self.coupling * np.sin(angle)
        result[..., -1] += np.stack([np.stack([sine, -cosine], axis=1), np.stack([-cosine, -sine], axis=1)], axis=1)
        return result

    @staticmethod
    def _stretches(positions: Array) -> Array:
        """Displacements of each atom from the one before it; the first from the wall."""
        return np.diff(positions, axis=1, prepend=0.0)
