"""A photochemical study as a YAML file: molecule, starts, lengths, products, coordinates, what the literature says.

Those in `studies/` beside this file are known by name: `stilbene`, `ch2nh2`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field, model_validator

from fusionmd.errors import ConfigError
from fusionmd.namd.config import Method
from fusionmd.workflows.namd_outcomes import OTHER, Outcomes
from fusionmd.workflows.namd_sample import SampleSettings
from fusionmd.workflows.namd_settings import TriageSettings
from fusionmd.workflows.yaml_settings import read_settings

STUDIES = Path(__file__).parent / "studies"
STRICT = ConfigDict(frozen=True, extra="forbid")


class StartSettings(BaseModel):
    """Where trajectories start: near the minimum of the ground state closest to a structure, on an excited state."""

    model_config = STRICT
    state: int = Field(1, ge=1)
    structure: str = Field(description="a line an atom: symbol and place, angstrom")

    def atoms(self) -> Atoms:
        """The structure, not relaxed."""
        rows = [line.split() for line in self.structure.strip().splitlines()]
        return Atoms([row[0] for row in rows], np.array([row[1:] for row in rows], dtype=np.float64))

    @model_validator(mode="after")
    def _readable(self) -> StartSettings:
        try:
            self.atoms()
        except (KeyError, ValueError, IndexError) as error:
            raise ValueError(f"no structure ({error}); a line an atom, as in 'C 0.0 0.0 0.0'") from None
        return self


class LiteratureSettings(BaseModel):
    """Yields that were published, by class of product."""

    model_config = STRICT
    start: str
    source: str
    yields: dict[str, float]


class Study(BaseModel):
    """Everything about a molecule that a run from electronic structure to yields needs."""

    model_config = STRICT
    title: str
    surfaces: str | None = Field(None, description="potential or method that is taken where none is given")
    charge: int = 0
    states: int = Field(3, ge=2, description="of methods of electronic structure")
    starts: dict[str, StartSettings] = Field(min_length=1)
    sample: SampleSettings = SampleSettings.model_validate({})
    method: Method = Method()
    triage: TriageSettings = TriageSettings()
    time_step_fs: float = Field(0.5, gt=0)
    time_fs: float = Field(1000.0, gt=0, description="longest trajectory")
    record_fs: float = Field(1.0, gt=0, description="between records")
    settle_gap_eV: float = Field(0.5, ge=0, description="a smaller gap leaves the window for a hop open")
    outcomes: Outcomes = Field(Outcomes(), description="products; settle_fs also ends trajectories")
    literature: list[LiteratureSettings] = []
    notes: list[str] = []

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        known = {*self.outcomes.classes, OTHER}
        for published in self.literature:
            if unknown := {published.start} - set(self.starts):
                raise ValueError(
                    f"{published.source} starts from {unknown.pop()}, which is none of {list(self.starts)}"
                )
            if unknown := set(published.yields) - known:
                raise ValueError(
                    f"{published.source} has {unknown.pop()}, which is none of the classes {sorted(known)}"
                )
        return self

    def start(self, name: str | None) -> tuple[str, StartSettings]:
        """That of a name, or the first; ConfigError where there is none."""
        name = next(iter(self.starts)) if name is None else name
        if name not in self.starts:
            raise ConfigError(f"there is no start {name!r}; this study has {', '.join(self.starts)}")
        return name, self.starts[name]


def read_study(name_or_path: str | Path) -> Study:
    """A study that is shipped, by name, or a YAML file; ConfigError names what is wrong."""
    shipped = STUDIES / f"{name_or_path}.yaml"
    if Path(name_or_path).suffix in (".yaml", ".yml"):
        return read_settings(name_or_path, Study)
    if not shipped.is_file():
        known = ", ".join(sorted(path.stem for path in STUDIES.glob("*.yaml")))
        raise ConfigError(f"there is no study {str(name_or_path)!r}; known: {known}, or give a YAML file")
    return read_settings(shipped, Study)
