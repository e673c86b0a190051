"""Labels far from those of the other frames: energies, forces, and forces that do not add up to zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusionmd.data.finding import Finding, where
from fusionmd.data.frame import Frame
from fusionmd.data.references import compositions, elements_of

OUTLIER = 12.0  # robust standard deviations
MAX_FORCE = 50.0  # eV/angstrom
NET_FORCE = 0.01  # eV/angstrom per atom


def outlier_findings(frames: Sequence[Frame]) -> list[Finding]:
    """Findings on sizes of energies and forces."""
    return [*_energies(frames), *_forces(frames), *_net_forces(frames)]


def _energies(frames: Sequence[Frame]) -> list[Finding]:
    """Energies per atom, after a fit of the compositions, far from the others of their config_type."""
    known = [i for i, frame in enumerate(frames) if frame.energy is not None and not frame.is_isolated_atom]
    if len(known) < 10:
        return []
    chosen = [frames[index] for index in known]
    counts = compositions(chosen, elements_of(chosen))
    energies = np.array([frame.ground_energy for frame in chosen], dtype=np.float64)
    solution = np.linalg.lstsq(counts, energies - np.median(energies / counts.sum(1)) * counts.sum(1), rcond=None)[0]
    rest = (energies / counts.sum(1)) - np.median(energies / counts.sum(1)) - counts @ solution / counts.sum(1)
    deviation = np.abs(rest - np.median(rest))
    spread = max(1.4826 * float(np.median(deviation)), 1e-4)
    far = [known[index] for index in np.flatnonzero(deviation > OUTLIER * spread)]
    message = f"{len(far)} energies per atom lie more than {OUTLIER:.0f} robust deviations ({spread:.2g} eV) off"
    return [Finding("warning", "outlier", message, far)] if far else []


def _forces(frames: Sequence[Frame]) -> list[Finding]:
    large = where(frames, lambda frame: frame.forces is not None and float(np.abs(frame.forces).max()) > MAX_FORCE)
    message = f"forces above {MAX_FORCE:.0f} eV/angstrom in {len(large)} frames; another unit, or a failed calculation?"
    return [Finding("warning", "outlier", message, large)] if large else []


def _net_forces(frames: Sequence[Frame]) -> list[Finding]:
    def net(frame: Frame) -> float:
        if frame.forces is None or frame.n_atoms == 1:
            return 0.0
        return float(np.linalg.norm(frame.forces.sum(axis=-2), axis=-1).max()) / frame.n_atoms

    moved = where(frames, lambda frame: net(frame) > NET_FORCE)
    if not moved:
        return []
    worst = max(net(frames[index]) for index in moved)
    message = f"{len(moved)} frames have a net force above {NET_FORCE} eV/angstrom per atom (worst {worst:.3g})"
    return [Finding("warning", "net force", message, moved)]
