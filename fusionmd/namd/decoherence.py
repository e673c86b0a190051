"""Decoherence by energies: how amplitudes of the states that do not drive fade."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from fusionmd.namd.protocol import Array, ComplexArray
from fusionmd.namd.state import State, kinetic_energy, populations

Decoherence = Callable[[State, Array, float, int, int], State]
EDC_CONSTANT = 0.1  # Hartree
SMALLEST_KINETIC = 1e-4  # Hartree; below it, amplitudes are left as they are


def no_decoherence(state: State, masses: Array, dt: float, seed: int, part: int) -> State:
    """Amplitudes as they are."""
    return state


def energy_based(state: State, masses: Array, dt: float, seed: int, part: int) -> State:
    """EDC, Granucci, Persico, J. Chem. Phys. 126, 134114 (2007): populations fade by exp(-dt/tau),

    tau_b = (1 + C/E_kin)/|E_b - E_a|, C = 0.1 Ha; amplitudes therefore by exp(-dt/(2 tau)).
    """
    return replace(state, amplitudes=_faded(state, masses, dt / 2))


def energy_based_legacy(state: State, masses: Array, dt: float, seed: int, part: int) -> State:
    """EDC as some programs have it: amplitudes fade by exp(-dt/tau), twice as fast."""
    return replace(state, amplitudes=_faded(state, masses, dt))


def _faded(state: State, masses: Array, dt: float) -> ComplexArray:
    kinetic = kinetic_energy(state.velocities, masses)
    gaps = np.abs(state.electronic.energies - state.active_energies[:, None])
    rates = gaps / (1 + EDC_CONSTANT / np.maximum(kinetic, SMALLEST_KINETIC))[:, None]
    faded = state.amplitudes * np.exp(-rates * dt)  # the active state has no gap to itself
    rows = np.arange(state.n_trajectories)
    sizes = populations(faded)
    ours = np.maximum(sizes[rows, state.active], np.finfo(np.float64).tiny)
    sizes[rows, state.active] = 0.0
    left = np.maximum(1.0 - np.ascontiguousarray(sizes).sum(axis=1), 0.0)
    faded[rows, state.active] *= np.sqrt(left / ours)
    is_fast = (kinetic >= SMALLEST_KINETIC) & (populations(state.amplitudes)[rows, state.active] > 0)
    return np.where(is_fast[:, None], faded, state.amplitudes)
