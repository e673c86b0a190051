"""A study from initial conditions to trajectories, in one folder; the same call goes on where a stopped one was.

DIR/settings.yaml   everything the run was told: the whole study, and the choice
DIR/starts.xyz      structures with velocities, starts.xyz.yaml how they were drawn
DIR/run.yaml        what `namd run` is told, DIR/run.h5 the trajectories (DIR/run.h5.parts while they run)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import ase.io
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fusionmd.errors import ConfigError
from fusionmd.files import sha256_of_file, write_bytes_atomic, write_text_atomic
from fusionmd.labels.methods import method_of
from fusionmd.namd.batch import OnStep
from fusionmd.potential.shipped import shipped_folders
from fusionmd.workflows.namd import parts_folder, resume_namd, run_namd
from fusionmd.workflows.namd_ground_state import GroundState, MethodGroundState, is_potential
from fusionmd.workflows.namd_ground_state import ground_state as ground_state_of
from fusionmd.workflows.namd_sample import SampleSettings, sample, write_sample
from fusionmd.workflows.namd_settings import RunSettings
from fusionmd.workflows.namd_study_settings import Study, read_study

SETTINGS, STARTS, GUESS, RUN_SETTINGS, RUN = "settings.yaml", "starts.xyz", "guess.xyz", "run.yaml", "run.h5"
GROUND_AND_FIRST = [(0, 1)]
ROUNDING = 1e-6  # of a record
BATCH = 100  # trajectories of a potential that move together


class Choice(BaseModel):
    """What is chosen of a study. Where it is None, the study decides."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    start: str | None = None
    surfaces: str | None = Field(None, description="potential, or method of electronic structure")
    parameters: Path | None = Field(None, description="methods: file of replaced parameters")
    n_trajectories: int = Field(100, ge=1)
    first: int = Field(0, ge=0, description="number of the first trajectory, of pieces")
    time_fs: float | None = Field(None, gt=0)
    record_fs: float | None = Field(None, gt=0)
    hopping: Literal["lzsh", "fssh", "kcsdm"] | None = None
    upper_hops: bool = Field(True, description="false: hops between the states 0 and 1 alone")
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> Choice:
        if self.hopping == "kcsdm" and not self.upper_hops:
            raise ValueError("kcsdm moves on the mean of all states; only lzsh and fssh can leave out upper hops")
        return self


@dataclass(frozen=True, eq=False)
class Plan:
    """A study, resolved. start: Its name.  surfaces: Potential or method.  folder: Of everything."""

    study: Study
    choice: Choice
    start: str
    surfaces: str
    is_potential: bool
    folder: Path

    @property
    def run(self) -> RunSettings:
        """What `namd run` is told."""
        study, choice = self.study, self.choice
        interval = max(1, round((choice.record_fs or study.record_fs) / study.time_step_fs))
        n_records = math.ceil((choice.time_fs or study.time_fs) / (interval * study.time_step_fs) - ROUNDING)
        return RunSettings.model_validate(
            {
                "surfaces": self._surfaces(),
                "method": study.method.model_copy(update=self._changes()).model_dump(),
                "triage": study.triage.model_dump(),
                "settle_fs": study.outcomes.settle_fs or None,
                "settle_gap_eV": study.settle_gap_eV,
                "state": study.starts[self.start].state,
                "n_trajectories": choice.n_trajectories,
                "first": choice.first,
                "time_step_fs": study.time_step_fs,
                "n_steps": n_records * interval,
                "interval": interval,
                "batch_size": BATCH if self.is_potential else 1,
            }
        )

    @property
    def parameters(self) -> Path | None:
        """The copy in the folder."""
        given = self.choice.parameters
        return None if given is None else self.folder / given.name

    @property
    def n_steps(self) -> int:
        """Of all trajectories together."""
        return self.choice.n_trajectories * self.run.n_steps

    def text(self) -> str:
        """Everything that decides the result."""
        given = self.choice.parameters
        resolved = {
            "start": self.start,
            "surfaces": self.surfaces,
            "parameters": None if given is None else {"name": given.name, "sha256": sha256_of_file(given)},
        }
        choice = self.choice.model_dump(mode="json") | resolved
        return yaml.safe_dump({"choice": choice, "study": self.study.model_dump(mode="json")}, sort_keys=False)

    def _surfaces(self) -> dict[str, Any]:
        frames = {"frames": str(self.folder / STARTS)}
        if self.is_potential:
            return frames | {"potential": self.surfaces}
        study = self.study
        given = {"states": study.states, "charge": study.charge, "parameters": self.parameters}
        return frames | given | {"method": self.surfaces}

    def _changes(self) -> dict[str, Any]:
        """Of the method that the study has."""
        choice = self.choice
        changes: dict[str, Any] = {"seed": choice.seed}
        changes |= {"hopping": choice.hopping} if choice.hopping else {}
        changes |= {} if choice.upper_hops else {"pairs": GROUND_AND_FIRST}
        return changes | ({"amplitudes": "curvature"} if choice.hopping == "fssh" and not self.is_potential else {})


