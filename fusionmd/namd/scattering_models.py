"""Models in one dimension: the Landau-Zener line and the three of Tully, J. Chem. Phys. 93, 1061 (1990), Eqs. 21-23."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from fusionmd.namd.protocol import Array


@dataclass(frozen=True)
class TwoStateLine(ABC):
    """Two diabatic states along x; a child gives W11, W22, W12 and their derivatives [3, n]."""

    mass: float = 2000.0

    @property
    def n_states(self) -> int:
        """Two."""
        return 2

    @property
    def masses(self) -> Array:
        """[1], electron masses."""
        return np.array([self.mass])

    @property
    def name(self) -> str:
        """The model with its parameters."""
        return repr(self)

    @abstractmethod
    def elements(self, x: Array) -> Array:
        """W11, W22, W12 at x [n]: [3, n], Hartree."""

    @abstractmethod
    def slopes(self, x: Array) -> Array:
        """Their derivatives [3, n], Hartree/bohr."""

    def matrix(self, positions: Array) -> Array:
        """W [n, 2, 2]."""
        return _symmetric(self.elements(positions[:, 0]))

    def derivative(self, positions: Array) -> Array:
        """dW/dx [n, 2, 2, 1]."""
        return _symmetric(self.slopes(positions[:, 0]))[..., None]


@dataclass(frozen=True)
class LandauZenerLine(TwoStateLine):
    """W11 = -W22 = slope x/2, W12 = coupling; the upper population after a passage at speed v is known.

    P = exp(-2 pi coupling^2/(slope v)), Zener, Proc. R. Soc. Lond. A 137, 696 (1932).
    """

    mass: float = 1e9
    slope: float = 0.02
    coupling: float = 0.004

    def elements(self, x: Array) -> Array:
        """W11, W22, W12."""
        return np.stack([self.slope * x / 2, -self.slope * x / 2, np.full_like(x, self.coupling)])

    def slopes(self, x: Array) -> Array:
        """Constant."""
        half = np.full_like(x, self.slope / 2)
        return np.stack([half, -half, np.zeros_like(x)])

    def diabatic_probability(self, speed: float) -> float:
        """Probability to stay on the diabatic state, that is to change the adiabatic one; speed in atomic units."""
        return float(np.exp(-2 * np.pi * self.coupling**2 / (self.slope * speed)))


@dataclass(frozen=True)
class SimpleAvoidedCrossing(TwoStateLine):
    """Tully I: W11 = sgn(x) A (1 - exp(-B |x|)) = -W22, W12 = C exp(-D x^2)."""

    A: float = 0.01
    B: float = 1.6
    C: float = 0.005
    D: float = 1.0

    def elements(self, x: Array) -> Array:
        """W11, W22, W12."""
        first = np.sign(x) * self.A * (1 - np.exp(-self.B * np.abs(x)))
        return np.stack([first, -first, self.C * np.exp(-self.D * x**2)])

    def slopes(self, x: Array) -> Array:
        """dW11, dW22, dW12."""
        first = self.A * self.B * np.exp(-self.B * np.abs(x))
        return np.stack([first, -first, -2 * self.D * x * self.C * np.exp(-self.D * x**2)])


@dataclass(frozen=True)
class DualAvoidedCrossing(TwoStateLine):
    """Tully II: W11 = 0, W22 = -A exp(-B x^2) + E0, W12 = C exp(-D x^2)."""

    A: float = 0.1
    B: float = 0.28
    C: float = 0.015
    D: float = 0.06
    E0: float = 0.05

    def elements(self, x: Array) -> Array:
        """W11, W22, W12."""
        well = self.E0 - self.A * np.exp(-self.B * x**2)
        return np.stack([np.zeros_like(x), well, self.C * np.exp(-self.D * x**2)])

    def slopes(self, x: Array) -> Array:
        """dW11, dW22, dW12."""
        well = 2 * self.A * self.B * x * np.exp(-self.B * x**2)
        return np.stack([np.zeros_like(x), well, -2 * self.D * x * self.C * np.exp(-self.D * x**2)])


@dataclass(frozen=True)
class ExtendedCoupling(TwoStateLine):
    """Tully III: W11 = A = -W22, W12 = B exp(C x) for x < 0, B (2 - exp(-C x)) beyond."""

    A: float = 6e-4
    B: float = 0.1
    C: float = 0.9

    def elements(self, x: Array) -> Array:
        """W11, W22, W12."""
        decay = self.B * np.exp(-self.C * np.abs(x))
        level = np.full_like(x, self.A)
        return np.stack([level, -level, np.where(x < 0, decay, 2 * self.B - decay)])

    def slopes(self, x: Array) -> Array:
        """dW11, dW22, dW12."""
        zero = np.zeros_like(x)
        return np.stack([zero, zero, self.B * self.C * np.exp(-self.C * np.abs(x))])


def _symmetric(elements: Array) -> Array:
    first, second, mixed = elements
    return np.stack([np.stack([first, mixed], axis=1), np.stack([mixed, second], axis=1)], axis=1)
