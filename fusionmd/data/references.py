"""Reference energies E0 of the elements: given, read from isolated atoms, or fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fusionmd.data.frame import Frame
from fusionmd.elements import symbol, symbols
from fusionmd.errors import DataError

E0 = dict[int, float]
SAME_ENERGY = 1e-6  # eV


def reference_energies(frames: Sequence[Frame], source: Mapping[int, float] | Literal["isolated", "fitted"]) -> E0:
    """E0 by atomic number, eV, of every element in `frames`: a given table, isolated-atom frames, or a fit."""
    elements = elements_of(frames)
    if source == "fitted":
        return fitted_energies([frame for frame in frames if not frame.is_isolated_atom] or frames)
    table = isolated_atom_energies(frames) if source == "isolated" else dict(source)
    missing = [number for number in elements if number not in table]
    if missing:
        raise DataError(f"no E0 for {symbols(missing)}; give their energies in eV, or frames of isolated atoms")
    return {number: float(table[number]) for number in elements}


def elements_of(frames: Sequence[Frame]) -> list[int]:
    """Atomic numbers that occur, sorted."""
    return sorted({int(number) for frame in frames for number in frame.structure.numbers})


def isolated_atom_energies(frames: Sequence[Frame]) -> E0:
    """Energies (ground state) of all isolated-atom frames by atomic number, eV; two that disagree are an error."""
    found: E0 = {}
    for frame in frames:
        if not frame.is_isolated_atom or frame.energy is None:
            continue
        number, energy = int(frame.structure.numbers[0]), frame.ground_energy
        if abs(found.setdefault(number, energy) - energy) > SAME_ENERGY:
            raise DataError(
                f"{frame.source}: isolated {symbol(number)} has {energy} eV, an earlier frame says {found[number]} eV; "
                "keep one of them"
            )
    return found


def compositions(frames: Sequence[Frame], elements: Sequence[int]) -> NDArray[np.float64]:
    """Number of atoms of each element in each frame [n_frames, n_elements]."""
    known = np.asarray(elements)
    return np.stack([(frame.structure.numbers[:, None] == known).sum(axis=0) for frame in frames]).astype(np.float64)


def fitted_energies(frames: Sequence[Frame], *, smallest: bool = False) -> E0:
    """E0 of least squared error of E - sum(E0), eV.

    If the compositions do not determine every E0 (one molecule, one alloy) that is an error, unless `smallest`
    asks for the solution of least norm: the sum over those compositions is then right, the single values mean little.
    """
    known = [frame for frame in frames if frame.energy is not None]
    if not known:
        raise DataError("no frame has an energy, so E0 cannot be fitted; give E0 as a table")
    elements = elements_of(known)
    counts = compositions(known, elements)
    energies = np.array([frame.ground_energy for frame in known], dtype=np.float64)
    rank = int(np.linalg.matrix_rank(counts))
    if rank < len(elements) and not smallest:
        raise DataError(
            f"E0 of {symbols(elements)} cannot be fitted: the {len(known)} frames have only {rank} "
            "independent compositions; add frames of other compositions or isolated atoms, or give E0 as a table"
        )
    solution = np.linalg.lstsq(counts, energies, rcond=None)[0]
    return dict(zip(elements, solution.tolist(), strict=True))
