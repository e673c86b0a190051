"""Mean-field motion with decay of mixing: forces of all states by their populations, of couplings and of the decay.

    F = -sum_i rho_ii g_i + sum_(i<j) 2 Re rho_ij (E_i - E_j) T_ij s_ij/(s_ij . v)
                          + sum_(i != K) (rho_ii/tau_iK) (E_i - E_K) s_iK/(s_iK . v)
    1/tau_iK = |E_i - E_K|/(1 + E0/T_s),  E0 = 0.1 Ha,  T_s: kinetic energy along s,  K: the pointer state

Zhu, Nangia, Jasper, Truhlar, J. Chem. Phys. 121, 7658 (2004); with couplings from the curvature of gaps Shu et al.,
J. Chem. Theory Comput. 18, 1320 (2022). The work of each term is the energy that the amplitudes lose by it.

s_ij = (u . e) e + u, in mass-weighted coordinates: u the velocity, e the unit vector along g_i - g_j. It serves as the
direction of the decay and, scaled to d_ij . v = T_ij, as effective coupling vector: s . u > 0 always, and it carries
neither momentum nor angular momentum where u has none. (Published forms add g_i - g_j to a multiple of v.)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fusionmd.namd.couplings import from_gradients
from fusionmd.namd.hermitian import dot
from fusionmd.namd.protocol import Array, ComplexArray
from fusionmd.namd.state import State, active_rows, kinetic_energy, populations

DECAY_ENERGY = 0.1  # E0, Hartree
SLOW = 0.1  # of the gap: with less kinetic energy than that nothing is exchanged
TINY = np.finfo(np.float64).tiny


def forces(state: State, masses: Array) -> Array:
    """[n, n_dof], Hartree/bohr; needs all gradients."""
    directions, rates = _directions(state, masses), _power(state, masses)
    per_work = directions / np.maximum(dot(directions, state.velocities[:, None, None, :]), TINY)[..., None]
    exchanged = np.ascontiguousarray(np.moveaxis(rates[..., None] * per_work, 3, 1))
    return exchanged.reshape(*state.positions.shape, -1).sum(axis=2) - mean_gradients(state)


def mean_gradients(state: State) -> Array:
    """sum_i rho_ii g_i [n, n_dof]."""
    weighted = populations(state.amplitudes)[:, :, None] * state.electronic.gradients
    return np.ascontiguousarray(np.moveaxis(weighted, 1, 2)).sum(axis=2)


def decayed(state: State, masses: Array, dt: float) -> ComplexArray:
    """Amplitudes after a time of decay alone: populations of other states by exp(-dt/tau), the pointer has the rest."""
    rows, pointer = np.arange(state.n_trajectories), state.active
    amplitudes = state.amplitudes * np.exp(-decay_rates(state, masses) * dt / 2)
    sizes = populations(amplitudes)
    ours = sizes[rows, pointer]
    sizes[rows, pointer] = 0.0
    left = np.maximum(1.0 - np.ascontiguousarray(sizes).sum(axis=1), 0.0)
    amplitudes[rows, pointer] *= np.sqrt(left / np.maximum(ours, TINY))
    return np.where((ours > 0)[:, None], amplitudes, state.amplitudes)


def decay_rates(state: State, masses: Array) -> Array:
    """1/tau_iK [n, n_states], per atomic time; 0 for the pointer."""
    along = active_rows(_directions(state, masses), state.active)
    sizes = np.maximum(dot(along, along / masses), TINY)
    kinetic = dot(along, state.velocities[:, None, :]) ** 2 / (2 * sizes)
    gaps = np.abs(state.electronic.energies - state.active_energies[:, None])
    return gaps * kinetic / (kinetic + DECAY_ENERGY)


def curvature_couplings(old: State, new: State, masses: Array, dt: float) -> Array:
    """T_ij [n, n_states, n_states] at the end of a step from slopes of energies at both ends.

    new: With the velocity of the middle of the step. Velocities at the ends are those of the mean force, so that T does
    not depend on the force that it causes. T is faded out where the kinetic energy is below SLOW times the gap: a
    trajectory near a turning point cannot pay for what T would transfer.
    """
    kick = dt / 2 / masses
    before = replace(old, velocities=new.velocities + kick * mean_gradients(old))
    after = replace(new, velocities=new.velocities - kick * mean_gradients(new), past_slopes=before.slopes)
    energies = new.electronic.energies
    gaps = np.abs(energies[:, :, None] - energies[:, None, :])
    kinetic = kinetic_energy(new.velocities, masses)[:, None, None] ** 2
    return from_gradients(after, dt) * kinetic / np.maximum(kinetic + (SLOW * gaps) ** 2, TINY)


def _power(state: State, masses: Array) -> Array:
    """Energy per time that goes into the motion along each direction [n, n_states, n_states]; pairs i < j count."""
    c, energies = state.amplitudes, state.electronic.energies
    differences = energies[:, :, None] - energies[:, None, :]
    coherent = 2 * (c[:, :, None] * c[:, None, :].conj()).real * differences * state.tdc
    result = np.triu(coherent, 1)
    rows = np.arange(state.n_trajectories)
    decay = populations(c) * decay_rates(state, masses) * (energies - state.active_energies[:, None])
    result[rows, :, state.active] += decay
    return result


def _directions(state: State, masses: Array) -> Array:
    """s_ij as a force [n, n_states, n_states, n_dof]; symmetric."""
    gradients = state.electronic.gradients
    between = gradients[:, :, None, :] - gradients[:, None, :, :]
    sizes = np.maximum(dot(between, between / masses), TINY)
    along = dot(between, state.velocities[:, None, None, :]) / sizes
    return along[..., None] * between + (state.velocities * masses)[:, None, None, :]
