"""The reference energies E0 that a configuration asks for: given, fitted, or read from isolated atoms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fusionmd.data.frame import Frame
from fusionmd.data.references import E0, fitted_energies, isolated_atom_energies
from fusionmd.elements import atomic_number, symbols
from fusionmd.errors import ConfigError, DataError
from fusionmd.training.config import Config, DataConfig
from fusionmd.training.frames import frames_of


def references_of(config: Config, frames: Sequence[Frame], elements: Sequence[int]) -> E0:
    """E0 by atomic number, eV, for each of `elements`."""
    if config.e0.kind == "given":
        table = given_energies(config.e0.values)
    elif config.e0.kind == "isolated":
        path = config.data.isolated_atoms
        table = isolated_atom_energies(frames_of([path], _energies_alone(config.data)) if path else frames)
    else:
        # One molecule or one alloy does not determine every E0, only their sum, and that is all training needs.
        table = fitted_energies([frame for frame in frames if not frame.is_isolated_atom], smallest=True)
    missing = [number for number in elements if number not in table]
    if missing:
        raise DataError(
            f"no E0 for {symbols(missing)} (e0.kind: {config.e0.kind}); give e0.values in eV, or one-atom frames in "
            "the training data or in data.isolated_atoms"
        )
    return {number: float(table[number]) for number in elements}


def _energies_alone(data: DataConfig) -> DataConfig:
    """How to read a file of atoms, which seldom has forces and never needs them."""
    return data.model_copy(update={"forces_key": "", "stress_key": "", "virial_key": ""})


def given_energies(values: Mapping[str, float]) -> E0:
    """A table by symbol as one by atomic number."""
    try:
        return {atomic_number(name): float(energy) for name, energy in values.items()}
    except DataError as error:
        raise ConfigError(f"e0.values: {error}") from None
