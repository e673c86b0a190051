"""What a study found, in one folder: numbers (result.json), pictures, one page; beside a reference and literature."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from fusionmd.errors import DataError
from fusionmd.files import write_bytes_atomic, write_text_atomic
from fusionmd.namd.absorption import spectrum
from fusionmd.namd.analysis import first_arrivals, hop_times
from fusionmd.namd.comparison import median
from fusionmd.namd.populations import wilson_interval
from fusionmd.namd.run_file import RunFile, read_run
from fusionmd.namd.study_plots import comparison_plot, geometry_plot, spectrum_plot, yield_plot
from fusionmd.workflows.namd_analyze import Analysis, analyze, energy_rows, interval_text
from fusionmd.workflows.namd_outcomes import UNFINISHED
from fusionmd.workflows.namd_page import heading, page, paragraph, picture, png, preformatted, table
from fusionmd.workflows.namd_spectrum import QUANTITIES
from fusionmd.workflows.namd_study import RUN, Plan
from fusionmd.workflows.namd_study_compare import Side, comparison, comparison_rows
from fusionmd.workflows.namd_study_settings import Study

MOST_UNFINISHED = 0.1  # of the trajectories; with more there is no yield
SPECTRUM_WIDTH_EV = 0.1
DISCARDED = "discarded"
TITLES = {
    "populations": "Populations of the states, 95 % bands",
    "comparison": "Ground state: this run and the reference",
    "yields": "Products",
    "incidence": "Products over time",
    "hop geometries": "Geometries at hops to the ground state",
    "hops": "Gaps at hops",
    "spectrum": "Excitation energies of the nuclear ensemble",
    "traces": "Energies along trajectories",
    "energies": "Total energies",
}


@dataclass(frozen=True, eq=False)
class Report:
    """result: As JSON has it.  figures: By name."""

    result: dict[str, Any]
    figures: dict[str, Figure]


def report(plan: Plan, beside: Side | None = None) -> Report:
    """Analyse DIR/run.h5, beside a reference if there is one, and write result.json, pictures and report.html."""
    run, outcomes = read_run(plan.folder / RUN), plan.study.outcomes
    found = analyze(run, outcomes)
    result = _result(plan, run, found)
    if beside is not None:
        result |= {"comparison": comparison(Side(run, found), beside, outcomes.names)}
    figures = found.figures | _figures(plan, run, result)
    pictures = {name: png(figure) for name, figure in figures.items()}
    for name, content in pictures.items():
        write_bytes_atomic(plan.folder / f"{name.replace(' ', '_')}.png", content)
    write_text_atomic(plan.folder / "result.json", json.dumps(result, indent=1, default=_plain) + "\n")
    write_text_atomic(plan.folder / "report.html", _page(plan, result, pictures))
    return Report(result, figures)


def summary_rows(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The main numbers as text."""
    rows = [("trajectories", str(result["n_trajectories"]))]
    rows += [(f"share: {name}", interval_text(share, "")) for name, share in result["shares"].items()]
    if result["is_headlined"]:
        rows += [(f"yield: {name}", interval_text(share, "")) for name, share in result["yields"].items()]
    else:
        rows += [("yields", result["headline"])]
    rows += [("still excited at the end", interval_text(result["excited_at_end"], ""))]
    rows += [("median time to the ground state", interval_text(result["median_hop_time_fs"], " fs"))]
    rows += [("lifetime", interval_text(result["lifetime_fs"], " fs"))]
    for row in result["hops"]["table"]:
        text = f"{row['accepted']} made, {row['frustrated']} frustrated"
        rows.append((f"hops {row['source']} to {row['target']}", text))
    if "comparison" in result:
        rows += comparison_rows(result["comparison"])
    return [*rows, *energy_rows(result)]


def _result(plan: Plan, run: RunFile, found: Analysis) -> dict[str, Any]:
    names = [*plan.study.outcomes.names, UNFINISHED, DISCARDED]
    ended = [DISCARDED if out else label for out, label in zip(run.is_discarded, found.labels, strict=True)]
    n = run.n_trajectories
    n_without = sum(each in (UNFINISHED, DISCARDED) for each in ended)
    is_headlined = n_without <= MOST_UNFINISHED * n
    return {
        **found.result,
        "study": plan.study.title,
        "start": plan.start,
        "counts": {name: ended.count(name) for name in names},
        "shares": {name: _share(ended.count(name), n) for name in names},
        "is_headlined": is_headlined,
        "headline": _headline(found, n, n_without, is_headlined),
        "excited_at_end": _share(int((run.active_state[:, -1] > 0).sum()), n),
        "median_hop_time_fs": vars(median(first_arrivals(run))),
    }


def _headline(found: Analysis, n: int, n_without: int, is_headlined: bool) -> str:
    if not is_headlined:
        return (
            f"No yields: {n_without} of {n} trajectories have no product yet (unfinished or discarded), more than "
            f"{MOST_UNFINISHED:.0%}."
        )
    shares = {name: share for name, share in found.result["yields"].items() if share is not None}
    return "Yields: " + "; ".join(f"{name} {interval_text(share, '')}" for name, share in shares.items())


def _share(count: int, n: int) -> dict[str, float]:
    low, high = wilson_interval(np.array([count / n]), n)
    return {"value": count / n, "low": float(low[0]), "high": float(high[0])}


def _figures(plan: Plan, run: RunFile, result: dict[str, Any]) -> dict[str, Figure]:
    excitations = run.state_energies[:, 0, 1:] - run.state_energies[:, 0, :1]
    made = run.hops.accepted & (run.hops.target == 0)
    measured = {
        f"{name} ({each.unit})": each.values(run.hops.positions[made])
        for name, each in plan.study.outcomes.coordinates.items()
    }
    measured |= {"gap (eV)": np.abs(run.hops.gap[made]), "time (fs)": hop_times(run)[made]}
    beside = _published(plan.study, plan.start)
    if "comparison" in result:
        beside |= {"reference": result["comparison"]["shares"]}
    figures = {"yields": yield_plot(result["shares"], beside)}
    if made.any():
        figures["hop geometries"] = geometry_plot(measured)
    if "comparison" in result:
        figures["comparison"] = comparison_plot(result["comparison"]["ground_population"])
    if (excitations > 0).all():
        lines = spectrum(excitations, None, width=SPECTRUM_WIDTH_EV, shape="gaussian")
        figures["spectrum"] = spectrum_plot(lines, QUANTITIES[False][0])
    return figures


def _published(study: Study, start: str) -> dict[str, dict[str, float]]:
    return {each.source: each.yields for each in study.literature if each.start == start}


def _page(plan: Plan, result: dict[str, Any], pictures: Mapping[str, bytes]) -> str:
    parts = [paragraph(result["headline"], is_headline=True)]
    parts += [paragraph(f"{result['surfaces']}; from {plan.start}."), table(summary_rows(result))]
    published = _published(plan.study, plan.start)
    if published:
        parts += [heading("Literature"), table(_literature_rows(published))]
    parts += [paragraph(note) for note in plan.study.notes]
    for name, title in TITLES.items():
        if name in pictures:
            parts += [heading(title), picture(pictures[name])]
    parts += [heading("Settings"), preformatted(plan.text())]
    return page(f"{plan.study.title}, from {plan.start}", parts)


def _literature_rows(published: Mapping[str, Mapping[str, float]]) -> list[tuple[str, str]]:
    return [
        (source, ", ".join(f"{name} {value:g}" for name, value in yields.items()))
        for source, yields in published.items()
    ]


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise DataError(f"{type(value).__name__} cannot be written as JSON")
