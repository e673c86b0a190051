"""Coherent switching with decay of mixing: mean-field motion that decays towards a pointer state.

The pointer K changes by fewest switches of a second set of amplitudes c~ that does not decay,
P(K->i) = max(0, 2 Re[c~_K* c~_i T_Ki] dt)/|c~_K|^2; c~ becomes c again at each local minimum of D = sum_i |T_iK|.
Velocities do not change at a switch, and there are no frustrated ones. Sources: see `mean_field`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fusionmd.namd.driver import Parts
from fusionmd.namd.electronic import coupled
from fusionmd.namd.hopping import Hops, chosen
from fusionmd.namd.mean_field import curvature_couplings, decayed, forces
from fusionmd.namd.nuclear import with_surfaces
from fusionmd.namd.protocol import Array, ComplexArray, IntArray
from fusionmd.namd.randomness import Purpose, uniform
from fusionmd.namd.rows import take
from fusionmd.namd.state import State, active_rows

N_ITERATIONS = 3  # the force at the end of a step depends on the velocity there


def coherent_switching_step(state: State, parts: Parts) -> tuple[State, Hops]:
    """Move by the mean force, propagate both sets of amplitudes, switch the pointer."""
    surfaces, dt = parts.surfaces, parts.dt
    masses = surfaces.masses
    middle = replace(state, velocities=state.velocities + dt / 2 * forces(state, masses) / masses)
    places = state.positions + dt * middle.velocities
    new = with_surfaces(middle, places, surfaces, all_gradients=True, couplings=False)
    new = replace(new, step=state.step + 1, tdc=curvature_couplings(state, new, masses, dt))
    new, probability = _propagated(state, new, parts)
    new = _settled(new, masses, dt)
    return _switched(new, probability, parts)


def _propagated(old: State, new: State, parts: Parts) -> tuple[State, Array]:
    """Both sets at the end of the step, of the first one the last half of its decay missing; P of a switch."""
    faded = replace(old, amplitudes=decayed(old, parts.surfaces.masses, parts.dt / 2))
    mixed, _ = coupled(faded, new, parts.dt, parts.n_substeps)
    assert old.coherent is not None
    coherent, probability = coupled(replace(old, amplitudes=old.coherent), new, parts.dt, parts.n_substeps)
    return replace(new, amplitudes=mixed, coherent=coherent), probability


def _settled(state: State, masses: Array, dt: float) -> State:
    """The last half kick and the last half of the decay, which depend on each other through the velocity."""
    start, amplitudes = state.velocities, state.amplitudes
    for _ in range(N_ITERATIONS):
        state = replace(state, amplitudes=decayed(replace(state, amplitudes=amplitudes), masses, dt / 2))
        state = replace(state, velocities=start + dt / 2 * forces(state, masses) / masses)
    return replace(state, amplitudes=decayed(replace(state, amplitudes=amplitudes), masses, dt / 2))


def _switched(state: State, probability: Array, parts: Parts) -> tuple[State, Hops]:
    random = uniform(parts.seed, state.trajectory, state.step, Purpose.HOP, parts.part)
    target = chosen(probability, random, state.active)
    rows = np.flatnonzero(target != state.active)
    part, wanted = take(state, rows), target[rows]
    gaps = active_rows(part.electronic.energies, wanted) - part.active_energies
    hops = Hops(part.trajectory, part.step, part.active, wanted, np.ones(len(rows), bool), gaps, part.positions)
    return _renewed(state, target), hops


def _renewed(state: State, target: IntArray) -> State:
    """The pointer is `target`; c~ is c again where D had a minimum one step ago."""
    assert state.past_strengths is not None and state.coherent is not None
    strength = np.abs(active_rows(state.tdc, state.active)).sum(axis=1)
    one, two = state.past_strengths.T
    is_minimum = (one < strength) & ~(one > two)
    coherent: ComplexArray = np.where(is_minimum[:, None], state.amplitudes, state.coherent)
    past = np.stack([strength, one], axis=1)
    past = np.where((target != state.active)[:, None], np.nan, past)
    return replace(state, active=target, coherent=coherent, past_strengths=past)
