"""The end of a run: errors of the best weights on the validation frames, potential, report."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from fusionmd.files import write_text_atomic
from fusionmd.potential import export_potential
from fusionmd.structure import Structure
from fusionmd.training.config import Config
from fusionmd.training.metrics import metrics_of
from fusionmd.training.problem import Problem
from fusionmd.training.provenance import commit, data_sha256
from fusionmd.training.public_config import public_config
from fusionmd.training.report import write_report
from fusionmd.training.state import RunState
from fusionmd.training.trained import fill_
from fusionmd.training.validation import validate
from fusionmd.training.work import Work

N_SELFTEST_FRAMES = 3


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


def finish(problem: Problem, state: RunState, work: Work, reason: str) -> Result:
    """Evaluate the best weights; write `result.json`, the potential and the report. Interrupted: only evaluate."""
    config, folder, journal = work.config, work.keeper.folder, work.keeper.journal
    weights = state.best_weights or state.averaged_parameters()
    comparison, _ = validate(work.valid_step, weights, work.valid, work.ranks)
    result = Result(folder, reason, state.epoch, state.best_epoch, metrics_of(comparison))
    if not work.ranks.is_first or reason == "interrupt":
        return result
    result = with_potential(result, config, problem, weights)
    journal.write_table()
    write_text_atomic(folder / "result.json", json.dumps(result.summary(), indent=1))
    write_report(folder / "report.html", config, journal.records(), comparison, result.summary())
    return result


def with_potential(result: Result, config: Config, problem: Problem, weights: dict[str, Tensor]) -> Result:
    """The result after an attempt to export `weights` to `potential.pt`; a failed check leaves the checkpoint only."""
    path = result.folder / "potential.pt"
    model = fill_(copy.deepcopy(problem.model), weights)
    description = {**problem.description(), "training": public_config(config)}
    try:
        export_potential(
            model,
            path,
            name=result.folder.name,
            head=problem.head.kind,
            atomic_energies=problem.e0,
            config=[description],
            frames=selftest_frames(problem.valid_structures),
            data_sha256=data_sha256(config.data.train),
            commit=commit(),
            metrics={"valid": result.metrics},
        )
    except Exception as error:  # hours of training must not end in a traceback; the checkpoint is there
        return replace(result, export_failure=f"{type(error).__name__}: {' '.join(str(error).split())}")
    return replace(result, potential=path)


def selftest_frames(structures: Sequence[Structure]) -> list[Structure]:
    """The smallest of the structures, to be carried in the potential file."""
    return sorted(structures, key=lambda structure: structure.n_atoms)[:N_SELFTEST_FRAMES]