def choice_of(**values: Any) -> Choice:
    """A validated choice; ConfigError names what is wrong."""
    try:
        return Choice(**values)
    except ValidationError as error:
        wrong = [": ".join([*map(str, each["loc"]), each["msg"]]) for each in error.errors()]
        raise ConfigError("; ".join(wrong)) from None


def begin(
    study: str | Path, choice: Choice, folder: Path, *, check: Callable[[Plan], None] = lambda plan: None
) -> Plan:
    """Resolve, check, and write DIR/settings.yaml; ConfigError where the folder holds something else.

    check: What has to be right beside it; called before anything is written.
    """
    plan = _resolved(read_study(study), choice, folder)
    check(plan)
    text, path = plan.text(), folder / SETTINGS
    if path.exists() and path.read_text() != text:
        raise ConfigError(f"{folder} holds a study with other settings (see {path}); choose another folder")
    if not path.exists():
        if (given := choice.parameters) is not None:
            write_bytes_atomic(folder / given.name, given.read_bytes())
        write_text_atomic(path, text)
    return plan


def draw(plan: Plan, *, n_jobs: int = 1, on_draw: Callable[[int], None] | None = None) -> None:
    """Write the starts, where they are not yet there."""
    if (plan.folder / STARTS).exists():
        return
    guess = plan.folder / GUESS
    ase.io.write(guess, plan.study.starts[plan.start].atoms(), format="extxyz")
    state = plan.study.starts[plan.start].state
    choice = plan.choice
    given = {"n": choice.n_trajectories, "first": choice.first, "seed": choice.seed, "state": state}
    settings = SampleSettings.model_validate(plan.study.sample.model_dump() | given)
    source = _ground_state(plan, n_jobs)
    write_sample(plan.folder / STARTS, sample(source, guess, settings, on_draw=on_draw), settings, source)


def hop(plan: Plan, *, workers: int = 1, on_step: OnStep | None = None) -> None:
    """Run the trajectories, or go on with them; nothing where they are complete."""
    output = plan.folder / RUN
    if output.exists():
        return
    if (parts_folder(output) / SETTINGS).exists():
        resume_namd(output, workers=workers, on_step=on_step)
    else:
        settings = plan.run
        write_text_atomic(plan.folder / RUN_SETTINGS, yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False))
        run_namd(settings, output, workers=workers, on_step=on_step)


def _resolved(study: Study, choice: Choice, folder: Path) -> Plan:
    start, _ = study.start(choice.start)
    if choice.parameters is not None and not choice.parameters.is_file():
        raise ConfigError(f"there is no file {choice.parameters}; give one with replaced parameters")
    if choice.surfaces is None and study.surfaces is None:
        raise ConfigError("this study has no surfaces of its own; give a potential or a method with --surfaces")
    try:
        is_file = is_potential(name := str(choice.surfaces or study.surfaces), choice.parameters)
    except ConfigError:
        if choice.surfaces is not None:
            raise
        shipped = ", ".join(shipped_folders()) or "none"
        raise ConfigError(
            f"the potential {study.surfaces} is not shipped (shipped: {shipped}); give a potential, or a method such "
            "as mopac-am1-ci22, with --surfaces"
        ) from None
    if is_file and choice.parameters is not None:
        raise ConfigError(f"{name} is a potential; parameters are for methods of electronic structure")
    return Plan(study, choice, start, name, is_file, folder)


def _ground_state(plan: Plan, n_jobs: int) -> GroundState:
    if plan.is_potential:
        return ground_state_of(plan.surfaces)
    method = method_of(plan.surfaces, n_states=plan.study.states, charge=plan.study.charge, parameters=plan.parameters)
    return MethodGroundState(method, n_jobs=n_jobs)
