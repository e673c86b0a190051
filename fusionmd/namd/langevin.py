"""A heat bath around any step: half of friction and noise before it, half after it.

v <- exp(-gamma dt/2) v + sqrt((1 - exp(-gamma dt)) k T/m) xi; Bussi, Parrinello, Phys. Rev. E 75, 056707 (2007).
Noise is drawn by trajectory and step: the same alone, in any batch and after a restart.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fusionmd.errors import ConfigError
from fusionmd.namd.driver import Parts
from fusionmd.namd.hopping import Hops
from fusionmd.namd.protocol import Array
from fusionmd.namd.randomness import Purpose, normal
from fusionmd.namd.state import State


def thermostatted(parts: Parts, *, frictions: Array, thermal_energy: float) -> Parts:
    """The same method in a bath. frictions: 1/atomic time [n_dof].  thermal_energy: k T, Hartree."""
    if frictions.shape != (parts.surfaces.n_dof,) or (frictions < 0).any() or thermal_energy < 0:
        raise ConfigError(
            f"frictions have shape {frictions.shape} (wanted [{parts.surfaces.n_dof}]) and k T is {thermal_energy}; "
            "neither may be negative"
        )
    bare = parts.advance

    def advance(state: State, parts: Parts) -> tuple[State, Hops]:
        new, hops = bare(_kicked(state, parts, frictions, thermal_energy, 0), parts)
        return _kicked(new, parts, frictions, thermal_energy, 1), hops

    return replace(parts, advance=advance)


def _kicked(state: State, parts: Parts, frictions: Array, thermal_energy: float, which: int) -> State:
    """`which` of the two halves of a step."""
    n_dof = len(frictions)
    draws = which * n_dof + np.arange(n_dof)
    random = normal(parts.seed, state.trajectory[:, None], state.step[:, None] - which, Purpose.THERMOSTAT, draws)
    left = np.exp(-frictions * parts.dt / 2)
    spread = np.sqrt((1 - left**2) * thermal_energy / parts.surfaces.masses)
    state = replace(state, velocities=left * state.velocities + spread * random)
    return replace(state, tdc=parts.tdc(state, parts.dt)) if parts.tdc_follows_velocity else state
