"""Options that many verbs share, so that they are spelled and explained once.

def command(frames: Path, json: Json = None, threads: Threads = None, device: Device = "auto") -> None: ...
"""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    import torch

DeviceName = Literal["auto", "cpu", "cuda"]
DTypeName = Literal["float32", "float64"]

PotentialName = Annotated[str, typer.Argument(metavar="POTENTIAL", help="A file, or the name of a shipped potential.")]
Json = Annotated[Path | None, typer.Option("--json", metavar="OUT", help="Write the result to OUT as JSON too.")]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="CPU threads (default: torch's choice).")]
Device = Annotated[DeviceName, typer.Option("--device", help="Where to compute; auto takes a GPU where there is one.")]
DType = Annotated[DTypeName | None, typer.Option("--dtype", help="Precision of the network (default: the file's).")]
Key = Annotated[str | None, typer.Option(metavar="KEY", help="Where this label is (default: the usual names).")]
Unit = Annotated[str | None, typer.Option(metavar="UNIT", help="Of the files (default: as the format says).")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def use_threads(threads: int | None) -> None:
    """Let torch use `threads` CPU threads; None leaves its choice."""
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


def device_of(name: DeviceName) -> "torch.device":
    """Return the torch device called `name`; refuse `cuda` where there is none."""
    import torch

    from fusionmd.errors import ConfigError

    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ConfigError("--device cuda was asked for, but torch sees no CUDA device; use --device cpu or auto")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def dtype_of(name: DTypeName | None) -> "torch.dtype | None":
    """Return the torch dtype called `name`; None stays None."""
    import torch

    return {None: None, "float32": torch.float32, "float64": torch.float64}[name]


def accept_debug(app: typer.Typer) -> typer.Typer:
    """Give every command of `app` the flag `--debug`, which the entry point reads from the command line itself."""
    for info in app.registered_commands:
        assert info.callback is not None
        info.callback = _ignoring_debug(info.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            accept_debug(group.typer_instance)
    return app


def _ignoring_debug(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Return `callback` with a parameter `debug` that it never sees."""
    signature = inspect.signature(callback, eval_str=True)
    if "debug" in signature.parameters:
        return callback

    @functools.wraps(callback)
    def accepting(*args: Any, debug: bool = False, **kwargs: Any) -> Any:
        return callback(*args, **kwargs)

    flag = inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Debug)
    accepting.__signature__ = signature.replace(parameters=[*signature.parameters.values(), flag])  # type: ignore[attr-defined]
    accepting.__annotations__ = {**inspect.get_annotations(callback, eval_str=True), "debug": Debug}
    return accepting
