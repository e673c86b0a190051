"""What a run of hopping trajectories is told: surfaces, start, lengths, method. Models in atomic units, else fs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from fusionmd.namd.config import Method
from fusionmd.workflows.yaml_settings import read_settings

ModelName = Literal["landau_zener", "tully_1", "tully_2", "tully_3", "bma", "butatriene", "pyrazine", "linear_vibronic"]
STRICT = ConfigDict(frozen=True, extra="forbid")


class PacketSettings(BaseModel):
    """An analytic model with a Gaussian packet exp(ikx) exp(-((x-x0)/s)^2); atomic units, one number a coordinate.

    What is left out is taken from the model, where it has a start of its own (cones).
    """

    model_config = STRICT
    model: ModelName
    centre: list[float] | None = None
    width: list[float] | None = None
    wave_number: list[float] | None = None


class FileSettings(BaseModel):
    """A potential file, and structures with velocities to start from: one frame, one trajectory."""

    model_config = STRICT
    potential: str
    frames: str = Field(description="structures with velocities, any format ASE reads")
    chunk: int | None = Field(
        None, ge=1, description="structures evaluated together, in one shape: same bits in any batch"
    )
    compiled: Literal["auto", "yes", "no"] = Field(
        "auto", description="this machine's fast form; auto: where it exists, and not with `chunk`"
    )


class DirectSettings(BaseModel):
    """Electronic structure on the fly (`fusionmd label` says which methods), and structures with velocities."""

    model_config = STRICT
    method: str
    frames: str = Field(description="structures with velocities, any format ASE reads")
    states: int = Field(3, ge=2)
    charge: int = 0
    parameters: Path | None = Field(None, description="file of replaced parameters")
    timeout_s: float = Field(120.0, gt=0, description="of one calculation")
    jobs: int = Field(1, ge=1, description="calculations at a time in each process; changes no result")


class TriageSettings(BaseModel):
    """What stops a trajectory, looked at in every record; null: nothing does."""

    model_config = STRICT
    energy_window_eV: float | None = Field(default=0.2, gt=0, description="of the total energy from its start")
    energy_step_eV: float | None = Field(default=0.1, gt=0, description="of the total energy from the record before")
    norm: float | None = Field(default=1e-6, gt=0, description="of the amplitudes from 1")
    bond_factor: float | None = Field(
        default=None, gt=1, description="bonds longer than so many sums of covalent radii"
    )
    uncertainty_eV: float | None = Field(
        default=None, gt=0, description="of the active energy: of a committee, or calibrated; frames are written"
    )


class RunSettings(BaseModel):
    """One ensemble."""

    model_config = STRICT
    surfaces: Annotated[
        Annotated[PacketSettings, Tag("<model>")]
        | Annotated[FileSettings, Tag("<file>")]
        | Annotated[DirectSettings, Tag("<direct>")],
        Discriminator(lambda given: _surfaces_of(given)),
    ]
    method: Method = Method()
    triage: TriageSettings = TriageSettings()
    settle_fs: float | None = Field(
        None, gt=0, description="end trajectories that were on state 0 for so long, its gap above settle_gap_eV"
    )
    settle_gap_eV: float = Field(0.5, ge=0, description="a smaller gap leaves the window for a hop open")
    state: Annotated[int, Field(ge=0)] | Literal["frames"] = Field(
        0, description="adiabatic state that drives at the start; frames: `initial_state` of each structure"
    )
    diabatic_state: int | None = Field(None, ge=0, description="models: start on a diabatic state instead")
    n_trajectories: int = Field(100, ge=1, description="for models; potential files take one per frame")
    first: int = Field(0, ge=0, description="number of the first trajectory, of ensembles that are run in pieces")
    time_step_fs: float = Field(0.1, gt=0)
    n_steps: int = Field(1000, ge=1)
    interval: int = Field(10, ge=1, description="steps between records; divides n_steps")
    batch_size: int = Field(500, ge=1, description="trajectories that move together; models: changes no result")
    checkpoint_s: float = Field(60.0, ge=0, description="seconds between checkpoints; changes no result")

    @property
    def time_fs(self) -> float:
        """Simulated time."""
        return self.time_step_fs * self.n_steps


def read_run(path: str | Path) -> RunSettings:
    """The settings in a YAML file; ConfigError names what is wrong."""
    return read_settings(path, RunSettings)


def _surfaces_of(given: Any) -> str:
    """Which kind of surfaces is meant."""
    keys = given.keys() if isinstance(given, dict) else type(given).model_fields
    return "<file>" if "potential" in keys else "<direct>" if "method" in keys else "<model>"
