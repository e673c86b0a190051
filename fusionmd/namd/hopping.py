"""Hops: which state a random number chooses, and the change of velocities and active states that follows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fusionmd.namd.nuclear import gradients_asked, with_active_gradients
from fusionmd.namd.protocol import Array, BoolArray, IntArray, Surfaces
from fusionmd.namd.rescaling import Direction, Frustrated, rescaled
from fusionmd.namd.rows import put, take
from fusionmd.namd.state import State, active_rows


@dataclass(frozen=True, eq=False)
class Hops:
    """Attempts to hop, one row each.

    trajectory, step: Whose, and after how many steps.  source, target: States.  is_accepted: False if frustrated.
    gap: E_target - E_source, Hartree.  positions: [n, n_dof], bohr.
    From a state to itself: a jump of its energy (`namd.jumps`), whose size is the gap.
    """

    trajectory: IntArray
    step: IntArray
    source: IntArray
    target: IntArray
    is_accepted: BoolArray
    gap: Array
    positions: Array


def chosen(probabilities: Array, random: Array, active: IntArray) -> IntArray:
    """The state b with sum_(k<b) P_k < r <= sum_(k<=b) P_k; the active one where r is beyond them all."""
    limits = np.cumsum(probabilities, axis=1)
    is_hop = random < limits[:, -1]
    return np.where(is_hop, (random[:, None] >= limits).sum(axis=1), active)


def attempt(
    state: State, target: IntArray, surfaces: Surfaces, *, direction: Direction, frustrated: Frustrated
) -> tuple[State, Hops]:
    """The state after hops to `target` [n] (the active state: no hop), where velocities can pay; and the attempts."""
    rows = np.flatnonzero(target != state.active)
    part, wanted, masses = take(state, rows), target[rows], surfaces.masses
    gaps = active_rows(part.electronic.energies, wanted) - part.active_energies
    along = direction(part, wanted, masses) if len(rows) else part.velocities
    paid, is_possible = rescaled(part.velocities, along, masses, gaps)
    refused = frustrated(part, wanted, along, masses) if len(rows) else part.velocities
    hops = Hops(part.trajectory, part.step, part.active, wanted, is_possible, gaps, part.positions)
    if not len(rows):
        return state, hops
    moved = replace(
        part,
        velocities=np.where(is_possible[:, None], paid, refused),
        active=np.where(is_possible, wanted, part.active),
    )
    return put(state, rows, with_active_gradients(moved, surfaces)), hops


def with_target_gradients(state: State, target: IntArray, surfaces: Surfaces) -> State:
    """The state with gradients of all states for the rows that attempt a hop."""
    rows = np.flatnonzero((target != state.active) & np.isnan(state.electronic.gradients).any(axis=(1, 2)))
    if not len(rows):
        return state
    part = take(state, rows)
    found = surfaces.evaluate(part.positions, gradients_asked(part.active, surfaces.n_states, True))
    electronic = replace(part.electronic, gradients=found.gradients)
    return put(state, rows, replace(part, electronic=electronic))
