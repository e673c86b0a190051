"""Where the records and the checkpoints of a run go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusionmd.training.checkpoint import FILE_NAME, save_checkpoint
from fusionmd.training.journal import Journal, Record
from fusionmd.training.state import RunState


@dataclass(frozen=True)
class Keeper:
    """Of several ranks the first one writes; the others keep nothing.

    always: What every checkpoint holds beside the state: what the run is known by, and what its model is made of.
    on_record: Told of every record.
    """

    folder: Path
    journal: Journal
    always: Mapping[str, Any]
    is_first: bool
    on_record: Callable[[Record], None]

    def record(self, content: Record) -> None:
        """Append a line to the log."""
        if self.is_first:
            self.journal.append(content)
            self.on_record(content)

    def save(self, state: RunState) -> None:
        """Write a checkpoint, and the log as a table."""
        if self.is_first:
            self.journal.write_table()
            content = {**self.always, "journal_bytes": self.journal.n_bytes, "state": state.state_dict()}
            save_checkpoint(self.folder / FILE_NAME, content)
