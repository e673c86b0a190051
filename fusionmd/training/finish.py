"""The end of a run: best weights, final errors, potential, report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusionmd.files import write_text_atomic
from fusionmd.training.config import Config
from fusionmd.training.journal import Journal
from fusionmd.training.loop import Work
from fusionmd.training.metrics import metrics_of
from fusionmd.training.problem import Problem
from fusionmd.training.state import RunState
from fusionmd.training.validation import validate


@dataclass(frozen=True)
class Result:
    """stopped_by: `epochs`, `time limit` or `interrupt`.  metrics: Of the best model on the validation frames.

    potential: The exported file, or None with `export_failure` saying why.
    """

    folder: Path
    stopped_by: str
    n_epochs: int
    best_epoch: int
    metrics: dict[str, Any]
    potential: Path | None = None
    export_failure: str | None = None

    def summary(self) -> dict[str, Any]:
        """Plain values, as in `result.json`."""
        return {
            "stopped_by": self.stopped_by,
            "n_epochs": self.n_epochs,
            "best_epoch": self.best_epoch,
            "valid": self.metrics,
            "potential": self.potential.name if self.potential else None,
            "export_failure": self.export_failure,
        }


def finish(
    config: Config, problem: Problem, state: RunState, work: Work, folder: Path, journal: Journal, reason: str
) -> Result:
    """Evaluate the best weights, write `result.json`, the potential and the report; nothing of it if interrupted."""
    weights = state.best_weights or state.averaged_parameters()
    comparison, _ = validate(work.valid_step, weights, work.valid, work.ranks)
    metrics = metrics_of(comparison)
    result = Result(folder, reason, state.epoch, state.best_epoch, metrics)
    if work.ranks.is_first:
        journal.write_table()
        write_text_atomic(folder / "result.json", json.dumps(result.summary(), indent=1))
    return result
