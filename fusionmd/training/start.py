"""Where a run starts: from nothing, from a checkpoint, or from the weights of a potential."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Start:
    """What is fixed before the data are looked at; None: decided by the data.

    elements: Atomic numbers.  e0: eV by atomic number.  statistics: As `build_model` takes them.
    model: The section `model` of the configuration.  weights: By name; shapes may be those of fewer elements.
    """

    elements: tuple[int, ...] | None = None
    e0: Mapping[int, float] | None = None
    statistics: Mapping[str, Any] | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Tensor] | None = None


def start_from(*, potential: str | Path | None = None, checkpoint: Mapping[str, Any] | None = None) -> Start:
    """The start of a run; a checkpoint goes before a potential (which it has started from)."""
    if checkpoint:
        e0 = {int(number): float(energy) for number, energy in checkpoint["e0"].items()}
        return Start(tuple(checkpoint["elements"]), e0, checkpoint["statistics"], checkpoint["model"])
    return Start()
