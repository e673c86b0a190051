"""Exact quantum dynamics of two diabatic states on a grid of one or two dimensions: the truth that drivers answer to.

psi(t+dt) = exp(-i W dt/2) F^-1 exp(-i sum k^2/(2 m) dt) F exp(-i W dt/2) psi(t); Feit, Fleck, Steiger, J. Comput. Phys.
47, 412 (1982). The norm is kept to rounding; the error of a step is of order dt^3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from fusionmd.errors import PropagationError
from fusionmd.namd.hermitian import eigenstates, product, propagator, transposed
from fusionmd.namd.model_systems import DiabaticModel
from fusionmd.namd.protocol import Array, ComplexArray

MAX_DENSITY_AT_EDGE = 1e-6


@dataclass(frozen=True, eq=False)
class Grid:
    """Regular periodic grid: per dimension the lowest point, the highest (left out) and the number of points."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    n_points: tuple[int, ...]

    @property
    def spacing(self) -> Array:
        """Per dimension [n_dims], bohr."""
        return (np.array(self.high) - np.array(self.low)) / np.array(self.n_points)

    @property
    def volume_element(self) -> float:
        """Product of the spacings."""
        return float(np.prod(self.spacing))

    @property
    def points(self) -> Array:
        """[n_points, n_dims], the last dimension fastest, bohr."""
        axes = [low + step * np.arange(n) for low, step, n in zip(self.low, self.spacing, self.n_points, strict=True)]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))

    @property
    def wave_numbers(self) -> Array:
        """[n_points, n_dims], in the order of the discrete Fourier transform, 1/bohr."""
        axes = [2 * np.pi * np.fft.fftfreq(n, step) for n, step in zip(self.n_points, self.spacing, strict=True)]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))

    @property
    def is_edge(self) -> Array:
        """Which points lie within 1 % of the box of its edges [n_points]."""
        low, high = np.array(self.low), np.array(self.high)
        margin = 0.01 * (high - low)
        return np.asarray(((self.points < low + margin) | (self.points > high - margin)).any(axis=1))


@dataclass(frozen=True, eq=False)
class Wave:
    """A wave packet: diabatic amplitudes [n_states, n_points] on a grid, of norm sum |psi|^2 volume_element = 1."""

    model: DiabaticModel
    grid: Grid
    amplitudes: ComplexArray
    time: float = 0.0

    @property
    def norm(self) -> float:
        """1 up to rounding."""
        return float((np.abs(self.amplitudes) ** 2).sum() * self.grid.volume_element)

    def adiabatic_densities(self) -> Array:
        """|psi|^2 times the volume element per adiabatic state and point [n_states, n_points]."""
        _, vectors = eigenstates(self.model.matrix(self.grid.points))
        adiabatic = product(transposed(vectors), self.amplitudes.T)
        return np.abs(adiabatic.T) ** 2 * self.grid.volume_element

    def adiabatic_populations(self) -> Array:
        """[n_states]."""
        return self.adiabatic_densities().sum(axis=1)

    def diabatic_populations(self) -> Array:
        """[n_states]."""
        return (np.abs(self.amplitudes) ** 2).sum(axis=1) * self.grid.volume_element

    def energy(self) -> float:
        """<H>, Hartree."""
        shape = (-1, *self.grid.n_points)
        axes = tuple(range(1, len(shape)))
        waves = np.fft.fftn(self.amplitudes.reshape(shape), axes=axes).reshape(self.amplitudes.shape)
        kinetic = (self.grid.wave_numbers**2 / (2 * self.model.masses)).sum(axis=1)
        share = (np.abs(waves) ** 2).sum(axis=0) / (np.abs(waves) ** 2).sum()
        applied = product(self.model.matrix(self.grid.points), self.amplitudes.T)
        potential = (self.amplitudes.T.conj() * applied).sum().real * self.grid.volume_element
        return float((share * kinetic).sum() + potential)


def gaussian(
    model: DiabaticModel,
    grid: Grid,
    *,
    centre: ArrayLike,
    width: ArrayLike,
    wave_number: ArrayLike,
    state: int,
    is_adiabatic: bool = False,
) -> Wave:
    """prod_m exp(i k_m x_m - ((x_m - x0_m)/s_m)^2), normalised, on one diabatic or adiabatic state; s in bohr."""
    points = grid.points
    exponent = 1j * points * np.array(wave_number) - ((points - np.array(centre)) / np.array(width)) ** 2
    packet = np.exp(exponent.sum(axis=1))
    packet /= np.sqrt((np.abs(packet) ** 2).sum() * grid.volume_element)
    if is_adiabatic:
        _, vectors = eigenstates(model.matrix(points))
        return Wave(model, grid, (vectors[:, :, state] * packet[:, None]).T)
    amplitudes = np.zeros((model.n_states, len(points)), dtype=np.complex128)
    amplitudes[state] = packet
    return Wave(model, grid, amplitudes)


def propagate(wave: Wave, *, time_step: float, n_steps: int) -> Wave:
    """The packet n_steps later; PropagationError if it reaches the edge of the grid."""
    grid, model = wave.grid, wave.model
    half = np.moveaxis(propagator(model.matrix(grid.points), time_step / 2), 0, -1)
    whole = np.moveaxis(propagator(model.matrix(grid.points), time_step), 0, -1)
    kinetic = (grid.wave_numbers**2 / (2 * model.masses)).sum(axis=1)
    drift = np.exp(-1j * kinetic * time_step).reshape(grid.n_points)
    psi = _applied(half, wave.amplitudes)
    for step in range(n_steps):
        psi = _drifted(psi, drift)
        psi = _applied(half if step == n_steps - 1 else whole, psi)
    result = replace(wave, amplitudes=psi if n_steps else wave.amplitudes, time=wave.time + n_steps * time_step)
    _check_edge(result)
    return result


def _applied(matrices: ComplexArray, psi: ComplexArray) -> ComplexArray:
    """[a, b, n] times [b, n]."""
    states = range(len(psi))
    return np.stack([sum((matrices[a, b] * psi[b] for b in states), start=np.zeros_like(psi[0])) for a in states])


def _drifted(psi: ComplexArray, drift: ComplexArray) -> ComplexArray:
    axes = tuple(range(1, drift.ndim + 1))
    waves = np.fft.fftn(psi.reshape(-1, *drift.shape), axes=axes)
    return np.asarray(np.fft.ifftn(waves * drift, axes=axes).reshape(psi.shape))


def _check_edge(wave: Wave) -> None:
    density = float((np.abs(wave.amplitudes[:, wave.grid.is_edge]) ** 2).sum() * wave.grid.volume_element)
    if not density < MAX_DENSITY_AT_EDGE:
        raise PropagationError(
            f"the packet reached the edge of the grid ({density:.1e} of it at time {wave.time:g}, allowed "
            f"{MAX_DENSITY_AT_EDGE:.0e}); take a larger grid or a shorter time"
        )
