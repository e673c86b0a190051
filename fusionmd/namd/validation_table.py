"""What a validation says: checks, one a row with its error bar, and the curves behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

SEED = 2024


@dataclass(frozen=True)
class Check:
    """One comparison: passed if |value - expected| <= allowed. standard_error: Statistical, of the value.

    allowed: None where a method is known to differ: the row is shown, and judges nothing.
    """

    case: str
    method: str
    quantity: str
    value: float
    standard_error: float
    expected: float
    allowed: float | None

    @property
    def passed(self) -> bool:
        """Whether the value is within what is allowed."""
        return self.allowed is None or abs(self.value - self.expected) <= self.allowed


@dataclass(frozen=True)
class Curve:
    """Points of one label in one figure; curves of the same figure and label are joined.

    errors: Standard errors, or empty where there is none: a line rather than points.
    """

    figure: str
    x_label: str
    y_label: str
    label: str
    x: Sequence[float]
    y: Sequence[float]
    errors: Sequence[float] = ()


@dataclass(frozen=True)
class Outcome:
    """What one case found."""

    checks: list[Check]
    curves: list[Curve] = field(default_factory=list)


Case = Callable[[], Outcome]
