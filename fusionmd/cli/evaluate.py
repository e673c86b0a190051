"""`fusionmd evaluate`: a potential against the labels of frames."""

from pathlib import Path
from typing import Annotated

import typer

from fusionmd.cli.options import (
    Device,
    DType,
    Json,
    Key,
    PotentialName,
    Threads,
    Unit,
    device_of,
    dtype_of,
    use_threads,
)
from fusionmd.cli.output import progress, show_table, write_json

Frames = Annotated[list[Path], typer.Argument(metavar="FRAMES...", help="Labelled frames: extxyz, npz or ASE db.")]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="PNG", help="Write parity plots (png, svg or pdf).")]


def command(
    potential: PotentialName,
    frames: Frames,
    plot: Plot = None,
    energy_key: Key = None,
    forces_key: Key = None,
    stress_key: Key = None,
    virial_key: Key = None,
    energy_unit: Unit = None,
    length_unit: Unit = None,
    forces_unit: Unit = None,
    stress_unit: Unit = None,
    device: Device = "auto",
    dtype: DType = None,
    threads: Threads = None,
    json: Json = None,
) -> None:
    """Show mean absolute and root-mean-square errors; energies are totals over frames unless per atom is said.

    Example: fusionmd evaluate acac-300K test.xyz --json errors.json --plot parity.png
    """
    from fusionmd.potential import load_potential
    from fusionmd.training.config import DataConfig
    from fusionmd.training.frames import frames_of
    from fusionmd.training.metrics import metrics_of
    from fusionmd.training.plots import check_figure_path, parity_plots, write_figure
    from fusionmd.workflows.evaluate import compare

    use_threads(threads)
    if plot is not None:
        check_figure_path(plot)
    data = DataConfig(
        train=tuple(frames),
        energy_key=energy_key,
        forces_key=forces_key,
        stress_key=stress_key,
        virial_key=virial_key,
        energy_unit=energy_unit,
        length_unit=length_unit,
        forces_unit=forces_unit,
        stress_unit=stress_unit,
    )
    labelled = frames_of(data.train, data)
    loaded = load_potential(potential, device=device_of(device), dtype=dtype_of(dtype))
    with progress("frames", len(labelled)) as advance:
        comparison = compare(loaded, labelled, on_progress=advance)
    metrics = metrics_of(comparison)
    show_table(["error", "value"], [(key, value) for key, value in metrics.items() if key != "states"])
    for state, errors in enumerate(metrics.get("states", [])):
        show_table(["error", "value"], list(errors.items()), title=f"state {state}")
    write_json(json, metrics)
    if plot is not None:
        write_figure(parity_plots(comparison), plot)
        print(f"parity plots: {plot}")
