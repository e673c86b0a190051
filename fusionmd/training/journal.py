"""The record of a run: one JSON line per epoch in `log.jsonl`, the same as a table in `metrics.csv`."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fusionmd.files import write_text_atomic

Record = dict[str, Any]


class Journal:
    """Appends records; after an interruption it can be cut back to what a checkpoint had seen."""

    def __init__(self, folder: Path) -> None:
        self.path, self.table = folder / "log.jsonl", folder / "metrics.csv"

    @property
    def n_bytes(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def append(self, record: Mapping[str, Any]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def cut(self, n_bytes: int) -> None:
        """Forget what was written after the first `n_bytes`."""
        if self.n_bytes > n_bytes:
            os.truncate(self.path, n_bytes)

    def records(self) -> list[Record]:
        """All complete records."""
        if not self.path.exists():
            return []
        lines = self.path.read_text().split("\n")[:-1]
        return [json.loads(line) for line in lines if line]

    def write_table(self) -> None:
        """Write the records of epochs (those with a validation) to `metrics.csv`."""
        rows = [record for record in self.records() if record.get("event") == "epoch"]
        if not rows:
            return
        columns = list(dict.fromkeys(key for row in rows for key in row if key != "event"))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text_atomic(self.table, text.getvalue())
