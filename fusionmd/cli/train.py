"""`fusionmd train`: from a YAML file to a folder with checkpoints, log, report and potential."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fusionmd.cli.options import DeviceName, DTypeName, Json
from fusionmd.cli.output import Progress, progress, show_table, write_json

if TYPE_CHECKING:
    from fusionmd.training.finish import Result

NAN = float("nan")
ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="What to learn from, and how.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Run folder (default: runs/NAME of the config).")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in the run folder.")]
Set = Annotated[list[str], typer.Option("--set", metavar="a.b=c", help="Override a key; may be repeated.")]
From = Annotated[str | None, typer.Option("--from", metavar="POTENTIAL", help="Start from these weights.")]
Malloc = Annotated[bool, typer.Option("--keep-memory/--no-keep-memory", help="Keep freed memory (faster with glibc).")]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="CPU threads (default: the config's).")]
Device = Annotated[DeviceName | None, typer.Option("--device", help="Where to compute (default: the config's).")]
DType = Annotated[DTypeName | None, typer.Option("--dtype", help="Precision (default: the config's).")]


def command(
    config: ConfigFile,
    output: Output = None,
    resume: Resume = False,
    set_: Set = [],  # noqa: B006
    potential: From = None,
    threads: Threads = None,
    device: Device = None,
    dtype: DType = None,
    keep_memory: Malloc = True,
    json: Json = None,
) -> None:
    """Train a model. Ctrl-C leaves a state that --resume continues exactly.

    Example: fusionmd train acac.yaml -o runs/acac --set training.epochs=500
    """
    from fusionmd.training import Hooks, load_config, train
    from fusionmd.training.malloc import keep_large_blocks

    if keep_memory:
        keep_large_blocks()
    short = {"threads": threads, "device": device, "dtype": dtype}
    overrides = [*set_, *(f"training.{key}={value}" for key, value in short.items() if value is not None)]
    resolved, folder = load_config(config, overrides), output or Path("runs") / config.stem
    with progress("training", resolved.training.epochs) as advance, asked_to_stop() as should_stop:
        hooks = Hooks(on_record=reporter(advance), should_stop=should_stop)
        result = train(resolved, folder, resume=resume, potential=potential, hooks=hooks)
    # Under torchrun the other ranks have the same to say.
    if os.environ.get("RANK", "0") == "0":
        write_json(json, result.summary())
        show(result)
    raise typer.Exit(130 if result.stopped_by == "interrupt" else 0)


def show(result: "Result") -> None:
    """Print how a run ended."""
    print(f"stopped by {result.stopped_by} after {result.n_epochs} epochs; best epoch {result.best_epoch}")
    rows = [(name, value) for name, value in result.metrics.items() if name != "states"]
    show_table(["validation", "best model"], rows)
    if result.stopped_by == "interrupt":
        print(f"run folder: {result.folder}; go on with --resume")
    else:
        print(f"potential: {result.potential or f'checkpoint only ({result.export_failure})'}")
        print(f"run folder: {result.folder}")


def reporter(advance: Progress) -> Callable[[dict[str, Any]], None]:
    """A listener that shows the latest validation errors beside the progress."""

    def report(record: dict[str, Any]) -> None:
        if record["event"] == "epoch":
            energy, forces = record.get("valid_energy_rmse_meV", NAN), record.get("valid_forces_rmse_meV_A", NAN)
            advance(record["epoch"], f"validation RMSE: energy {energy:.2f} meV, forces {forces:.2f} meV/A")
        elif record["event"] == "compile" and (record["train_failure"] or record["valid_failure"]):
            print(f"not compiled, running eagerly: {record['train_failure'] or record['valid_failure']}")

    return report


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C or SIGTERM came; the step in progress is finished first. A second Ctrl-C stops at once."""
    asked = []

    def stop(number: int, frame: Any) -> None:
        asked.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    earlier = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
