"""Trajectories that should not be trusted: flagged, and stopped where it shows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from ase.data import covalent_radii

from fusionmd.namd.batch import MOVING, Stop
from fusionmd.namd.driver import total_energy
from fusionmd.namd.protocol import Array, BoolArray, IntArray
from fusionmd.namd.state import State, populations
from fusionmd.units import BOHR_PER_ANGSTROM

BONDED = 1.3  # times the sum of covalent radii: shorter pairs are bonds


class Flag(IntEnum):
    """Why a trajectory was stopped; the first reason that holds."""

    COMPLETE = 0
    FINISHED = 1
    ENERGY_WINDOW = 2
    ENERGY_STEP = 3
    NORM = 4
    BROKEN_BOND = 5
    UNCERTAIN = 6


@dataclass(frozen=True, eq=False)
class Bonds:
    """Pairs of atoms that must stay together. first, second: [n_bonds].  limits: [n_bonds], bohr."""

    first: IntArray
    second: IntArray
    limits: Array


@dataclass(frozen=True, eq=False)
class Limits:
    """What is allowed, Hartree; None: anything.

    window: |E_total - first E_total|.  step: |E_total - that of the frame before|.  norm: |sum |c|^2 - 1|.
    uncertainty: Largest standard deviation of the active energy.
    """

    window: float | None = None
    step: float | None = None
    norm: float | None = None
    bonds: Bonds | None = None
    uncertainty: float | None = None


def bonds_of(numbers: IntArray, positions: Array, factor: float) -> Bonds:
    """Bonds of a geometry [n_dof], bohr; broken where longer than `factor` times the sum of covalent radii."""
    first, second = np.triu_indices(len(numbers), 1)
    radii = covalent_radii[numbers] * BOHR_PER_ANGSTROM
    sums, points = radii[first] + radii[second], positions.reshape(-1, 3)
    is_bond = np.linalg.norm(points[first] - points[second], axis=1) < BONDED * sums
    return Bonds(first[is_bond], second[is_bond], factor * sums[is_bond])


def stop_of(limits: Limits, masses: Array) -> Stop:
    """The function that `run_batch` asks at every frame."""

    def flags(state: State, first_energies: Array, last_energies: Array) -> IntArray:
        energies = total_energy(state, masses)
        found = {
            Flag.ENERGY_WINDOW: _beyond(np.abs(energies - first_energies), limits.window),
            Flag.ENERGY_STEP: _beyond(np.abs(energies - last_energies), limits.step),
            Flag.NORM: _beyond(np.abs(populations(state.amplitudes).sum(axis=1) - 1), limits.norm),
            Flag.BROKEN_BOND: _is_broken(state, limits.bonds),
            Flag.UNCERTAIN: _beyond(_uncertainty(state), limits.uncertainty),
        }
        result = np.full(state.n_trajectories, MOVING)
        for flag, is_so in reversed(found.items()):
            result[is_so] = flag
        return result

    return flags


def _beyond(values: Array, limit: float | None) -> BoolArray:
    return np.zeros(len(values), dtype=bool) if limit is None else ~(values <= limit)


def _is_broken(state: State, bonds: Bonds | None) -> BoolArray:
    if bonds is None:
        return np.zeros(state.n_trajectories, dtype=bool)
    points = state.positions.reshape(state.n_trajectories, -1, 3)
    lengths = np.sqrt(((points[:, bonds.first] - points[:, bonds.second]) ** 2).sum(axis=2))
    return np.asarray((lengths > bonds.limits).any(axis=1))


def _uncertainty(state: State) -> Array:
    found = state.electronic.uncertainties
    return np.zeros(state.n_trajectories) if found is None else found[np.arange(state.n_trajectories), state.active]
