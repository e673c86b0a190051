"""Short runs on analytic models, for many tests."""

import numpy as np

from fusionmd.namd.config import method_of, parts_of
from fusionmd.namd.driver import start
from fusionmd.namd.ensemble import run_ensemble
from fusionmd.namd.model_systems import ModelSurfaces
from fusionmd.namd.sampling import adiabatic_start, diabatic_start, wigner_packet
from fusionmd.namd.scattering_models import LandauZenerLine, SimpleAvoidedCrossing
from fusionmd.namd.vibronic_models import linear_vibronic


def parts(model, dt, **method):
    return parts_of(method_of(**method), ModelSurfaces(model), dt)


def line_start(made, n, speed, x=-8.0):
    """All at one place with one speed on the lower state of a line."""
    numbers = np.arange(n)
    active, amplitudes = adiabatic_start(numbers, 0, 2)
    return start(
        made,
        trajectory=numbers,
        positions=np.full((n, 1), x),
        velocities=np.full((n, 1), speed),
        active=active,
        amplitudes=amplitudes,
    )


def packet_start(made, n, *, k=15.0, x=-5.0, numbers=None, seed=3):
    """The Wigner function of a packet on the lower state of a line."""
    numbers = np.arange(n) if numbers is None else numbers
    places, speeds = wigner_packet(
        numbers, centre=[x], width=[20 / k], wave_number=[k], masses=made.surfaces.masses, seed=seed
    )
    active, amplitudes = adiabatic_start(numbers, 0, 2)
    return start(made, trajectory=numbers, positions=places, velocities=speeds, active=active, amplitudes=amplitudes)


def vibronic_start(made, n, seed=3):
    """The ground state of the modes, on a diabatic state of the two-dimensional cone."""
    model, numbers = made.surfaces.model, np.arange(n)
    places, speeds = wigner_packet(
        numbers,
        centre=model.centre,
        width=np.sqrt(2 / model.frequencies),
        wave_number=np.zeros(2),
        masses=made.surfaces.masses,
        seed=seed,
    )
    active, amplitudes = diabatic_start(numbers, model.start_state, places, made.surfaces, seed)
    return start(made, trajectory=numbers, positions=places, velocities=speeds, active=active, amplitudes=amplitudes)


__all__ = [
    "LandauZenerLine",
    "SimpleAvoidedCrossing",
    "linear_vibronic",
    "line_start",
    "packet_start",
    "parts",
    "run_ensemble",
    "vibronic_start",
]
