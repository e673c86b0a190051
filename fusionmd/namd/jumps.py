"""Jumps of the ground-state energy, at which velocities pay so that the total energy stays.

Electronic structure with a small active space is not smooth everywhere: far from intersections other orbitals may
become the active ones from one geometry to the next. On the ground state, where a trajectory only cools down into one
of the products, it can be led across; on excited states it cannot, and triage stops it there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fusionmd.namd.driver import Advance, Parts, total_energy
from fusionmd.namd.hopping import Hops
from fusionmd.namd.protocol import Array, IntArray
from fusionmd.namd.rows import concatenate
from fusionmd.namd.state import State, kinetic_energy
from fusionmd.units import HARTREE_PER_EV

LARGEST = 1.0 * HARTREE_PER_EV  # a larger one is a failed calculation, and left to triage


def passing(advance: Advance, threshold: float) -> Advance:
    """The step `advance`, after which velocities on state 0 are scaled where the total energy changed by more.

    threshold: Hartree; changes beyond LARGEST are not passed.  Each is recorded among the attempts to hop, from 0 to 0,
    with the change as its gap.
    """

    def step(state: State, parts: Parts) -> tuple[State, Hops]:
        new, hops = advance(state, parts)
        change = total_energy(new, parts.surfaces.masses) - total_energy(state, parts.surfaces.masses)
        kinetic = kinetic_energy(new.velocities, parts.surfaces.masses)
        is_ground = (state.active == 0) & (new.active == 0)
        is_jump = (np.abs(change) > threshold) & (np.abs(change) <= LARGEST)
        rows = np.flatnonzero(is_ground & is_jump & (kinetic > change))
        if not len(rows):
            return new, hops
        velocities = new.velocities.copy()
        velocities[rows] *= np.sqrt(1 - change[rows] / kinetic[rows])[:, None]
        return replace(new, velocities=velocities), concatenate([hops, _recorded(new, rows, change[rows])])

    return step


def _recorded(state: State, rows: IntArray, change: Array) -> Hops:
    ground, done = np.zeros_like(rows), np.ones(len(rows), dtype=bool)
    return Hops(state.trajectory[rows], state.step[rows], ground, ground, done, change, state.positions[rows])
