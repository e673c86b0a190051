"""Whether a level of theory passes: the criteria of a protocol, each passed or failed. eV, angstrom, degrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fusionmd.workflows.label_landmarks import Row, best
from fusionmd.workflows.label_landmarks_settings import Criterion, LandmarkProtocol


@dataclass(frozen=True)
class Judgement:
    """One criterion. values: One, or the least and the largest; empty where a landmark is missing.

    wanted: In words.  used: The landmarks that it was judged by.  source: Of the wanted value.
    """

    name: str
    values: tuple[float, ...]
    wanted: str
    used: tuple[str, ...]
    source: str
    passed: bool


def judge(protocol: LandmarkProtocol, rows: Mapping[str, Row]) -> list[Judgement]:
    """All criteria; one whose landmark is not usable is failed."""
    return [_judged(one, protocol, dict(rows)) for one in protocol.criteria]


def _judged(one: Criterion, protocol: LandmarkProtocol, rows: dict[str, Row]) -> Judgement:
    found = [best(rows, protocol.groups, name) for name in one.landmarks]
    used = [row for row in found if row is not None]
    values = _values(one, used) if len(used) == len(found) else ()
    passed = bool(values) and all(_is_inside(one, value) for value in values)
    return Judgement(one.name, tuple(values), _wanted(one), tuple(row.name for row in used), one.source, passed)


def _values(one: Criterion, used: Sequence[Row]) -> tuple[float, ...]:
    if one.coordinate is not None:
        return tuple(dict.fromkeys(used[0].coordinates[one.coordinate]))
    assert one.energy is not None and one.above is not None
    return (float(used[0].energies_eV[one.energy[1]] - used[1].energies_eV[one.above[1]]),)


def _is_inside(one: Criterion, value: float) -> bool:
    return (
        (one.value is None or one.within is None or abs(value - one.value) <= one.within)
        and (one.at_least is None or value >= one.at_least)
        and (one.at_most is None or value <= one.at_most)
    )


def _wanted(one: Criterion) -> str:
    near = "" if one.value is None else f"{one.value:g} +- {one.within:g}"
    low = "" if one.at_least is None else f"at least {one.at_least:g}"
    high = "" if one.at_most is None else f"at most {one.at_most:g}"
    return ", ".join(part for part in (near, low, high) if part)
