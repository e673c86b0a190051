"""`fusionmd data`: list, fetch and audit data sets."""

from pathlib import Path
from typing import Annotated

import typer

from fusionmd.cli.options import Json, Key, Unit
from fusionmd.cli.output import show_table, waiting, write_json

app = typer.Typer(add_completion=False, no_args_is_help=True, help="List, fetch and audit data sets.")


@app.command("list", epilog="Example: fusionmd data list")
def list_known(json: Json = None) -> None:
    """Show the known data sets with their address, licence and citation."""
    from fusionmd.data.known import CATALOGUE

    entries = list(CATALOGUE.values())
    rows = [(entry.name, entry.summary, entry.licence, entry.homepage) for entry in entries]
    show_table(("name", "content", "licence", "address"), rows)
    for entry in entries:
        typer.echo(f"{entry.name}: {entry.citation}")
    write_json(
        json, [{**vars(entry), "files": dict(entry.files), "addresses": dict(entry.addresses)} for entry in entries]
    )


@app.command("fetch", epilog="Example: fusionmd data fetch acac --to data")
def fetch_named(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of `fusionmd data list`.")],
    from_dir: Annotated[
        Path | None, typer.Option("--from", metavar="DIR", help="Copy from DIR (or FUSIONMD_DATA).")
    ] = None,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Where to put the folder NAME.")] = Path("data"),
    json: Json = None,
) -> None:
    """Copy or download a known data set and check its files."""
    from fusionmd.data.catalogue import fetch, known_data

    with waiting(f"fetching {name}"):
        files = fetch(name, to, from_dir=from_dir)
    entry = known_data(name)
    for file in files:
        checked = "SHA-256 checked" if entry.files[file.name] else "SHA-256 of the original unknown"
        typer.echo(f"{file} ({checked})")
    typer.echo(f"licence {entry.licence}; please cite {entry.citation}")
    write_json(json, {"name": name, "files": [str(file) for file in files], "licence": entry.licence})


@app.command("audit", epilog="Example: fusionmd data audit train.xyz test.xyz --energy-unit kcal/mol")
def audit(
    files: Annotated[list[Path], typer.Argument(metavar="FILES", help="extxyz, ASE db or npz files.")],
    energy_key: Key = None,
    forces_key: Key = None,
    stress_key: Key = None,
    virial_key: Key = None,
    energy_unit: Unit = None,
    length_unit: Unit = None,
    forces_unit: Unit = None,
    stress_unit: Unit = None,
    json: Json = None,
) -> None:
    """Look for wrong units and signs, outliers, duplicates, leakage, missing and zero labels; exit 1 on errors."""
    from fusionmd.data.audit import audit_files
    from fusionmd.data.record import Keys

    keys = Keys(energy_key, forces_key, stress_key, virial_key)
    units = {"energy": energy_unit, "length": length_unit, "forces": forces_unit, "stress": stress_unit}
    with waiting("looking at the frames"):
        result = audit_files(files, keys=keys, units=units)
    for name, found in result.items():
        n = len(found.findings)
        typer.echo(f"{name}: {found.n_frames} frames, {('clean', '1 finding')[n] if n < 2 else f'{n} findings'}")
        for finding in found.findings:
            typer.echo(f"  {finding}")
    write_json(
        json, {name: {"n_frames": a.n_frames, "findings": [vars(f) for f in a.findings]} for name, a in result.items()}
    )
    if any(finding.level == "error" for found in result.values() for finding in found.findings):
        raise typer.Exit(1)
