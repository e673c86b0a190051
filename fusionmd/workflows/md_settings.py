"""What a run of molecular dynamics is told: ensemble, lengths, temperature, and where the neighbour list ends."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fusionmd.errors import ConfigError


class MDSettings(BaseModel):
    """How to move the atoms."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: Literal["ase", "openmm", "lammps"] = "ase"
    ensemble: Literal["nve", "nvt", "npt"] = "nve"
    steps: int = Field(1000, ge=0)
    timestep_fs: float = Field(0.5, gt=0)
    temperature_K: float = Field(300.0, ge=0, description="of the start, and of the thermostat")
    pressure_GPa: float = Field(0.0, description="for npt")
    friction_per_ps: float = Field(10.0, gt=0, description="of the Langevin thermostat, for nvt")
    thermostat_fs: float = Field(50.0, gt=0, description="time constant of the thermostat, for npt")
    barostat_fs: float = Field(500.0, gt=0, description="time constant of the barostat, for npt")
    state: int = Field(0, ge=0, description="electronic state that drives")
    interval: int = Field(10, ge=1, description="steps between log lines and frames")
    seed: int = Field(0, ge=0)
    skin: float = Field(1.0, ge=0, description="of the neighbour list, angstrom")


def md_settings(**values: Any) -> MDSettings:
    """Validated settings; ConfigError names what is wrong."""
    try:
        return MDSettings(**values)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']} (got {e['input']!r})" for e in error.errors())
        raise ConfigError(f"{wrong}; known settings: {', '.join(MDSettings.model_fields)}") from None
