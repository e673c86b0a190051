"""The entry point: instant, one line and an exit code for every failure."""

import os
import subprocess
import sys

import pytest

from fusionmd import __version__
from fusionmd.cli import main as entry
from fusionmd.errors import ConfigError


def fusionmd(*arguments, python=()):
    """Run the command in a process of its own."""
    command = [sys.executable, *python, "-m", "fusionmd.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def processor_seconds():
    """Of all finished children: on a quiet machine this is their wall time, and other programs do not count."""
    times = os.times()
    return times.children_user + times.children_system


def test_help_is_instant():
    seconds = []
    for _ in range(5):
        start = processor_seconds()
        assert fusionmd("--help").returncode == 0
        seconds.append(processor_seconds() - start)
        if min(seconds) < 0.5:
            return
    pytest.fail(f"fusionmd --help took {min(seconds):.2f} s at best")


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_loads_nothing_heavy(flag):
    code = (
        "import sys; from fusionmd.cli.main import run; code = run(sys.argv[1:]);"
        "heavy = {'torch', 'ase', 'pydantic', 'numpy', 'matplotlib', 'scipy'};"
        "print('LOADED', sorted(heavy & set(sys.modules))); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, flag], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_version():
    assert fusionmd("--version").stdout == f"fusionmd {__version__}\n"


def test_help_lists_every_verb():
    text = fusionmd("--help").stdout
    assert all(f" {verb} " in text for verb in entry.VERBS)


@pytest.mark.parametrize("arguments", [["trian"], ["--no-such-option"], ["doctor", "--no-such-option"]], ids=" ".join)
def test_wrong_usage_is_one_line_and_exit_2(arguments):
    done = fusionmd(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("fusionmd: ") and done.stderr.count("\n") == 1
    assert "--help" in done.stderr


@pytest.mark.parametrize("arguments, shown", [([], "train"), (["data"], "audit")])
def test_without_a_verb_the_help_is_shown(arguments, shown):
    done = fusionmd(*arguments)
    assert done.returncode == 2 and f" {shown} " in done.stdout and done.stderr == ""


def test_misspelt_verb_is_answered_with_the_right_one():
    assert "Did you mean 'train'?" in fusionmd("trian").stderr


@pytest.fixture
def failing_verb(monkeypatch):
    """Put a verb `doctor` in place that raises the given error."""

    def install(error):
        def command() -> None:
            raise error

        import types

        monkeypatch.setattr(entry, "import_module", lambda name: types.SimpleNamespace(command=command))

    return install


def test_our_errors_are_one_line_and_exit_2(failing_verb, capsys):
    failing_verb(ConfigError("this came,\n   that was wanted"))
    assert entry.run(["doctor"]) == 2
    assert capsys.readouterr().err == "fusionmd: this came, that was wanted\n"


def test_debug_shows_the_traceback(failing_verb, capsys):
    failing_verb(ConfigError("no"))
    assert entry.run(["doctor", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_defects_are_one_line_exit_1_and_name_debug(failing_verb, capsys):
    failing_verb(ZeroDivisionError("division by zero"))
    assert entry.run(["doctor"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "ZeroDivisionError" in error and "--debug" in error


def test_missing_file_is_the_users_error(failing_verb, capsys):
    failing_verb(FileNotFoundError(2, "No such file or directory", "frames.xyz"))
    assert entry.run(["doctor"]) == 2
    assert capsys.readouterr().err == "fusionmd: frames.xyz: No such file or directory\n"


def test_an_output_that_is_a_folder_or_below_a_file_is_the_users_error(tmp_path, capsys):
    (tmp_path / "file").touch()
    for output in (tmp_path, tmp_path / "file" / "models.json"):
        assert entry.run(["models", "--json", str(output)]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"fusionmd: {tmp_path}") and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_ctrl_c_exits_130(failing_verb):
    failing_verb(KeyboardInterrupt())
    assert entry.run(["doctor"]) == 130
