"""A finding of the audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

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
