"""The tables in README and docs are those of benchmarks/results; nobody typed them."""

import subprocess
import sys
from pathlib import Path

from benchmarks.tables import BEGIN, END, markdown, with_tables

ROOT = Path(__file__).resolve().parent.parent
TABLE = {"title": "Speed", "columns": ["what", "ms"], "rows": [["ours", 1.23456], ["theirs", 10]], "note": "One core."}


def test_pages_are_current():
    done = subprocess.run([sys.executable, ROOT / "benchmarks/tables.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_markdown():
    assert markdown(TABLE) == (
        "**Speed**\n\n| what | ms |\n| --- | --- |\n| ours | 1.23 |\n| theirs | 10 |\n\nOne core.\n\n"
    )


def test_tables_go_between_the_markers_and_twice_is_once():
    page = f"# Title\n{BEGIN}\nold{END}\nrest\n"
    once = with_tables(page, [TABLE])
    assert once.startswith("# Title\n") and once.endswith("\nrest\n") and "old" not in once and "theirs" in once
    assert with_tables(once, [TABLE]) == once
