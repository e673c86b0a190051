"""Motion of the nuclei on the active surface; trajectories side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fusionmd.errors import PropagationError
from fusionmd.namd.hermitian import dot, product, transposed
from fusionmd.namd.protocol import Array, BoolArray, Electronic, IntArray, Surfaces
from fusionmd.namd.rows import put, take
from fusionmd.namd.state import State


def velocity_verlet(
    state: State, surfaces: Surfaces, dt: float | Array, *, all_gradients: bool, couplings: bool
) -> State:
    """One step `dt`, a number or [n, 1], on the active surfaces. Swope et al., J. Chem. Phys. 76, 637 (1982)."""
    state = kick(state, surfaces.masses, dt / 2)
    positions = state.positions + dt * state.velocities
    new = with_surfaces(state, positions, surfaces, all_gradients=all_gradients, couplings=couplings)
    return kick(new, surfaces.masses, dt / 2)


def kick(state: State, masses: Array, dt: float | Array) -> State:
    """Forces act for `dt`."""
    return replace(state, velocities=state.velocities - dt * state.active_gradients / masses)


def with_surfaces(state: State, positions: Array, surfaces: Surfaces, *, all_gradients: bool, couplings: bool) -> State:
    """The state moved to `positions`, surfaces evaluated there, phases continued, the past shifted by one step."""
    asked = gradients_asked(state.active, surfaces.n_states, all_gradients)
    electronic = surfaces.evaluate(positions, asked, with_couplings=couplings)
    check_finite(electronic, asked, state, surfaces)
    past = np.concatenate([state.electronic.energies[:, None], state.past_energies[:, :-1]], axis=1)
    return replace(state, positions=positions, electronic=in_phase(electronic, state.electronic), past_energies=past)


def gradients_asked(active: IntArray, n_states: int, all_gradients: bool) -> BoolArray:
    """Which gradients a step needs [n, n_states]."""
    return np.ones((len(active), n_states), dtype=bool) if all_gradients else np.eye(n_states, dtype=bool)[active]


def in_phase(new: Electronic, old: Electronic) -> Electronic:
    """`new` with eigenvectors of that sign which overlaps more with `old`, and couplings accordingly."""
    if new.vectors is None or old.vectors is None:
        return new
    overlaps = dot(transposed(old.vectors), transposed(new.vectors))
    signs = np.where(overlaps < 0, -1.0, 1.0)
    couplings = None if new.couplings is None else new.couplings * (signs[:, :, None] * signs[:, None, :])[..., None]
    return replace(new, vectors=new.vectors * signs[:, None, :], couplings=couplings)


def with_active_gradients(state: State, surfaces: Surfaces) -> State:
    """The state with the gradients of the active states, evaluated again where they are not known yet."""
    missing = np.flatnonzero(np.isnan(state.active_gradients).any(axis=1))
    if not len(missing):
        return state
    part = take(state, missing)
    asked = gradients_asked(part.active, surfaces.n_states, False)
    found = surfaces.evaluate(part.positions, asked)
    check_finite(found, asked, part, surfaces)
    electronic = replace(
        part.electronic, gradients=np.where(asked[:, :, None], found.gradients, part.electronic.gradients)
    )
    return put(state, missing, replace(part, electronic=electronic))


def check_finite(electronic: Electronic, asked: BoolArray, state: State, surfaces: Surfaces) -> None:
    """Raise PropagationError, naming trajectories, if energies or gradients that were asked for are not finite.

    Surfaces that say `can_fail` (see `Surfaces`) may give NaN: triage stops those trajectories, the others go on.
    """
    gradients = np.where(asked[:, :, None], electronic.gradients, 0.0)
    wrong = ~(np.isfinite(electronic.energies).all(axis=1) & np.isfinite(gradients).all(axis=(1, 2)))
    if wrong.any() and not getattr(surfaces, "can_fail", False):
        shown = ", ".join(map(str, state.trajectory[wrong][:5]))
        raise PropagationError(
            f"surfaces gave no finite energies or gradients to {wrong.sum()} trajectories (first: {shown}) after step "
            f"{state.step[wrong][0]}; check the surfaces there, or take a smaller time step"
        )


def overlaps(old: Electronic, new: Electronic) -> Array:
    """S_ij = <i(t)|j(t+dt)> [n, n_states, n_states], from eigenvectors of a diabatic matrix."""
    assert old.vectors is not None and new.vectors is not None
    return product(transposed(old.vectors), new.vectors)
