"""Write the tables of README.md and docs/benchmarks.md from benchmarks/results/*.json, between their markers.

    python benchmarks/tables.py            rewrite them
    python benchmarks/tables.py --check    exit 1 if they are not what the results say (a test runs this)

A result file holds, beside whatever its script records, `table: {title, columns: [...], rows: [[...], ...], note}`;
with `in_readme: true` in it the table goes into the README too. Files without a table are left out.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--check", action="store_true", help="change nothing; exit 1 if a page is out of date")
    is_check = arguments.parse_args().check
    results = [json.loads(path.read_text()) for path in sorted((ROOT / "benchmarks/results").glob("*.json"))]
    tables = [result["table"] for result in results if isinstance(result, dict) and "table" in result]
    pages = {
        ROOT / "README.md": [table for table in tables if table.get("in_readme")],
        ROOT / "docs/benchmarks.md": tables,
    }
    stale = [path for path, chosen in pages.items() if not _is_current(path, chosen, is_check)]
    for path in stale:
        what = "out of date; run python benchmarks/tables.py" if is_check else "rewritten"
        print(f"{path.relative_to(ROOT)}: {what}")
    sys.exit(1 if is_check and stale else 0)


def _is_current(path: Path, tables: list[dict[str, Any]], is_check: bool) -> bool:
    old = path.read_text()
    new = with_tables(old, tables)
    if old != new and not is_check:
        path.write_text(new)
    return old == new


def with_tables(page: str, tables: Iterable[dict[str, Any]]) -> str:
    """The page with `tables` between its markers."""
    before, rest = page.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    middle = "\n".join(markdown(table) for table in tables)
    return f"{before}{BEGIN}\n{middle}{END}{after}"


def markdown(table: dict[str, Any]) -> str:
    """One table as Markdown, with its title above and its note below."""
    lines = [f"**{table['title']}**", ""]
    lines += [_row(table["columns"]), _row(["---"] * len(table["columns"]))]
    lines += [_row(row) for row in table["rows"]]
    note = table.get("note")
    return "\n".join([*lines, "", *([note, ""] if note else [])]) + "\n"


def _row(cells: Iterable[Any]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(cell: Any) -> str:
    return f"{cell:.3g}" if isinstance(cell, float) else str(cell)


if __name__ == "__main__":
    main()
