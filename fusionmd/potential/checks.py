"""What an export checks before a file is written: each check is a number, a tolerance and a name.

Derivatives and symmetries are checked on a float64 copy without reference energies, so that a defect is told from
rounding; the gap between that copy and the shipped precision is a check of its own.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from fusionmd.errors import PotentialFormatError
from fusionmd.potential import passes
from fusionmd.potential.blocks import compact_blocks
from fusionmd.potential.evaluation import Array, largest
from fusionmd.potential.finite_differences import forces_error, virials_error
from fusionmd.potential.frames import chain_frame
from fusionmd.potential.potential import Potential
from fusionmd.structure import Structure

SEED = 4
# Relative to the largest force (at least 1 eV/angstrom) or energy (at least 1 eV) of the frames.
SCRIPTED_TOLERANCE = {"float64": 1e-10, "float32": 2e-4}
DIFFERENCES_TOLERANCE = 1e-6
EQUIVARIANCE_TOLERANCE = 1e-9
BLOCKS_TOLERANCE = 1e-10
NOISE = 1e-12
GAP_TOLERANCE = {"float64": 0.0, "float32": 1e-2}


@dataclass(frozen=True)
class Check:
    """One comparison: `error` must not exceed `tolerance` (unit in the name)."""

    name: str
    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether it holds; NaN does not."""
        return self.error <= self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; errors and tolerances as powers of ten (see `rounded`)."""
        return {
            **asdict(self),
            "error": rounded(self.error),
            "tolerance": rounded(self.tolerance),
            "passed": self.passed,
        }


def export_checks(scripted: Potential, eager: Potential, frames: Sequence[Structure]) -> list[Check]:
    """All checks of a potential whose scripted and eager cores are given."""
    exact = double_precision(eager)
    scale = max([1.0, *(float(np.abs(e.forces).max()) for e in exact.evaluate(frames))])
    energy_gap, force_gap = gaps(scripted, eager, frames)
    tolerance, slopes_tolerance = GAP_TOLERANCE[scripted.metadata.dtype] * scale, DIFFERENCES_TOLERANCE * scale
    return [
        Check(
            "scripted against eager, eV/angstrom",
            max(deviations(scripted, eager, frames)),
            SCRIPTED_TOLERANCE[scripted.metadata.dtype] * scale,
        ),
        Check("forces against finite differences, eV/angstrom", forces_error(exact, frames), slopes_tolerance),
        Check("virial against finite strain, eV", virials_error(exact, frames), slopes_tolerance),
        Check("equivariance, eV/angstrom", equivariance_error(exact, frames), EQUIVARIANCE_TOLERANCE * scale),
        Check("one block against several, eV/angstrom", blocks_error(exact), BLOCKS_TOLERANCE * scale),
        Check("calls with nothing owned that fail", empty_failures(eager), 0.0),
        Check("energy in its precision against float64, eV/atom", energy_gap, tolerance),
        Check("forces in their precision against float64, eV/angstrom", force_gap, tolerance),
    ]


def rounded(error: float) -> float:
    """The next power of ten at or above `error`: the last digits differ from run to run, and files should not."""
    if not math.isfinite(error):
        return math.inf
    return float(f"1e{math.ceil(math.log10(max(error, NOISE)))}") if error else 0.0


def demand(checks: Sequence[Check]) -> None:
    """Raise PotentialFormatError naming what failed."""
    failed = [
        f"{check.name}: {check.error:.3g} (allowed {check.tolerance:.3g})" for check in checks if not check.passed
    ]
    if failed:
        raise PotentialFormatError(
            f"the export was refused, nothing was written: {'; '.join(failed)}; the model is at fault"
        )


def double_precision(potential: Potential) -> Potential:
    """The same potential in float64, reference energies zero."""
    core = copy.deepcopy(potential.core).double()
    core.atomic_energies.zero_()
    return Potential(core, potential.metadata, b"")


def gaps(potential: Potential, eager: Potential, frames: Sequence[Structure]) -> tuple[float, float]:
    """Largest deviations from float64: energy, eV/atom; forces, eV/angstrom. 0 for a float64 potential."""
    if potential.metadata.dtype == "float64":
        return 0.0, 0.0
    return deviations(potential, Potential(copy.deepcopy(eager.core).double(), eager.metadata, b""), frames)


def deviations(one: Potential, other: Potential, frames: Sequence[Structure]) -> tuple[float, float]:
    """Largest differences over all states: energy, eV/atom; forces, eV/angstrom."""
    ours, theirs = (potential.evaluate(frames, states=potential.all_states) for potential in (one, other))
    pairs = list(zip(ours, theirs, strict=True))
    energy = max(largest(a.energies - b.energies) / a.forces.shape[1] for a, b in pairs)
    return energy, max(largest(a.forces - b.forces) for a, b in pairs)


def equivariance_error(potential: Potential, frames: Sequence[Structure]) -> float:
    """Rotated, reflected and renumbered frames: the same energies, forces that turn along."""
    rng = np.random.default_rng(SEED)
    turns = [_rotation(rng), -_rotation(rng)]
    orders = [rng.permutation(frame.n_atoms) for frame in frames]
    error = 0.0
    states = potential.all_states
    plain = potential.evaluate(frames, states=states)
    for turn in turns:
        moved = [
            Structure(frame.numbers[order], frame.positions[order] @ turn.T, frame.cell @ turn.T, frame.pbc)
            for frame, order in zip(frames, orders, strict=True)
        ]
        for before, after, order in zip(plain, potential.evaluate(moved, states=states), orders, strict=True):
            error = max(error, largest(after.energies - before.energies))
            error = max(error, largest(after.forces - before.forces[:, order] @ turn.T))
    return error


def blocks_error(potential: Potential) -> float:
    """A chain longer than the interaction range, whole against one block per two atoms: tries n_hops and context."""
    frame = chain_frame(potential.elements, potential.cutoff, potential.metadata.n_hops)
    graph = potential.graph(frame)
    states = torch.arange(potential.n_states)[:, None]
    blocks = compact_blocks(frame, graph, potential.metadata.n_hops, frame.n_atoms // 2)
    parts, whole = passes.in_blocks(potential.core, graph, blocks, states), passes.whole(potential.core, graph, states)
    return max(largest((a - b).numpy()) for a, b in zip(parts, whole, strict=True))


def empty_failures(potential: Potential) -> float:
    """How many of two calls fail: a rank that owns nothing but sees context, and one that has no nodes."""
    graph = potential.graph(chain_frame(potential.elements, potential.cutoff, 1))
    with_context = passes.inputs(graph, potential.device)
    return float(sum(_fails_without_owned(potential, case) for case in (with_context, [t[:0] for t in with_context])))


def _fails_without_owned(potential: Potential, inputs: Sequence[torch.Tensor]) -> bool:
    edge_vectors, senders, receivers, slots, species = inputs
    try:
        values = potential.core.contributions(edge_vectors, senders, receivers, slots, species, 0)
    except (RuntimeError, IndexError):
        return True
    return tuple(values.shape) != (potential.metadata.n_members, 0, potential.metadata.n_outputs)


def _rotation(rng: np.random.Generator) -> Array:
    """A proper rotation [3, 3]."""
    matrix, triangle = np.linalg.qr(rng.normal(size=(3, 3)))
    matrix = matrix * np.sign(np.diag(triangle))
    return matrix * np.sign(np.linalg.det(matrix))
