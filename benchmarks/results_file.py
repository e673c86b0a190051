"""Result files: benchmarks/results/NAME.json, from which `tables.py` makes the tables of README and documentation."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT, provenance
from fusionmd.files import write_text_atomic

FOLDER = ROOT / "benchmarks" / "results"


def write_results(name: str, content: Mapping[str, Any], *, folder: Path = FOLDER) -> Path:
    """Write a result with its provenance, whole or not at all.

    content: `settings`, `results`, and a `table` {title, columns, rows, note, in_readme} for the pages.
    """
    path = folder / f"{name}.json"
    write_text_atomic(path, json.dumps({"provenance": provenance(), **content}, indent=1) + "\n")
    return path
