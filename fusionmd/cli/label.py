"""`fusionmd label [frames]`: energies and forces of several states from electronic structure; `label landmarks`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fusionmd.cli import label_landmarks
from fusionmd.cli.options import Json
from fusionmd.cli.output import progress, show_table, write_json

Frames = Annotated[Path, typer.Argument(metavar="FRAMES", help="Geometries (extxyz, npz, ASE db); labels are ignored.")]
MethodName = Annotated[str, typer.Option("--method", metavar="NAME", help="mopac-am1-ci22, pyscf-casscf22-6-31g, ...")]
States = Annotated[int, typer.Option("--states", metavar="N", min=1, help="How many singlets.")]
Roots = Annotated[str, typer.Option("--roots", metavar="K,K", help="States to make forces of, from 0; or 'all'.")]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="OUT.xyz", help="Labelled frames.")]
Jobs = Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="Calculations at a time.")]
Charge = Annotated[int, typer.Option("--charge", metavar="Q", help="Of the molecule, elementary charges.")]
Parameters = Annotated[
    Path | None, typer.Option("--parameters", metavar="FILE", help="Replaced parameters (MOPAC's EXTERNAL).")
]
Active = Annotated[str, typer.Option("--active", metavar="K,K", help="Orbitals a CASSCF starts with, from 1.")]
Starts = Annotated[
    int, typer.Option("--starts", metavar="N", min=1, help="Sets of orbitals a CASSCF starts from; the lowest counts.")
]
Couplings = Annotated[bool, typer.Option("--couplings", help="Couplings of all pairs of states, too.")]
BondFactor = Annotated[
    float | None,
    typer.Option("--bond-factor", metavar="F", help="Leave out frames with bonds beyond F sums of covalent radii."),
]
Timeout = Annotated[float, typer.Option("--timeout", metavar="S", min=1.0, help="Seconds for one calculation.")]


def command(
    frames: Frames,
    output: Output,
    method: MethodName = "mopac-am1-ci22",
    states: States = 3,
    roots: Roots = "all",
    jobs: Jobs = 1,
    charge: Charge = 0,
    parameters: Parameters = None,
    active: Active = "",
    starts: Starts = 1,
    couplings: Couplings = False,
    bond_factor: BondFactor = None,
    timeout: Timeout = 120.0,
    json: Json = None,
) -> None:
    """Label geometries with a method of electronic structure. A run that is killed continues when it is called again.

    Energies of all states come with every calculation; forces of one state cost one calculation each. Frames that fail
    twice are left out and listed in OUT.xyz.failures.json.

    The word `frames` may be left out.

    Example: fusionmd label frames start.xyz --method mopac-am1-ci22 --states 3 --roots 0,1 -o labelled.xyz --jobs 2
    """
    from fusionmd.data.read import read_frames
    from fusionmd.labels.methods import method_of
    from fusionmd.labels.roots import orbitals_of, roots_of
    from fusionmd.labels.run import label_frames

    chosen = method_of(
        method,
        n_states=states,
        charge=charge,
        parameters=parameters,
        active=orbitals_of(active),
        n_starts=starts,
        has_couplings=couplings,
        timeout_s=timeout,
    )
    asked = roots_of(roots, states)
    structures = [frame.structure for frame in read_frames(frames, energy_key="", forces_key="", stress_key="")]
    with progress("frames", len(structures)) as advance:
        failures = label_frames(
            structures, chosen, output, roots=asked, n_jobs=jobs, bond_factor=bond_factor, on_progress=advance
        )
    found = {"method": chosen.name, "n_frames": len(structures), "n_failed": len(failures), "output": str(output)}
    show_table(["", ""], list(found.items()))
    for frame, message in list(failures.items())[:5]:
        print(f"frame {frame}: {message}")
    write_json(json, {**found, "failures": failures})


class _FramesUnlessNamed(TyperGroup):
    """`fusionmd label start.xyz ...` is `fusionmd label frames start.xyz ...`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """With the sub-verb put in."""
        is_named = not args or args[0] in self.commands or args[0] in ctx.help_option_names
        return super().parse_args(ctx, args if is_named else ["frames", *args])


app = typer.Typer(
    cls=_FramesUnlessNamed, add_completion=False, no_args_is_help=True, help="Electronic structure: labels, landmarks."
)
app.command("frames")(command)
app.command("landmarks")(label_landmarks.command)
