"""`fusionmd data`: list, fetch, audit and join data sets."""

from pathlib import Path
from typing import Annotated

import typer

from fusionmd.cli.options import Json, Key, Unit
from fusionmd.cli.output import show_table, waiting, write_json

app = typer.Typer(add_completion=False, no_args_is_help=True, help="List, fetch, audit and join data sets.")


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


@app.command("join", epilog="Example: fusionmd data join S0.xyz S1.xyz S2.xyz --energy-unit eV -o states.xyz")
def join(
    files: Annotated[list[Path], typer.Argument(metavar="FILES", help="One a state, the ground state first.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT.xyz", help="Frames with all states.")],
    energy_unit: Annotated[str, typer.Option(metavar="UNIT", help="Of the files, as eV or Hartree; never guessed.")],
    length_unit: Unit = "angstrom",
    forces_unit: Unit = None,
    energy_key: Key = None,
    forces_key: Key = None,
    tolerance: Annotated[float, typer.Option(metavar="A", help="By how much positions may differ, angstrom.")] = 1e-4,
    json: Json = None,
) -> None:
    """Join files with one electronic state each (as xxMD) into frames with several; their geometries must agree."""
    from fusionmd.data.extxyz import write_extxyz
    from fusionmd.data.record import Keys
    from fusionmd.data.states import join_states
    from fusionmd.data.units import Units

    units = Units(energy_unit, length_unit or "angstrom", forces_unit)
    keys = Keys(energy_key, forces_key, stress="", virial="", couplings="")
    with waiting("comparing the files"):
        frames = list(join_states(files, units, keys=keys, tolerance=tolerance))
        write_extxyz(output, frames)
    typer.echo(f"{output}: {len(frames)} frames with {len(files)} states, eV and angstrom")
    write_json(json, {"output": str(output), "n_frames": len(frames), "n_states": len(files)})


@app.command("continuity", epilog="Example: fusionmd data continuity labelled.xyz -o continuous.xyz")
def check_continuity(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Frames in the order of a path or trajectory.")],
    tolerance: Annotated[float, typer.Option("--tolerance-meV", metavar="MEV", help="Of a step.")] = 20.0,
    longest_move: Annotated[float, typer.Option(metavar="A", help="Of an atom; farther, a new series begins.")] = 0.3,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="OUT.xyz", help="Frames at no jump.")] = None,
    json: Json = None,
) -> None:
    """Do energies and forces of successive frames belong together? Switched roots or orbitals show; exit 1 if they do.

    A step is a jump of a state where |dE + (F0 + F1)/2 . dx| exceeds the tolerance. States without forces are skipped.
    """
    from fusionmd.data.continuity import continuity
    from fusionmd.data.extxyz import write_extxyz
    from fusionmd.data.read import read_frames
    from fusionmd.units import EV_PER_MEV, MEV_PER_EV

    frames = read_frames(file)
    found = continuity(frames, tolerance=tolerance * EV_PER_MEV, longest_move=longest_move)
    rows = [(jump.frame, jump.frame + 1, jump.state, jump.error * MEV_PER_EV, jump.move) for jump in found.jumps]
    if rows:
        show_table(("from frame", "to", "state", "unexplained (meV)", "longest move (angstrom)"), rows[:20])
    typer.echo(f"{found.n_frames} frames in {found.n_series} series: {len(rows)} jumps of {found.n_checked} checked")
    if output is not None:
        suspects = set(found.suspects)
        write_extxyz(output, [frame for index, frame in enumerate(frames) if index not in suspects])
    write_json(json, {**vars(found), "jumps": [vars(jump) for jump in found.jumps], "suspect_frames": found.suspects})
    if rows:
        raise typer.Exit(1)
