"""What holds for every verb: help that is instant and shows an example, --debug, and wrong usage in one line."""

import re
import subprocess
import sys

import pytest

from fusionmd.cli.main import VERBS

# Typer reads parameters with pydantic where that is installed; nothing else that is slow may be loaded for a help text.
HEAVY = "heavy = {'torch', 'ase', 'scipy', 'matplotlib', 'numpy', 'yaml'}"


def help_of(*path):
    """Text of the help of a verb, and the heavy modules that were loaded for it, in a process of its own."""
    show = "print('LOADED', sorted(heavy & set(sys.modules)))"
    code = f"import sys; from fusionmd.cli.main import run; run(sys.argv[1:]); {HEAVY}; {show}"
    environment = {"TYPER_USE_RICH": "0", "PATH": "", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, *path, "--help"], capture_output=True, text=True, env=environment, timeout=60
    )
    assert done.returncode == 0, done.stderr
    text, loaded = done.stdout.rsplit("LOADED ", 1)
    return text, loaded.strip()


@pytest.fixture(scope="module")
def helps():
    return {verb: help_of(verb) for verb in VERBS}


@pytest.mark.parametrize("verb", VERBS)
def test_help_loads_nothing_heavy(verb, helps):
    assert helps[verb][1] == "[]"


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_an_example_of_this_verb(verb, helps):
    top, _ = helps[verb]
    subverbs = re.findall(r"^  ([a-z]+) ", top.split("Commands:")[1], re.MULTILINE) if "Commands:" in top else []
    texts = {f"{verb} {sub}": help_of(verb, sub)[0] for sub in subverbs} or {verb: top}
    for path, text in texts.items():
        assert f"Example: fusionmd {path} " in " ".join([*text.split(), ""]), f"fusionmd {path} --help shows no example"
        assert "--debug" in text and "--json" in text


@pytest.mark.parametrize("verb", VERBS)
def test_unknown_option_is_one_line(verb):
    done = subprocess.run([sys.executable, "-m", "fusionmd.cli", verb, "--nonsense"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "--nonsense" in done.stderr or "Missing" in done.stderr
