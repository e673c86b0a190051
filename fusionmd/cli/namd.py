"""`fusionmd namd`: surface hopping, and how far it can be trusted."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fusionmd.cli.options import Json
from fusionmd.cli.output import progress, show_table, write_json

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Non-adiabatic dynamics: trajectories that hop.")

Quick = Annotated[bool, typer.Option("--quick", help="Fewer cases and trajectories: under a minute.")]


@app.command("validate", epilog="Example: fusionmd namd validate --quick --json validation.json")
def validate(quick: Quick = False, json: Json = None) -> None:
    """Compare trajectories with formulas and exact propagation on analytic models; exit code 1 if one fails."""
    from fusionmd.namd.validation import Check, cases

    found: list[Check] = []
    todo = cases(is_quick=quick)
    with progress("validating", len(todo)) as advance:
        for number, case in enumerate(todo):
            found += case()
            advance(number + 1, found[-1].case)
    rows = [
        (c.case, c.method, c.quantity, f"{c.value:.4f} +- {c.standard_error:.4f}", f"{c.expected:.4f}", c.allowed,
         "pass" if c.passed else "FAIL")
        for c in found
    ]  # fmt: skip
    show_table(["case", "method", "quantity", "trajectories", "expected", "allowed", ""], rows)
    passed = all(check.passed for check in found)
    write_json(json, {"checks": [asdict(c) | {"passed": c.passed} for c in found], "passed": passed})
    print(f"{sum(c.passed for c in found)} of {len(found)} checks passed")
    raise typer.Exit(0 if passed else 1)


@app.command("run", epilog="Example: fusionmd namd run hopping.yaml -o run.h5")
def run(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file: surfaces, method, lengths.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="HDF5 file of the trajectories.")],
    json: Json = None,
) -> None:
    """Run an ensemble of hopping trajectories; the result and the whole protocol go into one HDF5 file."""
    from fusionmd.workflows.namd import run_namd
    from fusionmd.workflows.namd_settings import read_run

    settings = read_run(config)
    with progress("hopping", settings.n_trajectories * settings.n_steps) as advance:
        summary = run_namd(settings, output, on_step=advance)
    write_json(json, summary)
    print(f"{summary['n_trajectories']} trajectories, {summary['n_hops']} hops, {summary['n_frustrated']} frustrated")
    for state, (low, mean, high) in enumerate(summary["final_populations"]):
        print(f"state {state} at {settings.time_fs:g} fs: {mean:.3f} ({low:.3f} .. {high:.3f}, 95 %)")
    print(f"trajectories and protocol: {output}")
