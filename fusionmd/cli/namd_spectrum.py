"""`fusionmd namd spectrum`: absorption of a sample of structures, and starts from a pump window."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from fusionmd.cli.options import Json, PotentialName, Threads, use_threads
from fusionmd.cli.output import waiting, write_json

Sampled = Annotated[Path, typer.Argument(metavar="SAMPLE", help="Structures, as `namd sample` writes them.")]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the spectrum.")]
Width = Annotated[float, typer.Option("--broadening", metavar="EV", help="Full width at half maximum, eV.")]
Shape = Annotated[Literal["gaussian", "lorentzian"], typer.Option("--shape", help="Of each line.")]
Window = Annotated[
    tuple[float, float] | None, typer.Option("--window", metavar="LOW HIGH", help="Pump window, eV: choose starts.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of the choice.")]


def command(
    potential: PotentialName,
    sample: Sampled,
    output: Output,
    broadening: Width = 0.1,
    shape: Shape = "gaussian",
    window: Window = None,
    seed: Seed = 0,
    threads: Threads = None,
    json: Json = None,
) -> None:
    """Draw the spectrum of a nuclear ensemble; with a window, choose starts with f/E^2 into DIR/starts.xyz."""
    from fusionmd.potential import load_potential
    from fusionmd.workflows.namd_spectrum import absorb, excited, starts, summary, write_spectrum, write_starts

    use_threads(threads)
    with waiting("evaluating"):
        ensemble = excited(load_potential(potential), sample)
    found = absorb(ensemble, width_eV=broadening, shape=shape)
    said = summary(ensemble, found, width_eV=broadening, shape=shape)
    chosen = [] if window is None else starts(ensemble, window, seed=seed)
    if window is not None:
        states = [frame.info["initial_state"] for frame in chosen]
        said |= {"window_eV": list(window), "n_chosen": {str(s): states.count(s) for s in sorted(set(states))}}
    paths = write_spectrum(output, found, said, window)
    write_json(json, said)
    print(f"{said['quantity']}; highest at {said['maximum_eV']:.3f} eV")
    if chosen:
        write_starts(output / "starts.xyz", chosen)
        counts = ", ".join(f"{n} on state {state}" for state, n in said["n_chosen"].items())
        print(f"{len(chosen)} starts ({counts}): {output / 'starts.xyz'}; run them with `state: frames`")
    print(f"written: {', '.join(map(str, paths))}")
