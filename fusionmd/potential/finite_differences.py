"""Forces and virials against finite differences of the energy, by a seven-point stencil of sixth order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from fusionmd.graph import concatenate
from fusionmd.potential import passes
from fusionmd.potential.evaluation import Array, largest
from fusionmd.potential.potential import Potential
from fusionmd.structure import Structure

STEP = 1e-3  # angstrom, and strain
# d/dx f(0) = sum c f(s h) / h: five points at h/2 and at h, extrapolated to 0; error h^6 f^(7) / 5040
_HALF = ((0.5, 256 / 180), (1, -40 / 180), (2, 1 / 180))
STENCIL = (*((-step, -weight) for step, weight in _HALF), *_HALF)
MAX_COORDINATES = 24
# Of the stencil at (s^2 x^2 + g^2)^1/2, two states that come as near as 2 g: largest f^(7) is 207 s^7 / g^6.
STENCIL_ERROR = 207 / 5040 * STEP**6
LARGEST_STENCIL_ERROR = 1e-7
SEED = 4


def forces_error(potential: Potential, frames: Sequence[Structure]) -> float:
    """Forces of all states against the stencil, on a sample of coordinates."""
    rng = np.random.default_rng(SEED)
    error = 0.0
    for frame, result in zip(frames, potential.evaluate(frames, states=potential.all_states), strict=True):
        n_coordinates = min(3 * frame.n_atoms, MAX_COORDINATES)
        coordinates = rng.permutation(3 * frame.n_atoms)[:n_coordinates]
        slopes = _slopes(potential, [_displaced(frame, c) for c in coordinates])
        found = result.forces.reshape(potential.n_states, -1)[:, coordinates]
        error = max(error, _largest(potential, slopes.T, -found, result.energies))
    return error


def virials_error(potential: Potential, frames: Sequence[Structure]) -> float:
    """Virials of all states against energies of strained frames (r -> r (1 + strain), symmetric strain)."""
    error = 0.0
    for frame, result in zip(frames, potential.evaluate(frames, states=potential.all_states), strict=True):
        strains = [(a, b) for a in range(3) for b in range(a, 3)]
        slopes = _slopes(potential, [_strained(frame, a, b) for a, b in strains])
        virials = np.array([0.5 * (result.virials[:, a, b] + result.virials[:, b, a]) for a, b in strains])
        error = max(error, _largest(potential, slopes.T, -virials.T, result.energies))
    return error


def _largest(potential: Potential, differences: Array, slopes: Array, energies: Array) -> float:
    """Of the errors of slopes [n_states, ...]; differences: what the stencil says.

    Near an intersection the stencil fails, not the slope: of coupled states only the sum is seen there, which is smooth
    everywhere.
    """
    errors = differences - slopes
    if potential.core.head.is_linear:
        return largest(errors)
    return max(largest(errors.sum(0)), largest(errors[_stencil_errors(slopes, energies) < LARGEST_STENCIL_ERROR]))


def _stencil_errors(slopes: Array, energies: Array) -> Array:
    """What the stencil may be wrong by because another state is near [n_states]; slopes [n_states, ...]."""
    flat = slopes.reshape(len(slopes), -1)
    bends = np.abs(flat[:, None] - flat[None]).max(-1) / 2
    halves = np.maximum(np.abs(energies[:, None] - energies) / 2, np.finfo(np.float64).tiny ** 0.125)
    return np.asarray((STENCIL_ERROR * bends**7 / halves**6).max(1))


def _slopes(potential: Potential, paths: Sequence[Callable[[float], Structure]]) -> Array:
    """Derivatives of the energies along each path at 0 [n_paths, n_states]."""
    points = [path(step * STEP) for path in paths for step, _ in STENCIL]
    graph = concatenate([potential.graph(point) for point in points])
    with torch.no_grad():
        inputs = passes.inputs(graph, potential.device)
        contributions = potential.core.contributions(*inputs, graph.n_nodes).mean(0)
        totals = potential.core.totals(contributions, graph.structure_index, graph.n_structures)
        energies = potential.core.state_energies(totals)[0].numpy()
    coefficients = np.array([weight for _, weight in STENCIL]) / STEP
    return np.einsum("psk,s->pk", energies.reshape(len(paths), len(STENCIL), -1), coefficients)


def _displaced(frame: Structure, coordinate: int) -> Callable[[float], Structure]:
    unit = np.zeros(3 * frame.n_atoms)
    unit[coordinate] = 1.0
    return lambda step: frame.with_positions(frame.positions + step * unit.reshape(-1, 3))


def _strained(frame: Structure, a: int, b: int) -> Callable[[float], Structure]:
    strain = np.zeros((3, 3))
    strain[a, b] += 0.5
    strain[b, a] += 0.5
    return lambda step: frame.strained(step * strain)
