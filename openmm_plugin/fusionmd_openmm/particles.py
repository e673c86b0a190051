"""Which atoms of an OpenMM System a potential describes: their elements and their indices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fusionmd.errors import ConfigError, UnsupportedStructureError

MAX_LISTED = 8


def atomic_numbers(topology: Any) -> list[int]:
    """Atomic number of every atom of an `openmm.app.Topology` [n_atoms]; 0 for extra particles."""
    return [0 if atom.element is None else int(atom.element.atomic_number) for atom in topology.atoms()]


def chosen_indices(atoms: Iterable[int] | None, n_particles: int) -> list[int]:
    """The indices in `atoms` (None: all), checked: each once, each there."""
    if atoms is None:
        return list(range(n_particles))
    chosen = [int(index) for index in atoms]
    outside = [index for index in chosen if not 0 <= index < n_particles]
    if not chosen or outside or len(set(chosen)) < len(chosen):
        raise ConfigError(
            f"atoms are {_listed(chosen)} of {n_particles} particles; give at least one index, each once, from 0 to "
            f"{n_particles - 1}, or None for all"
        )
    return chosen


def numbers_of_chosen(numbers: Sequence[int], chosen: Sequence[int]) -> tuple[int, ...]:
    """Atomic numbers of the chosen particles; each must be an atom."""
    bare = [index for index in chosen if numbers[index] == 0]
    if bare:
        raise UnsupportedStructureError(
            f"particles {_listed(bare)} have no element (virtual sites or extra particles of the topology); leave them "
            "out of `atoms`"
        )
    return tuple(int(numbers[index]) for index in chosen)


def _listed(indices: Sequence[int]) -> str:
    return f"{list(indices[:MAX_LISTED])}{'...' if len(indices) > MAX_LISTED else ''}"
