"""Settings of `fusionmd label landmarks`: which points of a molecule to find, what to measure, what to demand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from fusionmd.elements import atomic_number
from fusionmd.errors import ConfigError, FusionMDError
from fusionmd.namd.descent import N_ATOMS, Hold
from fusionmd.workflows.yaml_settings import read_settings

SHIPPED = Path(__file__).with_name("landmark_protocols")
Pair = tuple[int, int]
Kind = Literal["distance", "angle", "dihedral"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Internal(_Strict):
    """One internal coordinate, by atoms from 0."""

    distance: tuple[int, ...] | None = None
    angle: tuple[int, ...] | None = None
    dihedral: tuple[int, ...] | None = None

    @property
    def kind(self) -> Kind:
        """Which of them it is."""
        return "distance" if self.distance else "angle" if self.angle else "dihedral"

    @property
    def atoms(self) -> tuple[int, ...]:
        """Of the coordinate."""
        return self.distance or self.angle or self.dihedral or ()

    @model_validator(mode="after")
    def _one(self) -> Internal:
        given = [kind for kind in N_ATOMS if getattr(self, kind) is not None]
        if len(given) != 1 or len(set(self.atoms)) != N_ATOMS[given[0]] or len(self.atoms) != N_ATOMS[given[0]]:
            raise ValueError("give one of distance: [i, j], angle: [i, j, k], dihedral: [i, j, k, l], different atoms")
        return self


class Change(Internal):
    """A coordinate that is set, angstrom or degrees; moves: the atoms that go along, without: those beyond the bond."""

    to: float
    moves: tuple[int, ...] = ()


class Held(Internal):
    """A coordinate that stays; at: the wanted value, without: as it starts."""

    at: float | None = None

    def hold(self) -> Hold:
        """For a descent."""
        return Hold(self.kind, self.atoms, self.at)


class Start(_Strict):
    """From a geometry of the file, or from another landmark, with changes."""

    geometry: str | None = None
    landmark: str | None = None
    changes: tuple[Change, ...] = ()

    @model_validator(mode="after")
    def _one(self) -> Start:
        if (self.geometry is None) == (self.landmark is None):
            raise ValueError("start from a geometry or from a landmark")
        return self


class Entry(_Strict):
    """One landmark.

    may_bond: Pairs that may be bonded or not; all others must be as in the first geometry.  expect: Ranges of measured
    coordinates, outside of which it is another landmark.
    """

    name: str
    kind: Literal["minimum", "crossing", "constrained"]
    states: tuple[int, ...]
    start: Start
    hold: tuple[Held, ...] = ()
    is_checked: bool = Field(False, alias="check")
    may_bond: tuple[Pair, ...] = ()
    expect: dict[str, tuple[float, float]] = {}

    @model_validator(mode="after")
    def _fits(self) -> Entry:
        if len(set(self.states)) != (2 if self.kind == "crossing" else 1) or min(self.states) < 0:
            raise ValueError("a crossing has two different states, a minimum one")
        if bool(self.hold) != (self.kind == "constrained"):
            raise ValueError("what is constrained has `hold`, and nothing else has")
        if self.is_checked and self.kind != "minimum":
            raise ValueError("only a minimum is checked")
        return self


class Measured(_Strict):
    """What the table shows; distances: of many pairs, the least and the largest; pyramidalisation: [i, j, k, l], the
    bond i-j against the plane of i, k, l.
    """

    distance: Pair | None = None
    angle: tuple[int, int, int] | None = None
    dihedral: tuple[int, int, int, int] | None = None
    pyramidalisation: tuple[int, int, int, int] | None = None
    distances: tuple[Pair, ...] | None = None

    @property
    def kind(self) -> str:
        """Which of them it is."""
        return next(iter(self.model_dump(exclude_none=True)))

    @property
    def atoms(self) -> set[int]:
        """All that it needs."""
        value = getattr(self, self.kind)
        return {atom for pair in value for atom in pair} if self.kind == "distances" else set(value)

    @model_validator(mode="after")
    def _one(self) -> Measured:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError(f"give one of {', '.join(type(self).model_fields)}")
        return self


class Way(_Strict):
    """Straight lines in internal coordinates through landmarks, or the best of groups."""

    name: str
    through: Annotated[tuple[str, ...], Field(min_length=2)]
    points: int = Field(10, ge=1)


class Criterion(_Strict):
    """What must be, for a level of theory to pass.

    Either energy: [landmark, state], less that of above: [landmark, state], eV; or coordinate, measured at `at`.
    Bounds: value and within, or at_least, or at_most.  source: Of the value.
    """

    name: str
    energy: tuple[str, int] | None = None
    above: tuple[str, int] | None = None
    coordinate: str | None = None
    at: str | None = None
    value: float | None = None
    within: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    source: str = ""

    @property
    def landmarks(self) -> tuple[str, ...]:
        """The landmarks, or groups, it is about."""
        return tuple(one for one in ((self.energy or (None,))[0], (self.above or (None,))[0], self.at) if one)

    @model_validator(mode="after")
    def _whole(self) -> Criterion:
        is_energy = self.energy is not None and self.above is not None
        is_length = self.coordinate is not None and self.at is not None
        if is_energy == is_length:
            raise ValueError("give energy and above, or coordinate and at")
        if (self.value is None) != (self.within is None):
            raise ValueError("value and within go together")
        if self.value is None and self.at_least is None and self.at_most is None:
            raise ValueError("give value and within, at_least or at_most")
        return self


def _geometry(text: str) -> str:
    """Lines of `symbol x y z`, angstrom."""
    for line in text.strip().splitlines():
        words = line.split()
        try:
            atomic_number(words[0])
            ok = len([float(word) for word in words[1:]]) == 3
        except (FusionMDError, ValueError, IndexError):
            ok = False
        if not ok:
            raise ValueError(f"the line {line!r} is no atom; write a symbol and three coordinates, angstrom")
    return text


class LandmarkProtocol(_Strict):
    """Landmarks of a molecule.

    geometries: Lines of `symbol x y z`; the first one has the bonds that are expected.  reference: The landmark from
    whose lowest state energies are counted.  groups: Of landmarks, the lowest usable of which stands for all.
    """

    title: str
    charge: int = 0
    states: int = Field(3, ge=2)
    force_eV_per_angstrom: float = Field(0.01, gt=0)
    gap_eV: float = Field(0.005, gt=0)
    max_evaluations: int = Field(300, ge=1)
    geometries: Annotated[dict[str, Annotated[str, AfterValidator(_geometry)]], Field(min_length=1)]
    landmarks: Annotated[tuple[Entry, ...], Field(min_length=1)]
    reference: str
    groups: dict[str, tuple[str, ...]] = {}
    coordinates: dict[str, Measured] = {}
    paths: tuple[Way, ...] = ()
    criteria: tuple[Criterion, ...] = ()

    @property
    def symbols(self) -> list[str]:
        """Of the atoms."""
        return [line.split()[0] for line in next(iter(self.geometries.values())).strip().splitlines()]

    @model_validator(mode="after")
    def _consistent(self) -> LandmarkProtocol:
        names = [entry.name for entry in self.landmarks]
        if len({*names, *self.groups}) < len(names) + len(self.groups):
            raise ValueError("two landmarks or groups have one name")
        for text in self.geometries.values():
            if [line.split()[0] for line in text.strip().splitlines()] != self.symbols:
                raise ValueError("the geometries are not of the same atoms in the same order")
        for index, entry in enumerate(self.landmarks):
            self._check_entry(entry, set(names[:index]))
        _known({self.reference}, set(names), "reference")
        for name, members in self.groups.items():
            _known(set(members), set(names), f"group {name}")
        _known({name for way in self.paths for name in way.through}, {*names, *self.groups}, "paths")
        _known({name for one in self.criteria for name in one.landmarks}, {*names, *self.groups}, "criteria")
        _known({one.coordinate for one in self.criteria if one.coordinate}, set(self.coordinates), "criteria")
        self._check_atoms({atom for one in self.coordinates.values() for atom in one.atoms})
        if any(pair[1] >= self.states for one in self.criteria for pair in (one.energy, one.above) if pair):
            raise ValueError(f"a criterion is about a state that is not among 0..{self.states - 1}")
        return self

    def _check_entry(self, entry: Entry, before: set[str]) -> None:
        if max(entry.states) >= self.states:
            raise ValueError(f"landmark {entry.name} has states {entry.states}; there are 0..{self.states - 1}")
        if entry.start.landmark:
            _known({entry.start.landmark}, before, f"the start of {entry.name} (landmarks before it)")
        if entry.start.geometry:
            _known({entry.start.geometry}, set(self.geometries), f"the start of {entry.name} (geometries)")
        _known(set(entry.expect), set(self.coordinates), f"what {entry.name} expects")
        given = [*entry.hold, *entry.start.changes]
        moved = {atom for change in entry.start.changes for atom in change.moves}
        self._check_atoms(
            {atom for one in given for atom in one.atoms} | moved | {a for p in entry.may_bond for a in p}
        )

    def _check_atoms(self, atoms: set[int]) -> None:
        if atoms and not 0 <= min(atoms) <= max(atoms) < len(self.symbols):
            raise ValueError(f"atom {max(atoms)} was named; there are 0..{len(self.symbols) - 1}")


def read_protocol(name: str | Path) -> LandmarkProtocol:
    """From a file, or shipped under a name; ConfigError says what is wrong."""
    path = Path(name)
    if not path.exists():
        path = SHIPPED / f"{name}.yaml"
    if not path.exists():
        shipped = ", ".join(sorted(one.stem for one in SHIPPED.glob("*.yaml")))
        raise ConfigError(f"there is no protocol {str(name)!r}; give a YAML file, or one that is shipped: {shipped}")
    return read_settings(path, LandmarkProtocol)


def _known(names: set[str], known: set[str], where: str) -> None:
    if unknown := sorted(names - known):
        raise ValueError(f"{where}: {', '.join(unknown)} is not there; there are {', '.join(sorted(known)) or 'none'}")
