"""Fit parameters of AM1 to landmarks of stilbene: damped Gauss-Newton on relaxed geometries.

    python -m benchmarks.stilbene.fit benchmarks/stilbene/landmarks.xyz START.params -o fitted --rounds 20 --jobs 2

Energies of relaxed points change to first order as at fixed geometry; that of a crossing moves along the difference
of gradients until the gap is closed again; bond lengths follow the force through the stiff part of the Hessian. Every
round relaxes all landmarks again. A round takes about a minute on two cores. Writes fitted.params, .xyz and .json.
"""

import argparse
import json
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import ase.io
import numpy as np

from benchmarks.stilbene.parameters import PULLS, SCALES, Values, bounded, departure, read_values, text_of
from benchmarks.stilbene.points import POINTS, bond_lengths, evaluate, read_geometries, relax, write_geometries
from benchmarks.stilbene.quantities import TARGETS, quantities, residuals
from fusionmd.files import write_text_atomic

Array = np.ndarray
ROOTS = {"cis": (0,), "trans": (0,), "crossing": (0, 1)}
NUDGE, HESSIAN_STEP, STIFF = 0.05, 0.01, 1.0  # of a scale; angstrom; eV/angstrom^2
SLACK, TRIES, LEAST_DAMPING = 2.0, 5, 0.01
FIRST_LIMIT, LIMIT = 60, 25  # evaluations of a relaxation


@dataclass
class Level:
    """Parameters, relaxed landmarks, and what was found there."""

    values: Values
    places: dict[str, Array]
    energies: dict[str, Array]
    forces: dict[str, dict[int, Array]]

    @property
    def found(self) -> dict[str, float]:
        """Quantities."""
        lengths = {k: v for name in ("cis", "trans") for k, v in bond_lengths(name, self.places[name]).items()}
        return quantities(self.energies, lengths)

    @property
    def residuals(self) -> Array:
        """Of the targets, and of the pull to AM1."""
        return np.concatenate([residuals(self.found), departure(self.values)])


class Fit:
    """Relaxes and evaluates in processes."""

    def __init__(self, method: str, numbers: Array, folder: Path, n_jobs: int) -> None:
        self._method, self._numbers, self._folder, self._n_files = method, numbers, folder, 0
        self._pool = ProcessPoolExecutor(n_jobs, mp_context=get_context("spawn"))

    def level(self, values: Values, places: Mapping[str, Array], limit: int) -> Level:
        """Landmarks relaxed from `places`."""
        path = self._file(values)
        tasks = [(name, self._numbers, places[name], path, limit) for name in POINTS]
        relaxed = dict(self._pool.map(relax, tasks))
        found = list(self._evaluated((name, relaxed[name], path, ROOTS.get(name, (0,))) for name in POINTS))
        return Level(values, relaxed, {k: e for k, e, _ in found}, {k: f for k, _, f in found})

    def softness(self, level: Level, name: str) -> Array:
        """Inverse of the stiff part of the ground-state Hessian [n_dof, n_dof], angstrom^2/eV."""
        place, path = level.places[name], self._file(level.values)
        steps = HESSIAN_STEP * np.eye(place.size).reshape(-1, *place.shape)
        tasks = [((k, sign), place + sign * step, path, (0,)) for k, step in enumerate(steps) for sign in (1, -1)]
        hessian = np.zeros((place.size, place.size))
        for (k, sign), _, forces in self._evaluated(tasks):
            hessian[k] -= sign * forces[0].ravel() / (2 * HESSIAN_STEP)
        sizes, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
        stiff = sizes > STIFF
        return np.asarray((vectors[:, stiff] / sizes[stiff]) @ vectors[:, stiff].T)

    def jacobian(self, level: Level, softness: Mapping[str, Array]) -> Array:
        """Of all residuals by the scaled parameters [n_residuals, n_parameters]."""
        tasks = []
        for parameter in SCALES:
            path = self._file({**level.values, parameter: level.values[parameter] + NUDGE * SCALES[parameter]})
            tasks += [((parameter, name), level.places[name], path, (0,)) for name in POINTS]
        found = {key: (energies, forces) for key, energies, forces in self._evaluated(tasks)}
        before = residuals(level.found)
        columns = [(residuals(_moved(level, softness, parameter, found)) - before) / NUDGE for parameter in SCALES]
        return np.concatenate([np.stack(columns, axis=1), np.diag([PULLS[name] for name in SCALES])])

    def _evaluated(self, tasks: Iterable[tuple]) -> Iterable[tuple]:
        complete = [(key, self._numbers, place, path, roots) for key, place, path, roots in tasks]
        return self._pool.map(evaluate, complete, chunksize=4)

    def _file(self, values: Values) -> tuple[str, Path]:
        self._n_files += 1
        path = self._folder / f"{self._n_files}.params"
        path.write_text(text_of(values))
        return self._method, path


