"""`fusionmd md`: molecular dynamics with a potential."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from fusionmd.cli.options import Device, DType, Json, PotentialName, Threads, device_of, dtype_of, use_threads
from fusionmd.cli.output import progress, write_json

Start = Annotated[Path, typer.Argument(metavar="START", help="Structure file; its velocities are used if it has any.")]
Engine = Annotated[Literal["ase", "openmm", "lammps"], typer.Option("--engine", help="What moves the atoms.")]
Ensemble = Annotated[
    Literal["nve", "nvt", "npt"],
    typer.Option("--ensemble", help="nvt: Langevin; npt: Martyna-Tobias-Klein; of openmm: Monte Carlo."),
]
Steps = Annotated[int, typer.Option("--steps", min=0, help="Number of time steps.")]
Timestep = Annotated[float, typer.Option("--timestep", metavar="FS", help="Time step, fs.")]
Temperature = Annotated[float, typer.Option("--temperature", metavar="K", help="Of the start and the thermostat, K.")]
Pressure = Annotated[float, typer.Option("--pressure", metavar="GPA", help="For npt, GPa.")]
Friction = Annotated[float, typer.Option("--friction", metavar="1/PS", help="Of the Langevin thermostat, 1/ps.")]
State = Annotated[int, typer.Option("--state", min=0, help="Electronic state that drives, 0 = ground.")]
Interval = Annotated[int, typer.Option("--interval", min=1, help="Steps between frames and log lines.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of the velocities and the thermostat.")]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="Folder for trajectory, log and settings.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run in OUT.")]
Compiled = Annotated[
    Literal["auto", "yes", "no"], typer.Option("--compiled", help="Run what `fusionmd compile` made; yes makes it.")
]


def command(
    potential: PotentialName,
    start: Start,
    output: Output,
    engine: Engine = "ase",
    ensemble: Ensemble = "nve",
    steps: Steps = 1000,
    timestep: Timestep = 0.5,
    temperature: Temperature = 300.0,
    pressure: Pressure = 0.0,
    friction: Friction = 10.0,
    state: State = 0,
    interval: Interval = 10,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    compiled: Compiled = "auto",
    json: Json = None,
    threads: Threads = None,
    device: Device = "auto",
    dtype: DType = None,
) -> None:
    """Run molecular dynamics; OUT/last.xyz continues a run that was stopped (Ctrl-C).

    Example: fusionmd md acac-300K start.xyz --ensemble nvt --steps 2000 --temperature 300 -o run
    """
    from fusionmd.potential import load_potential
    from fusionmd.workflows.md import read_start, run_md
    from fusionmd.workflows.md_settings import md_settings

    use_threads(threads)
    settings = md_settings(
        engine=engine,
        ensemble=ensemble,
        steps=steps,
        timestep_fs=timestep,
        temperature_K=temperature,
        pressure_GPa=pressure,
        friction_per_ps=friction,
        state=state,
        interval=interval,
        seed=seed,
    )
    atoms = read_start(start)
    loaded = load_potential(potential, device=device_of(device), compiled=compiled, dtype=dtype_of(dtype))
    with progress(f"{ensemble} of {len(atoms)} atoms", steps) as advance:
        result = run_md(
            loaded,
            atoms,
            settings,
            output,
            overwrite=overwrite,
            on_step=lambda step, line: advance(step, f"{line['temperature_K']:.0f} K"),
        )
    write_json(json, asdict(result))
    is_slow = loaded.device.type == "cpu" and not loaded.is_compiled and compiled == "auto"
    hint = f" (in TorchScript; `fusionmd compile {potential}` makes it several times faster)" if is_slow else ""
    print(f"{result.n_steps} steps, {result.time_fs:g} fs, {result.steps_per_s:.3g} steps/s{hint}")
    print(summary(result.temperature_K, result.energy_slope_meV_per_atom_per_ps if ensemble == "nve" else None))
    print(f"trajectory, log and settings: {output}")
    raise typer.Exit(130 if result.is_interrupted else 0)


def summary(temperature_K: float, slope_meV_per_atom_per_ps: float | None) -> str:
    """What a run was like; no slope: the thermostat's energy is not the system's."""
    said = f"mean temperature {temperature_K:.1f} K"
    if slope_meV_per_atom_per_ps is None:
        return said
    return f"{said}, total energy drifts by {slope_meV_per_atom_per_ps:.3g} meV/atom/ps"
