"""Hopping trajectories against formulas and exact propagation: one check a row, with its error bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fusionmd.namd import channels
from fusionmd.namd.config import method_of, parts_of
from fusionmd.namd.driver import Parts, start
from fusionmd.namd.ensemble import Ensemble, run_ensemble
from fusionmd.namd.exact import Grid, Wave, gaussian, propagate
from fusionmd.namd.model_systems import ModelSurfaces
from fusionmd.namd.protocol import Array, BoolArray
from fusionmd.namd.sampling import adiabatic_start, diabatic_start, wigner_packet
from fusionmd.namd.scattering_models import ExtendedCoupling, LandauZenerLine, SimpleAvoidedCrossing, TwoStateLine
from fusionmd.namd.state import State
from fusionmd.namd.vibronic_models import linear_vibronic
from fusionmd.units import ATOMIC_TIME_PER_FS

SEED = 2024
HOPPERS: dict[str, dict[str, Any]] = {
    "FSSH": {"hopping": "fssh", "amplitudes": "diabatic", "substeps": 2, "decoherence": "none"},
    "kTSH": {"hopping": "fssh", "amplitudes": "curvature", "substeps": 4, "decoherence": "none"},
    "LZSH": {"hopping": "lzsh"},
}
SYSTEMATIC = 0.03  # what surface hopping is allowed beside the statistical error
START, LENGTH, STOP = -10.0, 30.0, 11.0  # of scattering, bohr


@dataclass(frozen=True)
class Check:
    """One comparison: passed if |value - expected| <= allowed. standard_error: Statistical, of the value."""

    case: str
    method: str
    quantity: str
    value: float
    standard_error: float
    expected: float
    allowed: float

    @property
    def passed(self) -> bool:
        """Whether the value is within what is allowed."""
        return abs(self.value - self.expected) <= self.allowed


Case = Callable[[], list[Check]]


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
    found.append(lambda: consistency(200 if is_quick else 1000))
    return found


def landau_zener(speed: float, name: str, n: int) -> list[Check]:
    """Upper population after a passage from x = -8 to 8, 0.02 bohr a step: the formula within 3 standard errors."""
    model = LandauZenerLine()
    parts = parts_of(method_of(seed=SEED, **HOPPERS[name]), ModelSurfaces(model), 0.02 / speed)
    places, speeds = np.full((n, 1), -8.0), np.full((n, 1), speed)
    result = _run_on_lower(parts, places, speeds, n_steps=800, interval=800)
    expected = model.diabatic_probability(speed)
    error = float(np.sqrt(expected * (1 - expected) / n))
    value = float(result.active_populations()[-1, 1])
    return [Check(f"Landau-Zener, v = {speed:g}", name, "P(upper)", value, error, expected, 3 * error)]


def scattering(model: TwoStateLine, k: float, n: int) -> list[Check]:
    """Every channel of FSSH from the Wigner function of a packet, against the exact result for the same packet."""
    expected = channels.of_wave(exact_scattering(model, k))
    value = channels.of_trajectories(hopping_scattering(model, k, n).final)
    errors = np.sqrt(np.maximum(value * (1 - value), expected * (1 - expected)) / n)
    title = "Tully III" if isinstance(model, ExtendedCoupling) else "Tully I"
    return [
        Check(f"{title}, k = {k:g}", "FSSH", name, float(v), float(e), float(x), SYSTEMATIC + 2 * float(e))
        for name, v, e, x in zip(channels.CHANNELS, value, errors, expected, strict=True)
    ]


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


def consistency(n: int) -> list[Check]:
    """Two-dimensional cone, 100 fs, EDC: active populations against those of amplitudes, and against exact ones."""
    active, amplitudes, exact = cone_populations(n)
    internal = float(np.abs(active - amplitudes).mean())
    distance = float(np.abs(active - exact).mean())
    error = float(np.sqrt((active * (1 - active)).mean() / n))
    return [
        Check("LVC cone, 100 fs", "FSSH+EDC", "|active - amplitudes|, mean over time", internal, error, 0.0, 0.03),
        Check("LVC cone, 100 fs", "FSSH+EDC", "|active - exact|, mean over time", distance, error, 0.0, 0.10),
    ]


def cone_populations(n: int, *, n_frames: int = 20) -> tuple[Array, Array, Array]:
    """P(upper) over 100 fs by active states, by amplitudes and exactly, at n_frames times each."""
    model = linear_vibronic()
    dt, stride = 100 * ATOMIC_TIME_PER_FS / 1000, 1000 // n_frames
    method = method_of(hopping="fssh", amplitudes="diabatic", substeps=2, decoherence="edc", seed=SEED)
    parts, numbers = parts_of(method, ModelSurfaces(model), dt), np.arange(n)
    widths = np.sqrt(2 / model.frequencies)
    places, speeds = wigner_packet(
        numbers, centre=model.centre, width=widths, wave_number=[0, 0], masses=model.masses, seed=SEED
    )
    active, amplitudes = diabatic_start(numbers, model.start_state, places, parts.surfaces, SEED)
    state = start(parts, trajectory=numbers, positions=places, velocities=speeds, active=active, amplitudes=amplitudes)
    result = run_ensemble(state, parts, n_steps=1000, interval=stride)
    grid = Grid((-90.0, -260.0), (90.0, 260.0), (64, 128))
    wave = gaussian(model, grid, centre=model.centre, width=widths, wave_number=[0, 0], state=model.start_state)
    exact = [later.adiabatic_populations()[1] for later in _frames(wave, dt, stride, n_frames)]
    return result.active_populations()[1:, 1], result.amplitude_populations()[1:, 1], np.array(exact)


def _frames(wave: Wave, dt: float, stride: int, n_frames: int) -> Iterator[Wave]:
    for _ in range(n_frames):
        wave = propagate(wave, time_step=dt, n_steps=stride)
        yield wave


def _run_on_lower(parts: Parts, places: Array, speeds: Array, *, n_steps: int, interval: int) -> Ensemble:
    numbers = np.arange(len(places))
    active, amplitudes = adiabatic_start(numbers, 0, 2)
    state = start(parts, trajectory=numbers, positions=places, velocities=speeds, active=active, amplitudes=amplitudes)
    return run_ensemble(state, parts, n_steps=n_steps, interval=interval, is_finished=_is_away)


def _is_away(state: State) -> BoolArray:
    """Beyond STOP and moving outwards, where the states of the scattering models are flat."""
    x, v = state.positions[:, 0], state.velocities[:, 0]
    return (np.abs(x) > STOP) & (x * v > 0)