def _moved(level: Level, softness: Mapping[str, Array], parameter: str, found: Mapping) -> dict[str, float]:
    """Quantities with one parameter nudged, to first order."""
    energies = {name: found[parameter, name][0] for name in POINTS}
    energies["crossing"] = level.energies["crossing"] + _crossing_shift(level, energies["crossing"])
    lengths = {}
    for name, matrix in softness.items():
        change = found[parameter, name][1][0] - level.forces[name][0]
        lengths |= bond_lengths(name, level.places[name] + (matrix @ change.ravel()).reshape(-1, 3))
    return quantities(energies, lengths)


def _crossing_shift(level: Level, nudged: Array) -> float:
    """Of the mean energy, when the geometry follows along the difference of gradients until the gap is as before."""
    change = nudged - level.energies["crossing"]
    lower, upper = (-level.forces["crossing"][root].ravel() for root in (0, 1))
    mean, between = (lower + upper) / 2, upper - lower
    return float(change[:2].mean() - (mean @ between) / (between @ between) * (change[1] - change[0]))


def main() -> None:
    """Rounds until they gain nothing."""
    options = _arguments()
    frame = ase.io.read(options.landmarks, index=0)
    with tempfile.TemporaryDirectory() as folder:
        fit = Fit(options.method, frame.numbers, Path(folder), options.jobs)
        level = fit.level(read_values(options.start), read_geometries(options.landmarks), FIRST_LIMIT)
        softness = {name: fit.softness(level, name) for name in ("cis", "trans")}
        damping = 1.0
        for number in range(options.rounds):
            _write(options.output, frame.numbers, level, number)
            step = _step(fit, level, fit.jacobian(level, softness), damping)
            if step is None:
                return
            level, damping = step
        _write(options.output, frame.numbers, level, options.rounds)


def _step(fit: Fit, level: Level, jacobian: Array, damping: float) -> tuple[Level, float] | None:
    """A better level and the next damping; None if none is found."""
    before = level.residuals
    for _ in range(TRIES):
        matrix = jacobian.T @ jacobian + damping * np.eye(len(SCALES))
        change = np.linalg.solve(matrix, -jacobian.T @ before)
        change /= max(1.0, float(np.abs(change).max()))
        values = bounded({k: level.values[k] + float(c) * SCALES[k] for k, c in zip(SCALES, change, strict=True)})
        new = fit.level(values, level.places, LIMIT)
        cost = float(new.residuals @ new.residuals)
        if np.isfinite(cost) and cost < before @ before + SLACK:
            return new, max(damping / 3, LEAST_DAMPING)
        damping *= 4
    return None


def _write(stem: Path, numbers: Array, level: Level, number: int) -> None:
    found = level.found
    rows = {name: {"found": found[name], "target": t, "weight": w} for name, (t, w) in TARGETS.items()}
    cost = float(level.residuals @ level.residuals)
    content = {"round": number, "cost": cost, "parameters": level.values, "quantities_eV_angstrom": rows}
    write_text_atomic(stem.with_suffix(".params"), text_of(level.values))
    write_text_atomic(stem.with_suffix(".json"), json.dumps(content, indent=1) + "\n")
    write_geometries(stem.with_suffix(".xyz"), numbers, level.places)
    worst = sorted(rows, key=lambda k: -abs(found[k] - rows[k]["target"]) / rows[k]["weight"])[:6]
    print(f"round {number}: cost {cost:.1f};", ", ".join(f"{k} {found[k]:.3f}" for k in worst), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("landmarks", type=Path, help="starting geometries, named")
    parser.add_argument("start", type=Path, help="parameter file to start from")
    parser.add_argument("-o", "--output", type=Path, default=Path("fitted"))
    parser.add_argument("--method", default="nddo-am1-casci22")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
