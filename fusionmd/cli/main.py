"""The command `fusionmd`: finds the verb, runs it, and turns every failure into one line and an exit code.

A verb is a module `fusionmd/cli/<verb>.py` that defines either `command`, one function with Typer annotations, or
`app`, a `typer.Typer` of sub-verbs. Only the module of the verb that was called is imported: help stays instant.
"""

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

import typer
from typer.core import TyperCommand, TyperGroup

from fusionmd import __version__
from fusionmd.cli.options import accept_debug
from fusionmd.errors import FusionMDError

VERBS = {
    "doctor": "Show what is installed, what works, and what to do about the rest.",
    "data": "List, fetch and audit data sets.",
    "train": "Train a model from a YAML file.",
    "evaluate": "Compare a potential with reference labels.",
    "export": "Turn a training run into one potential file.",
    "calibrate": "Let a potential say how uncertain its energies are.",
    "convert": "Turn a potential of another package into a potential file.",
    "compile": "Compile a potential for this machine.",
    "inspect": "Show what is inside a potential file, and test it.",
    "models": "Show the architectures, their diagrams and example configurations.",
    "draw": "Draw a diagram, or show its plan and cost.",
    "label": "Label geometries with electronic structure.",
    "md": "Run molecular dynamics with a potential.",
    "lammps": "Build the LAMMPS plugin and run LAMMPS with it.",
    "verify": "Compare every engine with every other and with finite differences.",
    "namd": "Run hopping trajectories, and compare them with exact results.",
}

USER_FILE_ERRORS = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
EXIT_CRASH, EXIT_USER_ERROR, EXIT_INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line `arguments` (default: those of the process) and exit with the code of its outcome."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run(arguments))


def run(arguments: list[str]) -> int:
    """Run one command line; return 0, 1 (a defect, or a check that failed), 2 (the user's input) or 130 (Ctrl-C)."""
    try:
        result = command_group(arguments).main(arguments, prog_name="fusionmd", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        elif message := one_line(error, arguments):
            print(f"fusionmd: {message}", file=sys.stderr)
        return exit_code(error)


def command_group(arguments: Sequence[str]) -> TyperGroup:
    """Build the group of all verbs, of which only the one that is called is real; the others carry their help."""
    group = typer.main.get_group(_root())
    for verb, summary in VERBS.items():
        group.commands[verb] = TyperCommand(name=verb, help=summary)
    called = next((word for word in arguments if not word.startswith("-")), None)
    if called in VERBS:
        group.commands[called] = load_verb(called)
    return group


def load_verb(verb: str) -> TyperCommand | TyperGroup:
    """Import `fusionmd.cli.<verb>` and return its command."""
    module = import_module(f"fusionmd.cli.{verb}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        app.command(verb)(module.command)
    app.pretty_exceptions_enable = False
    command = typer.main.get_command(accept_debug(app))
    command.name = verb
    return command  # type: ignore[return-value]


def exit_code(error: Exception) -> int:
    """Return the exit code of an error: the parser's own (2 for wrong usage), 2 for FusionMDError, else 1."""
    if isinstance(error, (FusionMDError, *USER_FILE_ERRORS)):
        return EXIT_USER_ERROR
    return int(getattr(error, "exit_code", EXIT_CRASH))


def one_line(error: Exception, arguments: Sequence[str]) -> str:
    """Say what went wrong in one line, with the next step; nothing where the help was shown instead."""
    if isinstance(error, FusionMDError):
        return " ".join(str(error).split())
    if hasattr(error, "format_message"):  # wrong usage, found by the parser
        path = getattr(getattr(error, "ctx", None), "command_path", "fusionmd")
        said = " ".join(error.format_message().split())
        return f"{said} (see `{path} --help`)" if said else ""
    if isinstance(error, USER_FILE_ERRORS):
        return f"{error.filename}: {error.strerror}"
    what = " ".join(str(error).split()) or "no message"
    return f"unexpected {type(error).__name__}: {what} (run again with --debug for the traceback)"


def _root() -> typer.Typer:
    """Return the Typer application that carries the options of `fusionmd` itself."""
    app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
    version = typer.Option(False, "--version", is_eager=True, callback=_print_version, help="Print the version.")

    @app.callback(epilog="Example: fusionmd doctor. Every verb has its own --help with an example.")
    def fusionmd(version: bool = version) -> None:
        """Interatomic potentials made of fusion diagrams: data, training, one potential file, molecular dynamics."""

    return app


def _print_version(asked: bool) -> None:
    if asked:
        print(f"fusionmd {__version__}")
        raise typer.Exit()


if __name__ == "__main__":
    main()
