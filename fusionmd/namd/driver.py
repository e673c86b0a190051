"""One step of an ensemble: nuclei, amplitudes, hops, decoherence; the parts are chosen apart from each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from fusionmd.namd.couplings import TDC
from fusionmd.namd.decoherence import Decoherence
from fusionmd.namd.electronic import Propagator
from fusionmd.namd.hopping import Hops, attempt, chosen, with_target_gradients
from fusionmd.namd.landau_zener import minima, probabilities
from fusionmd.namd.nuclear import check_finite, gradients_asked, velocity_verlet
from fusionmd.namd.protocol import Array, ComplexArray, IntArray, Surfaces
from fusionmd.namd.randomness import Purpose, uniform
from fusionmd.namd.rescaling import Direction, Frustrated
from fusionmd.namd.rows import put, take
from fusionmd.namd.state import N_PAST, State, active_rows, kinetic_energy

Advance = Callable[[State, "Parts"], tuple[State, Hops]]


@dataclass(frozen=True, eq=False)
class Parts:
    """What a step is made of. dt in atomic time; the rest are functions with one signature per kind.

    all_gradients, couplings: What the parts need of the surfaces at every step.
    target_gradients: Whether direction or frustrated hops need gradients of the target state.
    tdc_follows_velocity: Whether `tdc` is a function of positions and velocities alone, to be renewed after a hop.
    """

    surfaces: Surfaces
    dt: float
    seed: int
    advance: Advance
    propagator: Propagator
    n_substeps: int
    tdc: TDC
    decoherence: Decoherence
    direction: Direction
    frustrated: Frustrated
    all_gradients: bool = False
    couplings: bool = False
    target_gradients: bool = False
    tdc_follows_velocity: bool = False


def start(
    parts: Parts,
    *,
    trajectory: IntArray,
    positions: Array,
    velocities: Array,
    active: IntArray,
    amplitudes: ComplexArray,
) -> State:
    """The state at step 0; amplitudes [n, n_states] of the adiabatic states."""
    surfaces, n = parts.surfaces, len(trajectory)
    asked = gradients_asked(active, surfaces.n_states, parts.all_gradients)
    electronic = surfaces.evaluate(positions, asked, with_couplings=parts.couplings)
    state = State(
        trajectory=trajectory,
        step=np.zeros(n, dtype=np.int64),
        positions=positions,
        velocities=velocities,
        amplitudes=amplitudes,
        active=active,
        electronic=electronic,
        tdc=np.zeros((n, surfaces.n_states, surfaces.n_states)),
        past_energies=np.full((n, N_PAST, surfaces.n_states), np.nan),
        past_slopes=np.full((n, surfaces.n_states), np.nan),
    )
    check_finite(electronic, asked, state)
    return replace(state, tdc=parts.tdc(state, parts.dt))


def fewest_switches_step(state: State, parts: Parts) -> tuple[State, Hops]:
    """Move, propagate amplitudes, hop by the change of populations, decohere. Tully, J. Chem. Phys. 93, 1061 (1990)."""
    new = _moved(state, parts)
    new = replace(new, tdc=parts.tdc(new, parts.dt))
    amplitudes, probability = parts.propagator(state, new, parts.dt, parts.n_substeps)
    new = replace(new, amplitudes=amplitudes)
    new, hops = _hopped(new, probability, parts)
    if parts.tdc_follows_velocity:
        new = replace(new, tdc=parts.tdc(new, parts.dt))
    new = replace(new, amplitudes=parts.decoherence(new, parts.surfaces.masses, parts.dt))
    return _without_past(new, hops), hops


def landau_zener_step(state: State, parts: Parts) -> tuple[State, Hops]:
    """Move; where the gap was smallest at the start of the step, hop there and repeat the step on the new state."""
    new = _moved(state, parts)
    probability = probabilities(minima(state, new, parts.dt), state.active)
    hopped, hops = _hopped(state, probability, parts)
    again = np.flatnonzero((hopped.velocities != state.velocities).any(axis=1) | (hopped.active != state.active))
    if len(again):
        part = take(hopped, again)
        part = replace(part, past_energies=np.full_like(part.past_energies, np.nan))
        new = put(new, again, _moved(part, parts))
    sure = np.eye(parts.surfaces.n_states, dtype=np.complex128)[new.active]
    return replace(new, amplitudes=sure), hops


def total_energy(state: State, masses: Array) -> Array:
    """Kinetic energy and that of the active state [n], Hartree."""
    return kinetic_energy(state.velocities, masses) + active_rows(state.electronic.energies, state.active)


def _moved(state: State, parts: Parts) -> State:
    slopes = state.slopes if parts.all_gradients else state.past_slopes
    new = velocity_verlet(state, parts.surfaces, parts.dt, all_gradients=parts.all_gradients, couplings=parts.couplings)
    return replace(new, step=state.step + 1, past_slopes=slopes)


def _hopped(state: State, probability: Array, parts: Parts) -> tuple[State, Hops]:
    random = uniform(parts.seed, state.trajectory, state.step, Purpose.HOP)
    target = chosen(probability, random, state.active)
    if parts.target_gradients:
        state = with_target_gradients(state, target, parts.surfaces)
    return attempt(state, target, parts.surfaces, direction=parts.direction, frustrated=parts.frustrated)


def _without_past(state: State, hops: Hops) -> State:
    """Energies of earlier steps say nothing about the curvature along a new velocity: forgotten after a hop."""
    changed = np.isin(state.trajectory, hops.trajectory)
    past = np.where(changed[:, None, None], np.nan, state.past_energies)
    return replace(state, past_energies=past)
