"""Reference energies E0 of the elements: given, fitted by least squares, or read from frames of isolated atoms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from ase.data import atomic_numbers, chemical_symbols
from numpy.typing import NDArray

from fusionmd.errors import ConfigError, DataError

Array = NDArray[np.float64]
E0 = dict[int, float]


def composition(numbers: Sequence[NDArray[np.int64]], elements: Sequence[int]) -> Array:
    """How many atoms of each element each frame has [n_frames, n_elements]."""
    return np.stack([(frame[:, None] == np.asarray(elements)).sum(axis=0) for frame in numbers]).astype(np.float64)


def given_references(values: Mapping[str, float], elements: Sequence[int]) -> E0:
    """E0 by atomic number (eV) from a table by symbol; every element of the data must be in it."""
    unknown = [symbol for symbol in values if symbol not in atomic_numbers]
    table = {atomic_numbers[symbol]: energy for symbol, energy in values.items() if symbol not in unknown}
    missing = [chemical_symbols[number] for number in elements if number not in table]
    if unknown or missing:
        raise ConfigError(f"e0.values lacks {missing} and has no elements {unknown}; wanted a value in eV per symbol")
    return {number: float(table[number]) for number in elements}


def fitted_references(counts: Array, energies: Array, elements: Sequence[int]) -> E0:
    """The E0 of least squared error of sum(E0) against `energies` [n_frames], eV; the smallest if they are not unique.

    Energies are centred per atom first, so that elements which always come in the same ratio share the mean.
    """
    is_known = np.isfinite(energies)
    if not is_known.any():
        raise DataError("no frame has an energy, so E0 cannot be fitted; give them: `e0: {kind: given, values: {...}}`")
    counts, energies = counts[is_known], energies[is_known]
    mean = energies.sum() / counts.sum()
    weights = 1.0 / counts.sum(axis=1)
    deviations = energies - mean * counts.sum(axis=1)
    solution = np.linalg.lstsq(counts * weights[:, None], deviations * weights, rcond=1e-10)[0]
    return {number: float(mean + value) for number, value in zip(elements, solution, strict=True)}


def isolated_references(numbers: Sequence[NDArray[np.int64]], energies: Array, elements: Sequence[int]) -> E0:
    """E0 from one-atom frames, as they are; every element of the data must have one."""
    found = {
        int(frame[0]): float(e)
        for frame, e in zip(numbers, energies, strict=True)
        if len(frame) == 1 and np.isfinite(e)
    }
    missing = [chemical_symbols[number] for number in elements if number not in found]
    if missing:
        raise DataError(
            f"no isolated-atom frame with an energy for {missing}; add one-atom frames to the training data, "
            "name their file as data.isolated_atoms, or use `e0: {kind: fitted}`"
        )
    return {number: found[number] for number in elements}
