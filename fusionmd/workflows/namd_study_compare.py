"""Trajectories of a study beside those of a reference folder: decay, yields, and what the samples could have seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from fusionmd.errors import ConfigError, DataError
from fusionmd.namd.analysis import first_arrivals, last_seen
from fusionmd.namd.comparison import detectable, difference, joint_probability, logrank, median, supremum
from fusionmd.namd.protocol import Array, BoolArray, IntArray
from fusionmd.namd.run_file import RunFile, read_run
from fusionmd.workflows.namd_analyze import Analysis, analyze, interval_text
from fusionmd.workflows.namd_study import RUN, SETTINGS, Plan


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two. run: Trajectories.  found: Their analysis."""

    run: RunFile
    found: Analysis

    @property
    def n_trusted(self) -> int:
        """Trajectories that triage kept."""
        return int((~self.run.is_discarded).sum())

    def ground_population(self, times: Array) -> Array:
        """Share on state 0 of those [n_times]; as recorded last."""
        shares = (self.run.active_state[~self.run.is_discarded] == 0).mean(axis=0)
        return np.asarray(shares[np.searchsorted(self.run.time, times, side="right") - 1])

    def decay(self) -> tuple[Array, BoolArray]:
        """First time on state 0 of each trusted trajectory, or when it was last seen; and whether it came there."""
        kept = ~self.run.is_discarded
        arrived = first_arrivals(self.run)[kept]
        is_seen = np.isfinite(arrived)
        return np.where(is_seen, arrived, last_seen(self.run)[kept]), is_seen

    def counts(self, names: Sequence[str]) -> IntArray:
        """Finished trajectories of each class."""
        return np.array([self.found.labels.count(name) for name in names])


def reference_of(plan: Plan, path: Path) -> Side:
    """What lies in another folder of this study, or in the file of a run, whose start nobody can check.

    ConfigError where it is another study, start or molecule, DataError where there is none.
    """
    run = read_run(_run_of(plan, path))
    atoms = plan.study.starts[plan.start].atoms()
    if run.numbers is None or not np.array_equal(run.numbers, atoms.numbers):
        raise ConfigError(f"{path} is not a run of {atoms.get_chemical_formula()}; give another reference")
    return Side(run, analyze(run, plan.study.outcomes))


def _run_of(plan: Plan, path: Path) -> Path:
    """The file of the run."""
    if path.is_file():
        return path
    settings = path / SETTINGS
    if not settings.is_file():
        raise DataError(
            f"{path} is no folder of a study (there is no {SETTINGS}); give one that this verb wrote, or a run.h5"
        )
    content = yaml.safe_load(settings.read_text())
    for what, mine, theirs in (
        ("study", plan.study.title, content["study"]["title"]),
        ("start", plan.start, content["choice"]["start"]),
    ):
        if mine != theirs:
            raise ConfigError(f"the {what} of {path} is {theirs!r}, here it is {mine!r}; give another reference")
    return path / RUN


def comparison(one: Side, other: Side, names: Sequence[str]) -> dict[str, Any]:
    """Tests and intervals, this run less the reference; yields are None where one side has no finished trajectory."""
    times = np.union1d(one.run.time, other.run.time)
    times = times[times <= min(one.run.time[-1], other.run.time[-1])]
    (mine, is_mine), (theirs, is_theirs) = one.decay(), other.decay()
    apart = supremum(one.ground_population(times), other.ground_population(times), one.n_trusted, other.n_trusted)
    return {
        "surfaces": other.run.surfaces,
        "n_trajectories": other.n_trusted,
        "ground_population": {
            "time_fs": times,
            "this": one.ground_population(times),
            "reference": other.ground_population(times),
            **asdict(apart),
        },
        "logrank_p": logrank(mine, is_mine, theirs, is_theirs),
        "shares": dict(zip(names, (other.counts(names) / other.run.n_trajectories).tolist(), strict=True)),
        "median_hop_time_fs": asdict(median(np.where(is_theirs, theirs, np.inf))),
        "yields": _yields(one.counts(names), other.counts(names), names),
    }


def comparison_rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """As text."""
    apart, yields = found["ground_population"], found["yields"]
    rows = [
        ("reference", f"{found['surfaces']}, {found['n_trajectories']} trajectories"),
        (
            "largest distance of P(S0)",
            f"{apart['distance']:.3f} (equal ones: below {apart['critical']:.3f} in 95 of 100 cases; "
            f"p = {apart['p_value']:.3g})",
        ),
        ("log-rank p", "no decay" if found["logrank_p"] is None else f"{found['logrank_p']:.3g}"),
        ("median time to S0, reference", interval_text(found["median_hop_time_fs"], " fs")),
    ]
    if yields is None:
        return [*rows, ("yields", "one of the two has no finished trajectory")]
    rows += [(f"yield of {name}, difference", interval_text(each, "")) for name, each in yields["differences"].items()]
    rows += [("all classes together, p", f"{yields['joint_p']:.3g}")]
    return [*rows, ("smallest difference seen with 80 % power", f"{yields['detectable']:.3f}")]


def _yields(mine: IntArray, theirs: IntArray, names: Sequence[str]) -> dict[str, Any] | None:
    n, m = int(mine.sum()), int(theirs.sum())
    if not n or not m:
        return None
    pairs = zip(names, mine.tolist(), theirs.tolist(), strict=True)
    return {
        "n_finished": [n, m],
        "differences": {name: asdict(difference(one, n, other, m)) for name, one, other in pairs},
        "joint_p": joint_probability(mine, theirs),
        "detectable": detectable(n, m),
    }
