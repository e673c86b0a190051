"""The rows of the table of `fusionmd verify`: an error and what it may be, or a reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One comparison.

    name: What was compared, unit included.  max_error: Largest deviation; None where nothing was compared.
    tolerance: Its bound.  reason: Why nothing was compared, or where the largest deviation is.
    is_required: Whether it fails where nothing was compared.
    """

    name: str
    max_error: float | None
    tolerance: float
    reason: str = ""
    is_required: bool = True

    @property
    def is_skipped(self) -> bool:
        """Whether it says nothing, neither good nor bad."""
        return self.max_error is None and not self.is_required

    @property
    def passed(self) -> bool:
        """Whether it was compared and holds; NaN does not."""
        return self.max_error is not None and math.isfinite(self.max_error) and self.max_error <= self.tolerance

    @property
    def result(self) -> str:
        """'yes', 'NO', or 'skipped', with the reason."""
        if self.is_skipped:
            return f"skipped: {self.reason}"
        if self.passed:
            return "yes"
        return f"NO: {self.reason}" if self.reason else "NO"


@dataclass(frozen=True)
class Verification:
    """All rows of a potential."""

    rows: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        """Whether everything that was compared agrees, and nothing that was required is absent."""
        return all(row.passed or row.is_skipped for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """What `--json` writes; `checks` holds what was compared or failed, `skipped` the rest with its reasons."""
        return {
            "checks": [_check(row) for row in self.rows if not row.is_skipped],
            "skipped": [{"name": row.name, "reason": row.reason} for row in self.rows if row.is_skipped],
            "passed": self.passed,
        }


def _check(row: Row) -> dict[str, Any]:
    """One check; an error that is no number is null, for JSON knows no infinity."""
    is_number = row.max_error is not None and math.isfinite(row.max_error)
    found = {"name": row.name, "max_error": row.max_error if is_number else None, "tolerance": row.tolerance}
    return found | {"passed": row.passed} | ({} if row.passed or not row.reason else {"reason": row.reason})
