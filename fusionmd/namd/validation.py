"""Scattering in one dimension against formulas and exact propagation, and the list of all cases of the table."""

from __future__ import annotations

from typing import Any

import numpy as np

from fusionmd.namd import channels
from fusionmd.namd.config import method_of, parts_of
from fusionmd.namd.driver import Parts, start
from fusionmd.namd.ensemble import Ensemble, run_ensemble
from fusionmd.namd.exact import Grid, Wave, gaussian, propagate
from fusionmd.namd.model_systems import ModelSurfaces
from fusionmd.namd.protocol import Array, BoolArray
from fusionmd.namd.sampling import adiabatic_start, wigner_packet
from fusionmd.namd.scattering_models import ExtendedCoupling, LandauZenerLine, SimpleAvoidedCrossing, TwoStateLine
from fusionmd.namd.state import State
from fusionmd.namd.validation_cones import CONES, cone
from fusionmd.namd.validation_table import SEED, Case, Check, Curve, Outcome

HOPPERS: dict[str, dict[str, Any]] = {
    "FSSH": {"hopping": "fssh", "amplitudes": "diabatic", "substeps": 2, "decoherence": "none"},
    "kTSH": {"hopping": "fssh", "amplitudes": "curvature", "substeps": 4, "decoherence": "none"},
    "LZSH": {"hopping": "lzsh"},
    "kCSDM": {"hopping": "kcsdm", "substeps": 4},
}
SYSTEMATIC = 0.03  # what surface hopping is allowed beside the statistical error
START, LENGTH, STOP = -10.0, 30.0, 11.0  # of scattering, bohr


def cases(*, is_quick: bool) -> list[Case]:
    """Every case of the table, each a function that runs it; the quick table has fewer cases and trajectories."""
    found: list[Case] = []
    for speed in (0.005, 0.03) if is_quick else (0.002, 0.005, 0.01, 0.03):
        for name in HOPPERS:
            found.append(lambda speed=speed, name=name: landau_zener(speed, name, 500 if is_quick else 4000))  # type: ignore[misc]
    crossings = [(SimpleAvoidedCrossing(), k) for k in ((10.0, 20.0) if is_quick else (10.0, 15.0, 20.0, 30.0))]
    extended = [] if is_quick else [(ExtendedCoupling(), k) for k in (30.0, 35.0)]
    for model, k in [*crossings, *extended]:
        found.append(lambda model=model, k=k: scattering(model, k, 500 if is_quick else 2000))  # type: ignore[misc]
    for title in CONES:
        found.append(lambda title=title: cone(title, 200 if is_quick else 1000, is_quick=is_quick))  # type: ignore[misc]
    return found


def landau_zener(speed: float, name: str, n: int) -> Outcome:
    """Upper population after a passage from x = -8 to 8, 0.02 bohr a step: the formula within 3 standard errors."""
    model = LandauZenerLine()
    parts = parts_of(method_of(seed=SEED, **HOPPERS[name]), ModelSurfaces(model), 0.02 / speed)
    places, speeds = np.full((n, 1), -8.0), np.full((n, 1), speed)
    result = _run_on_lower(parts, places, speeds, n_steps=800, interval=800)
    expected = model.diabatic_probability(speed)
    error = float(np.sqrt(expected * (1 - expected) / n))
    value = float(result.active_populations()[-1, 1])
    check = Check(f"Landau-Zener, v = {speed:g}", name, "P(upper)", value, error, expected, 3 * error)
    axes = ("Landau-Zener line", "speed (bohr per atomic time)", "P(upper)")
    speeds_shown = np.linspace(0.001, 0.032, 125).tolist()
    formula = Curve(*axes, "formula", speeds_shown, [model.diabatic_probability(each) for each in speeds_shown])
    return Outcome([check], [formula, Curve(*axes, name, [speed], [value], [error])])


def scattering(model: TwoStateLine, k: float, n: int) -> Outcome:
    """Every channel of FSSH from the Wigner function of a packet, against the exact result for the same packet."""
    expected = channels.of_wave(exact_scattering(model, k))
    value = channels.of_trajectories(hopping_scattering(model, k, n).final)
    errors = np.sqrt(np.maximum(value * (1 - value), expected * (1 - expected)) / n)
    title = "Tully III" if isinstance(model, ExtendedCoupling) else "Tully I"
    checks, curves = [], []
    for name, v, e, x in zip(channels.CHANNELS, value.tolist(), errors.tolist(), expected.tolist(), strict=True):
        checks.append(Check(f"{title}, k = {k:g}", "FSSH", name, v, e, x, SYSTEMATIC + 2 * e))
        axes = (title, "wave number (1/bohr)", "probability")
        curves += [Curve(*axes, f"exact, {name}", [k], [x]), Curve(*axes, f"FSSH, {name}", [k], [v], [e])]
    return Outcome(checks, curves)


def exact_scattering(model: TwoStateLine, k: float) -> Wave:
    """The packet exp(ikx) exp(-((x - x0)/s)^2), s = 20/k, on the lower state, after its centre has moved LENGTH."""
    grid = Grid((-60.0,), (60.0,), (2048,))
    wave = gaussian(model, grid, centre=[START], width=[20 / k], wave_number=[k], state=0, is_adiabatic=True)
    return propagate(wave, time_step=2.0, n_steps=round(LENGTH / (k / model.mass) / 2.0))


def hopping_scattering(model: TwoStateLine, k: float, n: int, *, name: str = "FSSH") -> Ensemble:
    """Trajectories from the Wigner function of that packet, for the same time, 0.05 bohr a step."""
    speed, numbers = k / model.mass, np.arange(n)
    parts = parts_of(method_of(seed=SEED, **HOPPERS[name]), ModelSurfaces(model), 0.05 / speed)
    places, speeds = wigner_packet(
        numbers, centre=[START], width=[20 / k], wave_number=[k], masses=model.masses, seed=SEED
    )
    return _run_on_lower(parts, places, speeds, n_steps=round(LENGTH / 0.05), interval=10)


def _run_on_lower(parts: Parts, places: Array, speeds: Array, *, n_steps: int, interval: int) -> Ensemble:
    numbers = np.arange(len(places))
    active, amplitudes = adiabatic_start(numbers, 0, 2)
    state = start(parts, trajectory=numbers, positions=places, velocities=speeds, active=active, amplitudes=amplitudes)
    return run_ensemble(state, parts, n_steps=n_steps, interval=interval, is_finished=_is_away)


def _is_away(state: State) -> BoolArray:
    """Beyond STOP and moving outwards, where the states of the scattering models are flat."""
    x, v = state.positions[:, 0], state.velocities[:, 0]
    return (np.abs(x) > STOP) & (x * v > 0)
