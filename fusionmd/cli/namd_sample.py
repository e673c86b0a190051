"""`fusionmd namd sample`: structures with velocities, from which hopping trajectories start."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from fusionmd.cli.options import Json, Threads, use_threads
from fusionmd.cli.output import progress, write_json

Surfaces = Annotated[
    str,
    typer.Argument(metavar="SURFACES", help="A potential file, the name of a shipped one, or a method of `label`."),
]
Start = Annotated[Path, typer.Argument(metavar="START", help="A structure; for --method files: all of them.")]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="Extended XYZ file for `namd run`.")]
Method = Annotated[
    Literal["wigner", "thermal", "files"],
    typer.Option("--method", help="Normal modes; Langevin dynamics on the ground state; frames with velocities."),
]
Count = Annotated[int, typer.Option("--number", "-n", min=1, help="How many structures.")]
Temperature = Annotated[float, typer.Option("--temperature", metavar="K", min=0, help="Of the ground state, K.")]
MinFrequency = Annotated[
    float, typer.Option("--min-freq", metavar="1/CM", min=0, help="wigner: softer modes stay at rest.")
]
ClassicalBelow = Annotated[
    float, typer.Option("--classical-below", metavar="1/CM", min=0, help="wigner: softer modes are classical.")
]
Relax = Annotated[bool, typer.Option("--relax/--no-relax", help="Go to the minimum first.")]
State = Annotated[int, typer.Option("--state", min=1, help="Excited state of the window.")]
Window = Annotated[
    tuple[float, float] | None, typer.Option("--window", metavar="LOW HIGH", help="Excitation energies to keep, eV.")
]
Equilibration = Annotated[float, typer.Option("--equilibration", metavar="FS", help="thermal: left out first, fs.")]
Spacing = Annotated[float, typer.Option("--spacing", metavar="FS", help="thermal: between structures, fs.")]
Timestep = Annotated[float, typer.Option("--timestep", metavar="FS", help="thermal, fs.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of everything random.")]
Charge = Annotated[int, typer.Option("--charge", help="methods: of the molecule.")]
Parameters = Annotated[Path | None, typer.Option("--parameters", metavar="FILE", help="methods: replaced parameters.")]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="methods: calculations at a time; changes no result.")]


def command(
    surfaces: Surfaces,
    start: Start,
    output: Output,
    method: Method = "wigner",
    number: Count = 100,
    temperature: Temperature = 0.0,
    min_freq: MinFrequency = 0.0,
    classical_below: ClassicalBelow = 0.0,
    relax: Relax = True,
    state: State = 1,
    window: Window = None,
    equilibration: Equilibration = 1000.0,
    spacing: Spacing = 100.0,
    timestep: Timestep = 0.5,
    seed: Seed = 0,
    charge: Charge = 0,
    parameters: Parameters = None,
    jobs: Jobs = 1,
    threads: Threads = None,
    json: Json = None,
) -> None:
    """Draw structures with velocities from the ground state, inside an excitation window if one is given."""
    from fusionmd.workflows.namd_ground_state import ground_state
    from fusionmd.workflows.namd_sample import sample, sample_settings, write_sample

    use_threads(threads)
    settings = sample_settings(
        method=method,
        n=number,
        temperature_K=temperature,
        min_frequency=min_freq,
        classical_below=classical_below,
        relax=relax,
        state=state,
        window_eV=window,
        equilibration_fs=equilibration,
        spacing_fs=spacing,
        timestep_fs=timestep,
        seed=seed,
    )
    source = ground_state(surfaces, charge=charge, parameters=parameters, n_jobs=jobs)
    with progress("sampling", number) as advance:
        found = sample(source, start, settings, on_draw=advance)
    write_sample(output, found, settings, source)
    write_json(json, found.facts)
    print(f"{found.facts['n']} structures of {found.facts['n_drawn']} draws: {output}")
    print(f"mean kinetic energy {found.facts['mean_kinetic_energy_eV']:.4f} eV")
    if "expected_kinetic_energy_eV" in found.facts:
        print(f"expected of the modes {found.facts['expected_kinetic_energy_eV']:.4f} eV")
    if "excitation_eV" in found.facts:
        low, high = found.facts["excitation_eV"]
        print(f"excitations of all draws: {low:.3f} to {high:.3f} eV")
