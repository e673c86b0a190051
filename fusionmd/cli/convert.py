"""`fusionmd convert`: potentials of other packages as our potential files."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from fusionmd.cli.options import Json, Threads, use_threads
from fusionmd.cli.output import show_table, waiting, write_json

app = typer.Typer(add_completion=False, no_args_is_help=True)

Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="The .json that mace_dump.py wrote, or a .model file (--trust-pickle).")
]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The potential file to write.")]
Head = Annotated[str | None, typer.Option("--head", help="Which head of several.")]
Licence = Annotated[str, typer.Option("--licence", help="Licence of the weights, like CC-BY-4.0.")]
Citation = Annotated[list[str], typer.Option("--citation", help="What to cite; may be repeated.")]
TrustPickle = Annotated[bool, typer.Option("--trust-pickle", help="Open a .model file, which can run any code.")]
Python = Annotated[str, typer.Option("--python", metavar="PATH", help="Interpreter where mace-torch is installed.")]


@app.callback()
def convert() -> None:
    """Turn a potential of another package into one potential file.

    Example: fusionmd convert mace model.json -o potential.pt
    """


@app.command()
def mace(
    model: Model,
    output: Output,
    head: Head = None,
    licence: Licence = "",
    citation: Citation = [],  # noqa: B006  Typer wants a list
    trust_pickle: TrustPickle = False,
    python: Python = sys.executable,
    json: Json = None,
    threads: Threads = None,
) -> None:
    """Convert a model of mace-torch 0.3; its weights stay under their own licence.

    Example: fusionmd convert mace model.json -o potential.pt --licence MIT
    """
    from fusionmd.workflows.convert_mace import convert

    use_threads(threads)
    with waiting("converting and checking"):
        metadata = convert(
            model, output, head=head, licence=licence, citations=citation, trust_pickle=trust_pickle, python=python
        )
    checks = metadata.report["checks"]
    show_table(
        ["checked", "error below", "allowed"],
        [(check["name"], f"{check['error']:.0g}", f"{check['tolerance']:.0g}") for check in checks],
    )
    print(f"licence of the weights: {metadata.licence_weights or 'not stated; give --licence'}")
    print(f"written: {output}")
    write_json(json, {"path": str(output), "metadata": metadata.to_dict()})
