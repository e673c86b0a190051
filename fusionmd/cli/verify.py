"""`fusionmd verify`: every engine against every other and against finite differences."""

from pathlib import Path
from typing import Annotated

import typer

from fusionmd.cli.options import DTypeName, Json, PotentialName, Threads, use_threads
from fusionmd.cli.output import show_table, waiting, write_json

Frames = Annotated[
    Path | None, typer.Option("--frames", metavar="F", help="Structures to compare on (default: invented ones).")
]
Require = Annotated[
    str, typer.Option("--require", metavar="ENGINES", help="Fail where these are absent, like lammps,openmm.")
]
Precision = Annotated[DTypeName, typer.Option("--dtype", help="In which the network runs, everywhere.")]
Dynamics = Annotated[bool, typer.Option("--dynamics/--no-dynamics", help="Also compare short NVE runs.")]


def command(
    potential: PotentialName,
    frames: Frames = None,
    require: Require = "",
    dynamics: Dynamics = True,
    dtype: Precision = "float64",
    threads: Threads = None,
    json: Json = None,
) -> None:
    """Compare ASE, OpenMM, LAMMPS, the compiled form and finite differences; exit code 1 on any disagreement.

    Example: fusionmd verify acac-300K --require lammps,openmm --json verified.json
    """
    from fusionmd.data.read import read_frames
    from fusionmd.workflows.verify import verify

    use_threads(threads)
    structures = [] if frames is None else [frame.structure for frame in read_frames(frames)]
    wanted = [name.strip() for name in require.split(",") if name.strip()]
    with waiting("comparing engines", after_s=0.0):
        found = verify(potential, structures, dtype=dtype, require=wanted, has_dynamics=dynamics)
    rows = [(row.name, _shown(row.max_error), f"{row.tolerance:.0e}", row.result) for row in found.rows]
    show_table(["compared", "largest error", "allowed", "agrees"], rows, title=f"{potential}, {dtype}")
    print("all that was compared agrees" if found.passed else "NOT everything agrees")
    write_json(json, found.to_dict())
    raise typer.Exit(0 if found.passed else 1)


def _shown(error: float | None) -> str:
    return "" if error is None else f"{error:.1e}"
