"""What hopping trajectories ask of electronic surfaces, for a whole batch of geometries at once. Atomic units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Electronic:
    """What surfaces say about a batch of geometries; row k belongs to trajectory k and to no other.

    energies: Adiabatic, ascending [n_traj, n_states], Hartree.
    gradients: dE/dx [n_traj, n_states, n_dof], Hartree/bohr; NaN for states that were not asked for.
    diabatic: Symmetric matrix whose eigenvalues are the energies [n_traj, n_states, n_states], Hartree.
    vectors: Its eigenvectors as columns, diabatic x adiabatic [n_traj, n_states, n_states].
    couplings: d_ij = <i|grad j>, antisymmetric [n_traj, n_states, n_states, n_dof], 1/bohr.
    uncertainties: How uncertain the energies are: standard deviations [n_traj, n_states], Hartree.
    The last four are None where the surfaces do not have them (couplings also if they were not asked for).
    """

    energies: Array
    gradients: Array
    diabatic: Array | None = None
    vectors: Array | None = None
    couplings: Array | None = None
    uncertainties: Array | None = None


class Surfaces(Protocol):
    """Electronic states as functions of the nuclear positions.

    n_states, n_dof: Sizes; atoms have n_dof = 3 n_atoms, in the order x0 y0 z0 x1 ...
    masses: Per degree of freedom [n_dof], electron masses.
    has_couplings, has_diabatic: What `evaluate` can give beside energies and gradients.
    name: Names the surfaces in protocols and checkpoints; equal names mean equal surfaces.
    Optional: `can_fail`, true where single geometries may give NaN, which stops those trajectories alone.
    """

    @property
    def n_states(self) -> int: ...

    @property
    def n_dof(self) -> int: ...

    @property
    def masses(self) -> Array: ...

    @property
    def has_couplings(self) -> bool: ...

    @property
    def has_diabatic(self) -> bool: ...

    @property
    def name(self) -> str: ...

    def curvatures(self, positions: Array, velocities: Array, asked: BoolArray) -> Array:
        """v . H_k . v where `asked`, H_k = second derivatives of E_k [n_traj, n_states], Hartree per time squared."""

    def evaluate(self, positions: Array, asked: BoolArray, *, with_couplings: bool = False) -> Electronic:
        """Energies of all states at positions [n_traj, n_dof], bohr; gradients where `asked` [n_traj, n_states]."""
