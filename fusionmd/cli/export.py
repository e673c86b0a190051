"""`fusionmd export`: one potential file out of training runs."""

from pathlib import Path
from typing import Annotated

import typer

from fusionmd.cli.options import Json, Threads, use_threads
from fusionmd.cli.output import show_table, waiting, write_json

Sources = Annotated[
    list[Path], typer.Argument(metavar="RUN|CHECKPOINT...", help="Run folders, checkpoints or potential files.")
]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The potential file to write.")]
Committee = Annotated[bool, typer.Option("--committee", help="Several models in one file: mean and spread.")]
Name = Annotated[str, typer.Option("--name", help="Name of the potential (default: that of the file).")]
Citation = Annotated[list[str], typer.Option("--citation", help="What to cite; may be repeated.")]
Licence = Annotated[str, typer.Option("--licence", help="Licence of the weights, like CC-BY-4.0.")]


def command(
    sources: Sources,
    output: Output,
    committee: Committee = False,
    name: Name = "",
    licence: Licence = "",
    citation: Citation = [],  # noqa: B006  Typer wants a list
    json: Json = None,
    threads: Threads = None,
) -> None:
    """Check a trained model and write it as one potential file; if a check fails nothing is written.

    Example: fusionmd export runs/a runs/b runs/c --committee -o potential.pt
    """
    from fusionmd.workflows.export import export

    use_threads(threads)
    with waiting("checking and writing"):
        metadata = export(
            sources, output, is_committee=committee, name=name, licence_weights=licence, citations=citation
        )
    checks = metadata.report["checks"]
    show_table(
        ["checked", "error below", "allowed"],
        [(c["name"], f"{c['error']:.0g}", f"{c['tolerance']:.0g}") for c in checks],
    )
    print(f"{metadata.n_members} model(s), {output.stat().st_size} bytes: {output}")
    write_json(json, {"path": str(output), "metadata": metadata.to_dict()})
