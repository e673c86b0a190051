"""`fusionmd label landmarks`: points of a molecule's surfaces at a level of theory, and whether it passes."""

from pathlib import Path
from typing import Annotated

import typer

from fusionmd.cli.options import Json
from fusionmd.cli.output import progress, show_table, waiting, write_json

Protocol = Annotated[str, typer.Argument(metavar="PROTOCOL", help="A YAML file, or a shipped one: stilbene.")]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder of the results.")]
MethodName = Annotated[str, typer.Option("--method", metavar="NAME", help="As in fusionmd label frames.")]
Parameters = Annotated[
    Path | None, typer.Option("--parameters", metavar="FILE", help="Replaced parameters (MOPAC's EXTERNAL).")
]
Jobs = Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="Landmarks at a time.")]
Timeout = Annotated[float, typer.Option("--timeout", metavar="S", min=1.0, help="Seconds for one calculation.")]


def command(
    protocol: Protocol, output: Output, method: MethodName = "mopac-am1-ci22", parameters: Parameters = None,
    jobs: Jobs = 1, timeout: Timeout = 120.0, json: Json = None,
) -> None:  # fmt: skip
    """Find minima, crossings and the lines between them; exit code 1 where the criteria of the protocol are not met.

    Landmarks that are done are kept in DIR and used again. One that is not found is a row that says so.

    Example: fusionmd label landmarks stilbene -o am1 --method mopac-am1-ci22 --jobs 2
    """
    from fusionmd.workflows import label_landmarks_report as report
    from fusionmd.workflows.label_landmarks import find, search_of
    from fusionmd.workflows.label_landmarks_gate import judge

    search = search_of(protocol, output, method, parameters=parameters, timeout_s=timeout)
    with progress("landmarks", len(search.protocol.landmarks)) as advance:
        rows = find(search, n_jobs=jobs, on_landmark=advance)
    with waiting("lines between them"):
        paths = report.write_paths(search, rows, n_jobs=jobs)
    gate = judge(search.protocol, rows)
    said = report.write_landmarks(search, rows, gate, paths)
    write_json(json, said)
    show_table(*report.landmark_table(search, rows), title=search.method.name)
    if gate:
        show_table(*report.gate_table(gate), title="gate")
    for way in paths:
        print(f"{way['name']}: {way.get('reason') or way['folder']}")
    print(f"written: {output}/landmarks.xyz, landmarks.json, landmarks.md")
    raise typer.Exit(0 if said["passed"] else 1)
