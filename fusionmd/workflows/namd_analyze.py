"""The analysis of a run: numbers, pictures, one page; with and without the trajectories that triage discarded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import yaml
from ase import Atoms
from matplotlib.figure import Figure

from fusionmd.errors import DataError
from fusionmd.files import atomic_write, write_text_atomic
from fusionmd.namd.analysis import (
    arrivals,
    attempts_table,
    energy_changes,
    energy_drifts,
    hop_times,
    last_seen,
    populations_of,
)
from fusionmd.namd.figures import write_picture
from fusionmd.namd.incidence import CENSORED, cumulative_incidence
from fusionmd.namd.lifetimes import Lifetime, lifetime
from fusionmd.namd.plots import energy_plot, hop_plot, incidence_plot, population_plot, trace_plot
from fusionmd.namd.populations import wilson_interval
from fusionmd.namd.protocol import Array, BoolArray, IntArray
from fusionmd.namd.run_file import RunFile
from fusionmd.namd.triage import Flag
from fusionmd.workflows.namd_outcomes import UNFINISHED, Outcomes
from fusionmd.workflows.namd_page import heading, page, picture, png, preformatted, table


@dataclass(frozen=True, eq=False)
class Analysis:
    """result: As JSON has it.  figures: By name.  labels: Outcome of each trajectory [n_traj]."""

    result: dict[str, Any]
    figures: dict[str, Figure]
    labels: list[str]


def analyze(run: RunFile, outcomes: Outcomes) -> Analysis:
    """Everything; the main numbers are those without discarded trajectories."""
    trusted = ~run.is_discarded
    if not trusted.any():
        raise DataError("all trajectories were stopped by triage, nothing is left to analyse; look at their flags")
    classes, when = _outcomes_of(run, outcomes)
    main = _results(run, outcomes, classes, trusted)
    everything = main if trusted.all() else _results(run, outcomes, classes, np.ones_like(trusted))
    times, measured = hop_times(run), {n: c.values(run.hops.positions) for n, c in outcomes.coordinates.items()}
    incidence, without = cumulative_incidence(when[trusted], classes[trusted], len(outcomes.names), run.time)
    shares = dict(zip(outcomes.names, incidence, strict=True))
    found, protocol = populations_of(run, trusted), yaml.safe_load(run.protocol)
    result = {
        "n_trajectories": run.n_trajectories,
        "n_discarded": int(run.is_discarded.sum()),
        "discarded": {Flag(flag).name.lower(): n for flag, n in Counter(run.flag[~trusted].tolist()).items()},
        **main,
        "with_discarded": everything,
        "cumulative_incidence": {"time_fs": run.time, **shares, "none": without},
        "hops": _hops(run, times, measured),
        "jumps": _jumps(run),
        "energy_drift_eV": _median_and_max(energy_drifts(run)[trusted]),
        "energy_change_eV": _median_and_max(energy_changes(run)[trusted]),
        "surfaces": run.surfaces,
        "protocol": protocol,
    }
    fitted = None if main["lifetime_fs"] is None else Lifetime(**main["lifetime_fs"])
    figures = {
        "populations": population_plot(found, fitted, has_amplitudes=protocol["method"]["hopping"] != "lzsh"),
        "incidence": incidence_plot(run.time, shares, without),
        "hops": hop_plot(run, times, measured),
        "traces": trace_plot(run),
        "energies": energy_plot(run),
    }
    labels = [UNFINISHED if each == CENSORED else outcomes.names[each] for each in classes]
    return Analysis(result, figures, labels)


def write_analysis(found: Analysis, folder: Path, title: str) -> list[Path]:
    """Pictures as PNG and SVG, and report.html with all of them inside."""
    paths = [path for name, figure in found.figures.items() for path in write_picture(figure, folder, name)]
    write_text_atomic(folder / "report.html", _page(found, title))
    return [*paths, folder / "report.html"]


def write_trajectories(run: RunFile, labels: list[str], folder: Path) -> int:
    """Every trajectory as folder/OUTCOME/NUMBER.xyz, and the geometries of all hops as folder/hops.xyz, for viewers."""
    for row, label in enumerate(labels):
        frames = _frames(run, run.positions[row, : run.end_frames[row] + 1])
        for index, frame in enumerate(frames):
            frame.info = {"time_fs": float(run.time[index]), "state": int(run.active_state[row, index])}
        _write_frames(folder / label / f"{row:05d}.xyz", frames)
    hops, times = run.hops, hop_times(run)
    accepted = np.flatnonzero(hops.accepted).tolist()
    frames = _frames(run, hops.positions[accepted])
    for hop, frame in zip(accepted, frames, strict=True):
        frame.info = {
            "trajectory": int(hops.trajectory[hop]),
            "time_fs": float(times[hop]),
            "states": [int(hops.source[hop]), int(hops.target[hop])],
            "gap_eV": float(hops.gap[hop]),
            "outcome": labels[hops.trajectory[hop]],
        }
    if frames:
        _write_frames(folder / "hops.xyz", frames)
    return len(labels)


def _frames(run: RunFile, positions: Array) -> list[Atoms]:
    if run.numbers is None:
        raise DataError("this run is of an analytic model, without atoms; there are no structures to write")
    return [Atoms(run.numbers, place.reshape(-1, 3)) for place in positions]


def _write_frames(path: Path, frames: list[Atoms]) -> None:
    with atomic_write(path) as temporary:
        ase.io.write(temporary, frames, format="extxyz")


def _outcomes_of(run: RunFile, outcomes: Outcomes) -> tuple[IntArray, Array]:
    """Class of each trajectory, CENSORED where it has not been on the ground state for `settle_fs`; and when, fs."""
    arrived, seen = arrivals(run), last_seen(run)
    half_step = (run.time[1] - run.time[0]) / run.steps_per_frame / 2
    is_settled = ~run.is_discarded & np.isfinite(arrived) & (seen - arrived >= outcomes.settle_fs - half_step)
    classes = outcomes.classified(run.positions[:, -1])
    return np.where(is_settled, classes, CENSORED), np.where(is_settled, arrived, seen)


def _results(run: RunFile, outcomes: Outcomes, classes: IntArray, rows: BoolArray) -> dict[str, Any]:
    """Populations, lifetime and yields of the chosen trajectories; yields of those that are finished."""
    found, fitted = populations_of(run, rows), lifetime(run.time, run.active_state[rows] > 0)
    finished = classes[rows][classes[rows] != CENSORED]
    return {
        "populations": {
            "time_fs": found.time,
            "mean": found.mean,
            "low": found.low,
            "high": found.high,
            "amplitudes": found.amplitudes,
        },
        "active_minus_amplitudes": float(np.abs(found.mean - found.amplitudes).mean()),
        "lifetime_fs": None if fitted is None else asdict(fitted),
        "yields": {name: _share(finished == index) for index, name in enumerate(outcomes.names)},
        "n_finished": len(finished),
        "n_unfinished": int(rows.sum()) - len(finished),
    }


def _share(is_so: BoolArray) -> dict[str, float] | None:
    if not len(is_so):
        return None
    value = is_so.mean()
    low, high = wilson_interval(np.array([value]), len(is_so))
    return {"value": float(value), "low": float(low[0]), "high": float(high[0])}


def _hops(run: RunFile, times: Array, measured: Mapping[str, Array]) -> dict[str, Any]:
    table = [dict(zip(("source", "target", "accepted", "frustrated"), row, strict=True)) for row in attempts_table(run)]
    accepted = run.hops.accepted
    geometry = {
        name: {"mean": float(values[accepted].mean()), "deviation": float(values[accepted].std())}
        for name, values in measured.items()
        if accepted.any()
    }
    gaps = np.abs(run.hops.gap[accepted])
    return {
        "table": table,
        "geometry": geometry,
        "median_gap_eV": float(np.median(gaps)) if len(gaps) else None,
        "median_time_fs": float(np.median(times[accepted])) if len(gaps) else None,
    }


def _jumps(run: RunFile) -> dict[str, Any]:
    """Of the ground-state energy, which velocities paid for."""
    sizes = np.abs(run.jumps.gap)
    return {
        "n": len(sizes),
        "n_trajectories": len(np.unique(run.jumps.trajectory)),
        "median_eV": float(np.median(sizes)) if len(sizes) else None,
        "max_eV": float(sizes.max()) if len(sizes) else None,
    }


def _page(found: Analysis, title: str) -> str:
    result = found.result
    rows = [("trajectories", result["n_trajectories"]), ("discarded", result["n_discarded"] or "none")]
    rows += [(f"discarded: {name.replace('_', ' ')}", n) for name, n in result["discarded"].items()]
    rows += summary_rows(result)
    pictures = [part for name, figure in found.figures.items() for part in (heading(name), picture(png(figure)))]
    protocol = yaml.safe_dump(result["protocol"], sort_keys=False)
    return page(title, [table(rows), *pictures, heading("protocol"), preformatted(protocol)])


def summary_rows(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Lifetime, yields and drift as text, with and without the discarded trajectories."""
    rows = []
    for suffix, part in (("", result), (", with the discarded", result["with_discarded"])):
        if suffix and not result["n_discarded"]:
            continue
        rows.append((f"lifetime{suffix}", interval_text(part["lifetime_fs"], " fs")))
        rows.append((f"finished, unfinished{suffix}", f"{part['n_finished']}, {part['n_unfinished']}"))
        rows += [(f"yield of {name}{suffix}", interval_text(share, "")) for name, share in part["yields"].items()]
        rows.append((f"|active - amplitudes|{suffix}", f"{part['active_minus_amplitudes']:.4f}"))
    return [*rows, *energy_rows(result)]


def interval_text(found: Mapping[str, float] | None, unit: str) -> str:
    """A value with its 95 % interval."""
    if found is None or np.isinf(found["value"]):
        return "not to be had from this run"
    return f"{found['value']:.3g} ({found['low']:.3g} .. {found['high']:.3g}, 95 %){unit}"


def energy_rows(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How well the total energy was kept, as text."""
    names = {"energy drift between hops": "energy_drift_eV", "energy, last less first": "energy_change_eV"}
    return [(n, f"median {result[k]['median']:.2e}, max {result[k]['max']:.2e} eV") for n, k in names.items()]


def _median_and_max(values: Array) -> dict[str, float]:
    return {"median": float(np.median(values)), "max": float(values.max())}
