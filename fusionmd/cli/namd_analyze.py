"""`fusionmd namd analyze`: what an ensemble of hopping trajectories says."""

from pathlib import Path
from typing import Annotated

import typer

from fusionmd.cli.options import Json
from fusionmd.cli.output import show_table, waiting, write_json

RunFile = Annotated[Path, typer.Argument(metavar="RUN", help="HDF5 file that `namd run` wrote.")]
Classes = Annotated[
    Path | None, typer.Option("--outcomes", metavar="YAML", help="Classes of products by internal coordinates.")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder for plots and report (RUN.analysis).")
]
Trajectories = Annotated[bool, typer.Option("--trajectories", help="Write every trajectory as DIR/OUTCOME/NUMBER.xyz.")]


def command(
    run: RunFile,
    outcomes: Classes = None,
    output: Output = None,
    trajectories: Trajectories = False,
    json: Json = None,
) -> None:
    """Populations with 95 % bands, lifetime, yields, incidence of outcomes, hops and drift; plots and one page."""
    from fusionmd.namd.run_file import read_run
    from fusionmd.workflows.namd_analyze import analyze, summary_rows, write_analysis, write_trajectories
    from fusionmd.workflows.namd_outcomes import read_outcomes

    folder = output or Path(f"{run}.analysis")
    with waiting("analysing"):
        read = read_run(run)
        found = analyze(read, read_outcomes(outcomes))
        paths = write_analysis(found, folder, f"Surface hopping: {run.name}")
        n_files = write_trajectories(read, found.labels, folder) if trajectories else 0
    write_json(json, found.result)
    reasons = "".join(f", {n} {name.replace('_', ' ')}" for name, n in found.result["discarded"].items())
    print(f"{read.n_trajectories} trajectories, {found.result['n_discarded']} discarded{reasons}")
    show_table(["quantity", "value"], summary_rows(found.result))
    print(f"report: {paths[-1]}" + (f"; {n_files} trajectories beside it" if n_files else ""))
