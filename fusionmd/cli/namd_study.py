"""`fusionmd namd study` and `fusionmd namd stilbene`: from initial conditions to yields, in one folder."""

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from fusionmd.cli.options import Json, Threads, use_threads
from fusionmd.cli.output import progress, show_table, waiting, write_json

Name = Annotated[str, typer.Argument(metavar="STUDY", help="Name of a study (stilbene, ch2nh2), or a YAML file.")]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of everything.")]
Start = Annotated[str | None, typer.Option("--start", metavar="NAME", help="Which start (default: the first).")]
Surfaces = Annotated[
    str | None, typer.Option("--surfaces", metavar="NAME", help="Potential, or method of `label` (default: its own).")
]
Parameters = Annotated[Path | None, typer.Option("--parameters", metavar="FILE", help="methods: replaced parameters.")]
Count = Annotated[int, typer.Option("--trajectories", "-n", min=1, help="How many.")]
Time = Annotated[float | None, typer.Option("--time", metavar="FS", help="Longest trajectory, fs.")]
Record = Annotated[
    float | None, typer.Option("--record", metavar="FS", help="Between records, fs: more for large runs, less memory.")
]
Method = Annotated[Literal["lzsh", "fssh", "kcsdm"] | None, typer.Option("--method", help="How they hop.")]
Upper = Annotated[bool, typer.Option("--upper-hops/--no-upper-hops", help="Hops above state 1, too.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of everything random.")]
First = Annotated[int, typer.Option("--first", metavar="K", min=0, help="Number of the first one, of a set in pieces.")]
Pieces = Annotated[
    list[Path] | None, typer.Option("--pieces", metavar="DIR", help="Finished pieces; repeat it. Nothing is run.")
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes.")]
Reference = Annotated[
    Path | None, typer.Option("--reference", metavar="DIR|RUN.h5", help="Another run of this, to compare with.")
]


def study(
    name: Name,
    output: Output,
    start: Start = None,
    surfaces: Surfaces = None,
    parameters: Parameters = None,
    trajectories: Count = 100,
    time: Time = None,
    record: Record = None,
    method: Method = None,
    upper_hops: Upper = True,
    seed: Seed = 0,
    first: First = 0,
    pieces: Pieces = None,
    workers: Workers = 1,
    reference: Reference = None,
    threads: Threads = None,
    json: Json = None,
) -> None:
    """A photochemical study: starts, trajectories, yields, one page. The same command goes on after a stop."""
    from fusionmd.workflows.namd_pieces import check, take
    from fusionmd.workflows.namd_study import begin, choice_of, draw, hop
    from fusionmd.workflows.namd_study_compare import reference_of
    from fusionmd.workflows.namd_study_report import report, summary_rows

    use_threads(threads)
    choice = choice_of(
        start=start,
        surfaces=surfaces,
        parameters=parameters,
        n_trajectories=trajectories,
        first=first,
        time_fs=time,
        record_fs=record,
        hopping=method,
        upper_hops=upper_hops,
        seed=seed,
    )
    plan = begin(name, choice, output, check=partial(check, pieces)) if pieces else begin(name, choice, output)
    beside = None if reference is None else reference_of(plan, reference)
    if pieces:
        take(plan, pieces)
    try:
        with progress("sampling", trajectories) as advance:
            draw(plan, n_jobs=workers, on_draw=advance)
        with progress("hopping", plan.n_steps) as advance:
            hop(plan, workers=workers, on_step=advance)
        with waiting("analysing"):
            found = report(plan, beside)
    except KeyboardInterrupt:
        print("stopped; the same command goes on")
        raise typer.Exit(130) from None
    write_json(json, found.result)
    show_table(["quantity", "value"], summary_rows(found.result))
    print(f"report: {output / 'report.html'}")


def _of(name: str, text: str) -> Callable[..., None]:
    """The same verb for one study: `study` without its first argument."""

    def command(**options: Any) -> None:
        study(name, **options)

    _, *others = inspect.signature(study).parameters.values()
    command.__signature__ = inspect.Signature(others)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in others}
    command.__doc__ = text
    return command


stilbene = _of("stilbene", f"Photoisomerisation of stilbene: {(study.__doc__ or '').partition(': ')[2]}")
