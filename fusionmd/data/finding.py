"""A finding of the audit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from fusionmd.data.frame import Frame

Level = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Finding:
    """level: How bad.  check: Which check.  message: What was found and what to do.  frames: Where, from 0."""

    level: Level
    check: str
    message: str
    frames: Sequence[int] = ()

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.frames[:8])) + (", ..." if len(self.frames) > 8 else "")
        return f"{self.level}: {self.message}" + (f" (frames {shown})" if self.frames else "")


def where(frames: Sequence[Frame], condition: Callable[[Frame], bool]) -> list[int]:
    """Indices of the frames that fulfil a condition."""
    return [index for index, frame in enumerate(frames) if condition(frame)]
