"""`fusionmd calibrate`: a potential learns how uncertain its energies are."""

from pathlib import Path
from typing import Annotated

import typer

from fusionmd.cli.options import Json, Key, PotentialName, Threads, Unit, use_threads
from fusionmd.cli.output import progress, show_table, write_json

Config = Annotated[
    Path | None, typer.Option("--config", metavar="YAML", help="Of its training: frames, units and split are there.")
]
Train = Annotated[list[Path], typer.Option("--train", metavar="FILE", help="What it was trained on; may be repeated.")]
HeldOut = Annotated[
    list[Path], typer.Option("--held-out", metavar="FILE", help="Labelled frames it was not trained on; repeatable.")
]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The potential file to write.")]


def command(
    potential: PotentialName,
    output: Output,
    config: Config = None,
    train: Train = [],  # noqa: B006  Typer wants a list
    held_out: HeldOut = [],  # noqa: B006
    energy_key: Key = None,
    energy_unit: Unit = None,
    length_unit: Unit = None,
    threads: Threads = None,
    json: Json = None,
) -> None:
    """Give one potential calibrated standard deviations of its energies, at the cost of a pass without forces.

    Example: fusionmd calibrate run/potential.pt --config run/config.yaml -o potential.pt
    """
    from fusionmd.errors import ConfigError
    from fusionmd.training.config import DataConfig
    from fusionmd.training.config_file import load_config
    from fusionmd.training.frames import frames_of
    from fusionmd.training.split import split_frames
    from fusionmd.workflows.calibrate import calibrate

    use_threads(threads)
    if (config is not None) == bool(train or held_out) or bool(train) != bool(held_out):
        raise ConfigError("give either --config of the training, or both --train and --held-out")
    if config is not None and (energy_key or energy_unit or length_unit):
        raise ConfigError("key and units of the frames stand in --config; give them with --train and --held-out alone")
    if config is not None:
        loaded = load_config(config)
        parts = split_frames(loaded.data, seed=loaded.training.seed)
        seen, unseen = parts.train, parts.valid
    else:
        data = DataConfig(train=tuple(train), energy_key=energy_key, energy_unit=energy_unit, length_unit=length_unit)
        seen, unseen = frames_of(data.train, data), frames_of(held_out, data)
    with progress("frames", len(seen) + len(unseen)) as advance:
        metadata = calibrate(potential, seen, unseen, output, on_progress=advance)
    for state, quality in enumerate(metadata.calibration["states"]):
        show_table(["held out", "value"], list(quality.items()), title=f"state {state}")
    print(f"calibrated on {len(unseen)} frames: {output}")
    write_json(json, {"path": str(output), "calibration": metadata.calibration})
