"""`fusionmd namd`: surface hopping, and how far it can be trusted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from fusionmd.cli import namd_analyze, namd_landmarks, namd_sample, namd_spectrum, namd_study
from fusionmd.cli.options import Json, Threads, use_threads
from fusionmd.cli.output import progress, show_table, waiting, write_json

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Non-adiabatic dynamics: trajectories that hop.")
app.command("sample", epilog="Example: fusionmd namd sample my.pt start.xyz -n 200 --window 4.2 4.6 -o starts.xyz")(
    namd_sample.command
)
app.command("analyze", epilog="Example: fusionmd namd analyze run.h5 --outcomes outcomes.yaml --json result.json")(
    namd_analyze.command
)
app.command("spectrum", epilog="Example: fusionmd namd spectrum my.pt starts.xyz --window 4.2 4.6 -o spectrum")(
    namd_spectrum.command
)
app.command("stilbene", epilog="Example: fusionmd namd stilbene --start cis --surfaces mopac-am1-ci22 -n 40 -o cis")(
    namd_study.stilbene
)
app.command("study", epilog="Example: fusionmd namd study ch2nh2 --trajectories 20 -o ch2nh2")(namd_study.study)
for _verb, _example in (
    (namd_landmarks.minimum, "fusionmd namd minimum my.pt start.xyz --state 1 -o s1"),
    (namd_landmarks.saddle, "fusionmd namd saddle my.pt twisted.xyz --state 0 -o barrier"),
    (namd_landmarks.crossing, "fusionmd namd crossing my.pt start.xyz --states 0,1 -o crossing"),
    (namd_landmarks.landmarks, "fusionmd namd landmarks learned/landmarks.xyz reference/landmarks.xyz"),
    (namd_landmarks.path, "fusionmd namd path my.pt s0/landmarks.xyz crossing/landmarks.xyz -o liic"),
):
    app.command(_verb.__name__, epilog=f"Example: {_example}")(_verb)

Quick = Annotated[bool, typer.Option("--quick", help="Fewer cases and trajectories: under a minute.")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes; batches are dealt to them.")]
Scheduler = Annotated[
    str | None, typer.Option("--scheduler", metavar="ADDRESS", help="Dask scheduler, like tcp://host:8786.")
]
Plots = Annotated[Path | None, typer.Option("--plots", metavar="DIR", help="Folder for the curves, as PNG files.")]


@app.command("validate", epilog="Example: fusionmd namd validate --quick --plots plots --json validation.json")
def validate(quick: Quick = False, plots: Plots = None, json: Json = None) -> None:
    """Compare trajectories with formulas and exact propagation on analytic models; exit code 1 if one fails."""
    from fusionmd.namd.figures import write_figures
    from fusionmd.namd.validation import cases
    from fusionmd.namd.validation_table import Outcome

    found, todo = Outcome([], []), cases(is_quick=quick)
    with progress("validating", len(todo)) as advance:
        for number, case in enumerate(todo):
            outcome = case()
            found.checks.extend(outcome.checks)
            found.curves.extend(outcome.curves)
            advance(number + 1, outcome.checks[-1].case)
    rows = [
        (c.case, c.method, c.quantity, f"{c.value:.4f} +- {c.standard_error:.4f}", f"{c.expected:.4f}",
         *(("-", "") if c.allowed is None else (f"{c.allowed:.4f}", "pass" if c.passed else "FAIL")))
        for c in found.checks
    ]  # fmt: skip
    show_table(["case", "method", "quantity", "trajectories", "expected", "allowed", ""], rows)
    judged = [check for check in found.checks if check.allowed is not None]
    passed = all(check.passed for check in judged)
    checks = [asdict(c) | {"passed": None if c.allowed is None else c.passed} for c in found.checks]
    write_json(json, {"checks": checks, "passed": passed})
    if plots is not None:
        print(f"plots: {', '.join(map(str, write_figures(plots, found.curves)))}")
    rest = len(checks) - len(judged)
    print(f"{sum(c.passed for c in judged)} of {len(judged)} checks passed; {rest} rows judge nothing")
    raise typer.Exit(0 if passed else 1)


@app.command("run", epilog="Example: fusionmd namd run hopping.yaml -o run.h5 --workers 4")
def run(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file: surfaces, method, lengths.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="HDF5 file of the trajectories.")],
    workers: Workers = 1,
    scheduler: Scheduler = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Forget an unfinished run of OUT.")] = False,
    threads: Threads = None,
    json: Json = None,
) -> None:
    """Run an ensemble of hopping trajectories; the result and the whole protocol go into one HDF5 file."""
    from fusionmd.workflows.namd import n_trajectories, run_namd
    from fusionmd.workflows.namd_settings import read_run

    use_threads(threads)
    settings = read_run(config)
    with _resumable(output), progress("hopping", n_trajectories(settings) * settings.n_steps) as advance:
        summary = run_namd(settings, output, workers=workers, scheduler=scheduler, overwrite=overwrite, on_step=advance)
    _report(summary, output, json)


@app.command("resume", epilog="Example: fusionmd namd resume run.h5")
def resume(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="HDF5 file that the stopped run was to write.")],
    workers: Workers = 1,
    scheduler: Scheduler = None,
    threads: Threads = None,
    json: Json = None,
) -> None:
    """Go on with a run that was stopped or killed; the result is the same, bit for bit, as without the stop."""
    from fusionmd.workflows.namd import resume_namd

    use_threads(threads)
    with _resumable(output), waiting("hopping"):
        summary = resume_namd(output, workers=workers, scheduler=scheduler)
    _report(summary, output, json)


def _report(summary: dict[str, Any], output: Path, json: Path | None) -> None:
    write_json(json, summary)
    print(f"{summary['n_trajectories']} trajectories, {summary['n_hops']} hops, {summary['n_frustrated']} frustrated")
    if summary["n_discarded"]:
        print(f"{summary['n_discarded']} trajectories were stopped and flagged: see fusionmd namd analyze {output}")
    for state, (low, mean, high) in enumerate(summary["final_populations"]):
        print(f"state {state} at {summary['time_fs']:g} fs: {mean:.3f} ({low:.3f} .. {high:.3f}, 95 %)")
    if summary["caution"]:
        print(f"caution: {summary['caution']}")
    print(f"trajectories and protocol: {output}")


@contextmanager
def _resumable(output: Path) -> Iterator[None]:
    """Ctrl-C says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"stopped; go on with: fusionmd namd resume {output}")
        raise typer.Exit(130) from None
