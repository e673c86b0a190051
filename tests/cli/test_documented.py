"""Every command line in the README and the docs exists as it is written there."""

import re
from pathlib import Path

import pytest
import typer

from fusionmd.cli.main import VERBS, load_verb

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# A line of an indented block, or text in backquotes; what follows `|`, `>` or `#` is the shell's.
COMMAND = re.compile(r"(?:^    |`)(?:torchrun .*-m fusionmd\.cli|fusionmd) ([a-z]+)([^`\n|>#]*)", re.MULTILINE)


def commands(page):
    return [(verb, rest.split()) for verb, rest in COMMAND.findall(page.read_text())]


def options_of(verb, words):
    """Options that a verb, or the sub-verb among the words, takes."""
    command = load_verb(verb)
    if isinstance(command, typer.core.TyperGroup):
        command = command.commands[words[0]]
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}


def test_there_are_commands_to_check():
    assert len(commands(ROOT / "README.md")) >= 8 and sum(len(commands(page)) for page in PAGES) > 12


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist_with_their_options(page):
    for verb, words in commands(page):
        assert verb in VERBS, f"{page.name}: fusionmd {verb}"
        options = {word for word in words if word.startswith("-")}
        unknown = options - options_of(verb, words) - {"--help", "--debug"}
        assert not unknown, f"{page.name}: fusionmd {verb} knows no {', '.join(sorted(unknown))}"
