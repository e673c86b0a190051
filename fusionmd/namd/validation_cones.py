"""Two-dimensional models with a cone, 100 fs: P(upper) of every method beside the exact packet's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from fusionmd.namd.config import method_of, parts_of
from fusionmd.namd.driver import start
from fusionmd.namd.ensemble import Ensemble, run_ensemble
from fusionmd.namd.exact import Grid, Wave, gaussian, propagate
from fusionmd.namd.model_systems import ModelSurfaces
from fusionmd.namd.protocol import Array
from fusionmd.namd.sampling import diabatic_start, wigner_packet
from fusionmd.namd.validation_table import SEED, Check, Curve, Outcome
from fusionmd.namd.vibronic_models import LinearVibronicCoupling, bma, butatriene, linear_vibronic, pyrazine
from fusionmd.units import ATOMIC_TIME_PER_FS

LENGTH_FS, N_STEPS, N_FRAMES = 100.0, 1000, 50
CONES: dict[str, tuple[Callable[[], LinearVibronicCoupling], Grid]] = {
    "LVC cone": (linear_vibronic, Grid((-90.0, -260.0), (90.0, 260.0), (64, 128))),
    "BMA": (bma, Grid((-120.0, -80.0), (120.0, 80.0), (96, 64))),
    "butatriene": (butatriene, Grid((-140.0, -300.0), (140.0, 300.0), (96, 128))),
    "pyrazine": (pyrazine, Grid((-200.0, -150.0), (200.0, 150.0), (128, 96))),
}
METHODS: dict[str, dict[str, Any]] = {
    "FSSH+EDC": {"hopping": "fssh", "amplitudes": "diabatic", "substeps": 2, "decoherence": "edc"},
    "LZSH": {"hopping": "lzsh"},
    "FSSH": {"hopping": "fssh", "amplitudes": "diabatic", "substeps": 2, "decoherence": "none"},
    "kTSH+EDC": {"hopping": "fssh", "amplitudes": "curvature", "substeps": 4, "decoherence": "edc"},
    "kCSDM": {"hopping": "kcsdm", "substeps": 4},
}
CONSISTENT, NEAR_EXACT = 0.03, 0.10  # of FSSH+EDC on the LVC cone


def cone(title: str, n: int, *, is_quick: bool) -> Outcome:
    """Every method (quick: two) against the exact curve; only FSSH+EDC on the LVC cone is judged."""
    times = np.arange(1, N_FRAMES + 1) * LENGTH_FS / N_FRAMES
    exact = exact_curve(title, refinement=1 if is_quick else 2)
    axes = (title, "time (fs)", "P(upper)")
    found = Outcome([], [Curve(*axes, "exact", times.tolist(), exact.tolist())])
    for name in list(METHODS)[: 2 if is_quick else None]:
        active, amplitudes = hopping_curves(title, name, n)
        found.checks.extend(_checks(title, name, active, amplitudes, exact, n))
        errors = np.sqrt(active * (1 - active) / n)
        found.curves.append(Curve(*axes, name, times.tolist(), active.tolist(), errors.tolist()))
    return found


def exact_curve(title: str, *, refinement: int = 1) -> Array:
    """P(upper) of the exact packet [N_FRAMES]; with refinement 1 the grid's error is below 0.01, from the cone."""
    model, grid = CONES[title][0](), CONES[title][1]
    grid = replace(grid, n_points=tuple(refinement * n for n in grid.n_points))
    widths, still = np.sqrt(2 / model.frequencies), np.zeros(2)
    wave = gaussian(model, grid, centre=model.centre, width=widths, wave_number=still, state=model.start_state)
    return np.array([later.adiabatic_populations()[1] for later in _frames(wave)])


def hopping_curves(title: str, name: str, n: int) -> tuple[Array, Array]:
    """P(upper) [N_FRAMES] by active states and by amplitudes, of n trajectories."""
    result = hopping_ensemble(CONES[title][0](), n, METHODS[name])
    return result.active_populations()[1:, 1], result.amplitude_populations()[1:, 1]


def hopping_ensemble(model: LinearVibronicCoupling, n: int, method: dict[str, Any]) -> Ensemble:
    """Trajectories from the Wigner function of the packet, on its diabatic state."""
    parts, numbers = parts_of(method_of(seed=SEED, **method), ModelSurfaces(model), _time_step()), np.arange(n)
    places, speeds = wigner_packet(
        numbers,
        centre=model.centre,
        width=np.sqrt(2 / model.frequencies),
        wave_number=np.zeros(2),
        masses=model.masses,
        seed=SEED,
    )
    active, amplitudes = diabatic_start(numbers, model.start_state, places, parts.surfaces, SEED)
    state = start(parts, trajectory=numbers, positions=places, velocities=speeds, active=active, amplitudes=amplitudes)
    return run_ensemble(state, parts, n_steps=N_STEPS, interval=N_STEPS // N_FRAMES)


def _checks(title: str, name: str, active: Array, amplitudes: Array, exact: Array, n: int) -> Iterator[Check]:
    is_judged = (title, name) == ("LVC cone", "FSSH+EDC")
    error = float(np.sqrt((active * (1 - active)).mean() / n))
    case = f"{title}, {LENGTH_FS:g} fs"
    if name != "LZSH":  # without coherence its amplitudes are those of the active state
        inner = float(np.abs(active - amplitudes).mean())
        yield Check(case, name, "|active - amplitudes|, mean", inner, error, 0.0, CONSISTENT if is_judged else None)
    outer = float(np.abs(active - exact).mean())
    yield Check(case, name, "|active - exact|, mean", outer, error, 0.0, NEAR_EXACT if is_judged else None)


def _time_step() -> float:
    return LENGTH_FS * ATOMIC_TIME_PER_FS / N_STEPS


def _frames(wave: Wave) -> Iterator[Wave]:
    for _ in range(N_FRAMES):
        wave = propagate(wave, time_step=_time_step(), n_steps=N_STEPS // N_FRAMES)
        yield wave
