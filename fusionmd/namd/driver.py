"""One step of an ensemble: nuclei, amplitudes, hops, decoherence; the parts are chosen apart from each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from fusionmd.namd.augmented import no_moments, without_moments
from fusionmd.namd.couplings import TDC
from fusionmd.namd.decoherence import Decoherence
from fusionmd.namd.electronic import Propagator
from fusionmd.namd.hopping import Hops, attempt, chosen, with_target_gradients
from fusionmd.namd.landau_zener import exact_probabilities, minima, probabilities, turning_points
from fusionmd.namd.nuclear import check_finite, gradients_asked, velocity_verlet
from fusionmd.namd.protocol import Array, BoolArray, ComplexArray, IntArray, Surfaces
from fusionmd.namd.randomness import Purpose, uniform
from fusionmd.namd.rescaling import Direction, Frustrated
from fusionmd.namd.rows import concatenate, put, take
from fusionmd.namd.state import N_PAST, N_STRENGTHS, State, active_rows, kinetic_energy

Advance = Callable[[State, "Parts"], tuple[State, Hops]]


@dataclass(frozen=True, eq=False)
class Parts:
    """What a step is made of. dt in atomic time; the rest are functions with one signature per kind.

    all_gradients, couplings: What the parts need of the surfaces at every step.
    target_gradients: Whether direction or frustrated hops need gradients of the target state.
    tdc_follows_velocity: Whether `tdc` is a function of positions and velocities alone, to be renewed after a hop.
    has_moments: Whether the decoherence follows packets on the other states.
    is_mean_field: Whether all states drive, by their populations.
    allowed: Between which states there are hops [n_states, n_states]; None: any.
    part: Which part of a step this is, of those that an adaptive step is made of; 0 is a whole one.
    whole_step, n_halvings: What `advance` is made of where it refines: a plain step, and how often it may be halved.
    """

    surfaces: Surfaces
    dt: float
    seed: int
    advance: Advance
    whole_step: Advance
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
    has_moments: bool = False
    is_mean_field: bool = False
    allowed: BoolArray | None = None
    part: int = 0
    n_halvings: int = 0


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
        moments=no_moments(n, surfaces.n_states, surfaces.n_dof) if parts.has_moments else None,
        coherent=amplitudes if parts.is_mean_field else None,
        past_strengths=np.full((n, N_STRENGTHS), np.nan) if parts.is_mean_field else None,
    )
    check_finite(electronic, asked, state, parts.surfaces)
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
    new = without_moments(new, hops.trajectory[hops.is_accepted])
    new = parts.decoherence(new, parts.surfaces.masses, parts.dt, parts.seed, parts.part)
    return _without_past(new, hops), hops


def landau_zener_step(state: State, parts: Parts) -> tuple[State, Hops]:
    """Move; where the gap was smallest at the start of the step, hop there and repeat the step on the new state."""
    new = _moved(state, parts)
    probability = probabilities(minima(state, new, parts.dt), state.active, parts.allowed)
    hopped, hops = _hopped(state, probability, parts)
    again = np.flatnonzero((hopped.velocities != state.velocities).any(axis=1) | (hopped.active != state.active))
    if len(again):
        part = take(hopped, again)
        part = replace(part, past_energies=np.full_like(part.past_energies, np.nan))
        new = put(new, again, _moved(part, parts))
    return _on_active(new, parts), hops


def exact_landau_zener_step(state: State, parts: Parts) -> tuple[State, Hops]:
    """Move; where a gap had its minimum inside the step, go there, take its curvature from Hessians, and hop there.

    Nothing but the state itself is looked at: no history, any time step.
    """
    new = _moved(state, parts)
    pair, share = turning_points(state, new, parts.dt, parts.allowed)
    rows = np.flatnonzero(pair >= 0)
    if not len(rows):
        return _on_active(new, parts), no_attempts(state)
    before, time = take(state, rows), (share[rows] * parts.dt)[:, None]
    there = replace(_moved(before, parts, time), step=before.step)
    probability = exact_probabilities(there, pair[rows], parts.surfaces)
    hopped, hops = _hopped(there, probability, parts)
    changed = np.flatnonzero((hopped.velocities != there.velocities).any(axis=1) | (hopped.active != there.active))
    if len(changed):
        rest = _moved(take(hopped, changed), parts, parts.dt - time[changed])
        new = put(new, rows[changed], rest)
    return _on_active(new, parts), hops


def refined_step(state: State, parts: Parts) -> tuple[State, Hops]:
    """A step of halves, and halves of halves, where a gap is small for the speed at which it closes or opens."""
    depth = (parts.part + 1).bit_length() - 1
    is_fine = gap_is_near(state, parts.dt) if depth < parts.n_halvings else np.zeros(state.n_trajectories, dtype=bool)
    coarse, fine = np.flatnonzero(~is_fine), np.flatnonzero(is_fine)
    if not len(fine):
        return parts.whole_step(state, parts)
    new, hops = parts.whole_step(take(state, coarse), parts) if len(coarse) else (None, no_attempts(state))
    first, early = refined_step(take(state, fine), _half(parts, 1))
    second, late = refined_step(replace(first, step=first.step - 1), _half(parts, 2))
    joined = second if new is None else take(concatenate([new, second]), np.argsort(np.concatenate([coarse, fine])))
    return joined, concatenate([hops, early, late])


def gap_is_near(state: State, dt: float) -> BoolArray:
    """Whether Z/|dZ/dt| < 2 dt for a gap Z beside the active state [n]; needs all gradients."""
    order = np.arange(state.electronic.energies.shape[1])
    gaps = np.abs(state.electronic.energies - state.active_energies[:, None])
    speeds = np.abs(state.slopes - active_rows(state.slopes, state.active)[:, None])
    is_beside = np.abs(order - state.active[:, None]) == 1
    return np.asarray((is_beside & (gaps < 2 * dt * speeds)).any(axis=1))


def no_attempts(state: State) -> Hops:
    """No attempt to hop."""
    none = np.zeros(0, dtype=np.int64)
    return Hops(none, none, none, none, none.astype(bool), none.astype(float), state.positions[:0])


def _half(parts: Parts, which: int) -> Parts:
    """Parts of a step are numbered like a heap: 0 the whole, 1 and 2 its halves, 3 to 6 theirs."""
    return replace(parts, dt=parts.dt / 2, part=2 * parts.part + which)


def _on_active(state: State, parts: Parts) -> State:
    """Without coherence the amplitudes are those of the active state."""
    return replace(state, amplitudes=np.eye(parts.surfaces.n_states, dtype=np.complex128)[state.active])


def total_energy(state: State, masses: Array) -> Array:
    """Kinetic energy and that of the surfaces on which it moves [n], Hartree."""
    return kinetic_energy(state.velocities, masses) + state.driving_energies


def _moved(state: State, parts: Parts, dt: float | Array | None = None) -> State:
    slopes, dt = state.slopes if parts.all_gradients else state.past_slopes, parts.dt if dt is None else dt
    new = velocity_verlet(state, parts.surfaces, dt, all_gradients=parts.all_gradients, couplings=parts.couplings)
    return replace(new, step=state.step + 1, past_slopes=slopes)


def _hopped(state: State, probability: Array, parts: Parts) -> tuple[State, Hops]:
    if parts.allowed is not None:
        probability = np.where(parts.allowed[state.active], probability, 0.0)
    random = uniform(parts.seed, state.trajectory, state.step, Purpose.HOP, parts.part)
    target = chosen(probability, random, state.active)
    if parts.target_gradients:
        state = with_target_gradients(state, target, parts.surfaces)
    return attempt(state, target, parts.surfaces, direction=parts.direction, frustrated=parts.frustrated)


def _without_past(state: State, hops: Hops) -> State:
    """Energies of earlier steps say nothing about the curvature along a new velocity: forgotten after a hop."""
    changed = np.isin(state.trajectory, hops.trajectory)
    past = np.where(changed[:, None, None], np.nan, state.past_energies)
    return replace(state, past_energies=past)
