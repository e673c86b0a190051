"""A structure: which atoms are where, and how space repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fusionmd.errors import UnsupportedStructureError

MIN_PERIODIC_HEIGHT = 1e-3  # angstrom
MAX_ATOMIC_NUMBER = 118


@dataclass(frozen=True, eq=False)
class Structure:
    """Atoms in space; validated, and its arrays are read-only copies.

    numbers: Atomic numbers [n_atoms], 1..118.
    positions: [n_atoms, 3], angstrom; atoms may lie outside the cell.
    cell: Cell vectors as rows [3, 3], angstrom; zeros if there is none.
    pbc: Whether space repeats along each cell vector.
    """

    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    pbc: tuple[bool, bool, bool]

    def __init__(
        self,
        numbers: ArrayLike,
        positions: ArrayLike,
        cell: ArrayLike | None = None,
        pbc: bool | Sequence[bool] = False,
    ) -> None:
        fields = {
            "numbers": _numbers(numbers),
            "positions": _float_array(positions, "positions"),
            "cell": _cell(cell),
            "pbc": _pbc(pbc),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        _check_positions(self.positions, len(self.numbers))
        _check_periodic_axes(self.cell, self.pbc)

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.numbers)

    @property
    def is_periodic(self) -> bool:
        """Whether space repeats along any cell vector."""
        return any(self.pbc)

    @property
    def volume(self) -> float:
        """Volume of the cell, angstrom^3; 0 if nothing is periodic or the cell spans no volume."""
        return float(abs(np.linalg.det(self.cell))) if self.is_periodic else 0.0

    @classmethod
    def from_ase(cls, atoms: Any) -> Structure:
        """The structure of an `ase.Atoms`."""
        return cls(atoms.get_atomic_numbers(), atoms.get_positions(), atoms.cell.array, atoms.pbc)

    def to_ase(self) -> Any:
        """An `ase.Atoms` of this structure."""
        from ase import Atoms  # ase is an optional guest here: only this method needs it

        return Atoms(numbers=self.numbers, positions=self.positions, cell=self.cell, pbc=self.pbc)

    def with_positions(self, positions: ArrayLike) -> Structure:
        """The same atoms elsewhere; positions [n_atoms, 3], angstrom."""
        return Structure(self.numbers, positions, self.cell, self.pbc)

    def strained(self, strain: ArrayLike) -> Structure:
        """Positions and cell deformed by r -> r (1 + strain), strain [3, 3]."""
        deformation = np.eye(3) + np.asarray(strain, dtype=np.float64)
        return Structure(self.numbers, self.positions @ deformation, self.cell @ deformation, self.pbc)

    def __len__(self) -> int:
        return self.n_atoms

    def __repr__(self) -> str:
        axes = "".join("T" if axis else "F" for axis in self.pbc)
        return f"Structure({self.n_atoms} atoms, elements {sorted(set(self.numbers.tolist()))}, pbc {axes})"


def completed_cell(cell: NDArray[np.float64], pbc: Sequence[bool]) -> NDArray[np.float64]:
    """Cell [3, 3] whose non-periodic rows are unit vectors orthogonal to the periodic ones (and to each other)."""
    periodic = np.asarray(pbc, dtype=bool)
    if periodic.all():
        return np.array(cell)
    full = np.array(cell)
    # The last right-singular vectors span the complement of the periodic rows.
    full[~periodic] = np.linalg.svd(cell[periodic].reshape(-1, 3))[2][periodic.sum() :]
    return full


def axis_heights(cell: NDArray[np.float64], pbc: Sequence[bool]) -> NDArray[np.float64]:
    """Distances [3] between the lattice planes of each cell vector, angstrom; inf along non-periodic axes."""
    if not any(pbc):
        return np.full(3, np.inf)
    full = completed_cell(cell, pbc)
    volume = abs(np.linalg.det(full))
    areas = np.linalg.norm(np.cross(full[[1, 2, 0]], full[[2, 0, 1]]), axis=1)
    heights = np.divide(volume, areas, out=np.zeros(3), where=areas > 0)
    return np.where(pbc, heights, np.inf)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array


def _numbers(numbers: ArrayLike) -> NDArray[np.int64]:
    given = np.array(numbers)
    if given.ndim != 1:
        raise UnsupportedStructureError(f"atomic numbers have shape {given.shape}; give one number per atom, [n_atoms]")
    if given.size == 0:
        raise UnsupportedStructureError("the structure has no atoms; give at least one")
    if given.dtype.kind not in "iu" or given.min() < 1 or given.max() > MAX_ATOMIC_NUMBER:
        raise UnsupportedStructureError(
            f"atomic numbers must be integers 1..{MAX_ATOMIC_NUMBER}, got {given[:8].tolist()}"
        )
    return _read_only(given.astype(np.int64))


def _float_array(values: ArrayLike, name: str) -> NDArray[np.float64]:
    try:
        return _read_only(np.array(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise UnsupportedStructureError(f"{name} are not an array of numbers ({error})") from None


def _cell(cell: ArrayLike | None) -> NDArray[np.float64]:
    given = _float_array(np.zeros((3, 3)) if cell is None else cell, "cell vectors")
    if given.shape != (3, 3):
        raise UnsupportedStructureError(f"the cell has shape {given.shape}; give three row vectors [3, 3], angstrom")
    if not np.isfinite(given).all():
        raise UnsupportedStructureError(f"the cell holds NaN or infinity: {given.tolist()}")
    return given


def _pbc(pbc: bool | Sequence[bool]) -> tuple[bool, bool, bool]:
    given = np.asarray(pbc)
    axes = np.broadcast_to(given, 3) if given.ndim == 0 else given
    if axes.shape != (3,):
        raise UnsupportedStructureError(f"pbc is {pbc!r}; give one bool or three")
    return bool(axes[0]), bool(axes[1]), bool(axes[2])


def _check_positions(positions: NDArray[np.float64], n_atoms: int) -> None:
    if positions.shape != (n_atoms, 3):
        raise UnsupportedStructureError(
            f"{n_atoms} atomic numbers but positions of shape {positions.shape}; wanted [{n_atoms}, 3], in angstrom"
        )
    bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if bad.size:
        raise UnsupportedStructureError(
            f"positions of atoms {bad[:8].tolist()} are NaN or infinite; repair or drop the frame"
        )


def _check_periodic_axes(cell: NDArray[np.float64], pbc: tuple[bool, bool, bool]) -> None:
    heights = axis_heights(cell, pbc)
    flat = np.flatnonzero(~(heights > MIN_PERIODIC_HEIGHT))
    if flat.size:
        # Where one vector is missing its neighbours are flat too: the shortest is to blame.
        axis = flat[np.argmin(np.linalg.norm(cell[flat], axis=1))]
        raise UnsupportedStructureError(
            f"periodic axis {axis} has height {heights[axis]:.3g} angstrom (cell {cell.tolist()}, pbc {pbc}); "
            "give a cell that spans it, or set pbc to False along it"
        )
