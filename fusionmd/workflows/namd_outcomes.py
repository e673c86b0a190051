"""Outcomes of hopping trajectories: classes by ranges of internal coordinates, from a YAML file.

settle_fs: 200                                             # on the ground state for so long, or unfinished
coordinates: {torsion: {dihedral: [0, 1, 2, 3]}}           # measured at hops
classes:
  cis: [{dihedral: [0, 1, 2, 3], between: [0, 90]}]        # all ranges must hold; the first class that fits counts
  trans: [{dihedral: [0, 1, 2, 3], between: [90, 180]}]
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from fusionmd.errors import ConfigError
from fusionmd.namd import geometry
from fusionmd.namd.protocol import Array, BoolArray, IntArray
from fusionmd.workflows.yaml_settings import read_settings

OTHER, UNFINISHED = "other", "unfinished"
RESERVED = (OTHER, UNFINISHED, "none")


Pair = tuple[int, int]
KINDS = ("distance", "angle", "dihedral", "pyramidalisation", "least_distance", "alternation", "coordinate")


class Coordinate(BaseModel):
    """One of these; atoms are numbered from 0.

    pyramidalisation: Neighbour, centre, the two other neighbours: angle of that bond to their plane.
    least_distance: The smallest of several.  alternation: Mean length of the other bonds, less that of the first.
    coordinate: Number of a coordinate of an analytic model (angstrom).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    distance: Pair | None = None
    angle: tuple[int, int, int] | None = None
    dihedral: tuple[int, int, int, int] | None = None
    pyramidalisation: tuple[int, int, int, int] | None = None
    least_distance: list[Pair] | None = Field(None, min_length=1)
    alternation: list[Pair] | None = Field(None, min_length=2)
    coordinate: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _one(self) -> Coordinate:
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise ValueError(f"give exactly one of {', '.join(KINDS)}")
        return self

    @property
    def unit(self) -> str:
        """Of its values."""
        is_angle = self.angle or self.dihedral or self.pyramidalisation
        return "degrees" if is_angle else "angstrom"

    def values(self, positions: Array) -> Array:
        """Of positions [..., n_dof], angstrom; angles in degrees."""
        if self.coordinate is not None:
            self._check(self.coordinate, positions.shape[-1], "coordinate")
            return np.asarray(positions[..., self.coordinate])
        kind = next(each for each in KINDS if getattr(self, each) is not None)
        atoms = getattr(self, kind)
        self._check(int(np.max(atoms)), positions.shape[-1] // 3, "atom")
        points = positions.reshape(*positions.shape[:-1], positions.shape[-1] // 3, 3)
        return np.asarray(getattr(geometry, kind)(points, atoms))

    @staticmethod
    def _check(number: int, n: int, what: str) -> None:
        if number >= n:
            raise ConfigError(f"{what} {number} was asked for; the run has 0..{n - 1}")


class Range(Coordinate):
    """A coordinate and where it must lie."""

    between: tuple[float, float]

    def holds(self, positions: Array) -> BoolArray:
        """Of positions [..., n_dof]."""
        values = self.values(positions)
        return np.asarray((values >= self.between[0]) & (values <= self.between[1]))


class Outcomes(BaseModel):
    """Which outcomes there are; without classes every trajectory that comes to rest is `other`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    settle_fs: float = Field(default=200.0, ge=0)
    classes: dict[str, list[Range]] = {}
    coordinates: dict[str, Coordinate] = {}

    @field_validator("classes")
    @classmethod
    def _plain_names(cls, classes: dict[str, list[Range]]) -> dict[str, list[Range]]:
        """Names become folders."""
        wrong = [name for name in classes if not re.fullmatch(r"[\w+-]+", name) or name in RESERVED]
        if wrong:
            raise ValueError(f"{wrong[0]!r} cannot name a class: give letters, digits, _, + or -, not {RESERVED}")
        return classes

    @property
    def names(self) -> list[str]:
        """Of all classes, `other` last."""
        return [*self.classes, OTHER]

    def classified(self, positions: Array) -> IntArray:
        """Index into `names` of positions [n, n_dof]."""
        result = np.full(len(positions), len(self.classes))
        for index, ranges in reversed(list(enumerate(self.classes.values()))):
            result[np.all([each.holds(positions) for each in ranges], axis=0)] = index
        return result


def read_outcomes(path: Path | None) -> Outcomes:
    """The outcomes in a YAML file; ConfigError names what is wrong."""
    return Outcomes() if path is None else read_settings(path, Outcomes)
