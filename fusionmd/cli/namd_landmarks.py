"""`fusionmd namd minimum|saddle|crossing|landmarks|path`: points and lines on the surfaces of a potential."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from fusionmd.cli.options import Json, PotentialName, Threads, use_threads
from fusionmd.cli.output import progress, show_table, waiting, write_json

Start = Annotated[Path, typer.Argument(metavar="START", help="Structures to start from: each frame by itself.")]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the results.")]
State = Annotated[int, typer.Option("--state", min=0, help="Of which state.")]
States = Annotated[str, typer.Option("--states", metavar="I,J", help="Which two cross.")]
Force = Annotated[float, typer.Option("--fmax", min=0, metavar="EV/A", help="Largest component left, eV/angstrom.")]
Gap = Annotated[float, typer.Option("--gap", min=0, metavar="EV", help="Gap that is small enough, eV.")]
Steps = Annotated[int, typer.Option("--max-evaluations", min=1, help="Of the potential, from each start.")]
Check = Annotated[bool, typer.Option("--check", help="Count imaginary modes; leave saddles.")]
Learned = Annotated[Path, typer.Argument(metavar="LEARNED", help="landmarks.xyz of a potential.")]
Reference = Annotated[Path, typer.Argument(metavar="REFERENCE", help="The same by the reference method.")]
Ends = Annotated[list[Path], typer.Argument(metavar="STRUCTURES", help="Files with the geometries, in order.")]
Points = Annotated[int, typer.Option("--points", min=1, help="Steps between one geometry and the next.")]
Kind = Annotated[Literal["internal", "cartesian"], typer.Option("--coordinates", help="In which lines are straight.")]


def minimum(
    potential: PotentialName, start: Start, output: Output, state: State = 0, force: Force = 0.005,
    max_evaluations: Steps = 2000, check: Check = False, threads: Threads = None, json: Json = None,
) -> None:  # fmt: skip
    """Go down on one state to its minimum; exit code 1 where it is not reached."""
    use_threads(threads)
    _optimise(potential, start, output, (state,), force, 0.0, max_evaluations, json, is_checked=check)


def saddle(
    potential: PotentialName, start: Start, output: Output, state: State = 0, force: Force = 0.005,
    max_evaluations: Steps = 2000, threads: Threads = None, json: Json = None,
) -> None:  # fmt: skip
    """Follow the softest mode up to a saddle, the top of a barrier; exit code 1 where there is none."""
    use_threads(threads)
    _optimise(potential, start, output, (state,), force, 0.0, max_evaluations, json, is_saddle=True)


def crossing(
    potential: PotentialName, start: Start, output: Output, states: States = "0,1", force: Force = 0.01,
    gap: Gap = 0.002, max_evaluations: Steps = 5000, threads: Threads = None, json: Json = None,
) -> None:  # fmt: skip
    """Find where two states cross at the lowest energy; exit code 1 where they do not within the tolerances."""
    from fusionmd.errors import ConfigError
    from fusionmd.workflows.namd_landmarks import states_of

    use_threads(threads)
    chosen = states_of(states)
    if len(chosen) != 2:
        raise ConfigError(f"--states is {states!r}; a crossing is of two, like 0,1")
    _optimise(potential, start, output, chosen, force, gap, max_evaluations, json)


def landmarks(learned: Learned, reference: Reference, json: Json = None) -> None:
    """Compare landmarks of equal name: geometries, energies, gaps; learned minus reference."""
    from fusionmd.workflows.namd_landmarks import compare

    rows = compare(learned, reference)
    write_json(json, {"landmarks": rows})
    n_states = len(rows[0]["learned_eV"])
    columns = ["landmark", "RMSD (A)", *(f"E{k} (eV)" for k in range(n_states)), *(f"dE{k}" for k in range(n_states))]
    columns += [f"d(E{k + 1} - E{k})" for k in range(n_states - 1)]
    show_table(columns, [
        (r["name"], f"{r['rmsd_angstrom']:.4f}", *(f"{e:.3f}" for e in r["learned_eV"]),
         *(f"{e:+.3f}" for e in r["difference_eV"]), *(f"{e:+.3f}" for e in r["gap_difference_eV"]))
        for r in rows
    ])  # fmt: skip


def path(
    potential: PotentialName, structures: Ends, output: Output, points: Points = 20, coordinates: Kind = "internal",
    threads: Threads = None, json: Json = None,
) -> None:  # fmt: skip
    """Energies of all states on straight lines between geometries, in internal coordinates (LIIC) by default."""
    from fusionmd.potential import load_potential
    from fusionmd.workflows.namd_path import TITLES, scan, summary, write_scan

    use_threads(threads)
    with waiting("evaluating"):
        found = scan(load_potential(potential), structures, n_points=points, coordinates=coordinates)
    said = summary(found)
    write_json(json, said)
    print(f"{len(found.frames)} geometries on {TITLES[coordinates]}; smallest gap {said['smallest_gap_eV']:.3f} eV")
    print(f"written: {', '.join(map(str, write_scan(output, found)))}")


def _optimise(
    name: str, start: Path, folder: Path, states: tuple[int, ...], force: float, gap: float, limit: int,
    json: Path | None, *, is_checked: bool = False, is_saddle: bool = False,
) -> None:  # fmt: skip
    from fusionmd.potential import load_potential
    from fusionmd.workflows.namd_landmarks import optimise, summary, write_landmarks
    from fusionmd.workflows.namd_start import read_frames

    loaded = load_potential(name)
    with progress("optimising", len(read_frames(str(start)))) as advance:
        molecule, found = optimise(
            loaded,
            start,
            states,
            force_eV_per_angstrom=force,
            gap_eV=gap,
            max_evaluations=limit,
            is_checked=is_checked,
            is_saddle=is_saddle,
            on_start=advance,
        )
    said = summary(found, loaded)
    write_json(json, said)
    rows = [
        (r["name"], " ".join(f"{e:.3f}" for e in r["relative_eV"]), "" if r["gap_eV"] is None else f"{r['gap_eV']:.5f}",
         f"{r['gradient_eV_per_angstrom']:.4f}", r["n_evaluations"], _converged(r))
        for r in said["landmarks"]
    ]  # fmt: skip
    show_table(["landmark", "energies (eV)", "gap (eV)", "gradient (eV/A)", "evaluations", "converged"], rows)
    print(f"written: {', '.join(map(str, write_landmarks(folder, molecule, found, said)))}")
    raise typer.Exit(0 if said["is_converged"] else 1)


def _converged(row: dict[str, Any]) -> str:
    """Whether, and if not why; and of what a check counted."""
    counted = "" if row["n_imaginary"] is None else f", {row['n_imaginary']} imaginary modes"
    return ("yes" if row["is_converged"] else f"NO {row['reason']}".strip()) + counted
