"""Are the labels in eV and angstrom, with the signs of this project? What the numbers themselves say about it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusionmd.data.consistency import consistency
from fusionmd.data.finding import Finding
from fusionmd.data.frame import Frame
from fusionmd.data.unit_signs import (
    BOND_STIFFNESS,
    BOND_STIFFNESS_RANGE,
    ENERGY_RATIOS,
    FORCE_RATIOS,
    STRESS_RATIOS,
    hydrogen_bond_stiffness,
    nearest_unit,
    total_energy_unit,
)

MIN_CORRELATION = 0.5
TOLERANCE = 3.0  # far frames obey the trapezoid rule within a factor of two; units differ by more than six


def unit_findings(frames: Sequence[Frame]) -> list[Finding]:
    """Findings on units and signs of energies, forces and stress."""
    return [*_absolute(frames), *_relative(frames)]


def _absolute(frames: Sequence[Frame]) -> list[Finding]:
    """Sizes nature fixes: total energies of atoms, force constants of bonds to hydrogen."""
    found = []
    unit = total_energy_unit(frames)
    if unit not in (None, "eV"):
        message = f"energies are those of all electrons in {unit}, not eV; give units with energy={unit!r}"
        found.append(Finding("error", "units", message))
    stiffness = hydrogen_bond_stiffness(frames)
    low, high = BOND_STIFFNESS_RANGE
    if stiffness is not None and not low < abs(stiffness) < high:
        guess = nearest_unit(stiffness / BOND_STIFFNESS, FORCE_RATIOS)
        found.append(
            Finding(
                "error",
                "units",
                f"bonds to H have a force constant of {stiffness:.3g}, wanted {low:.0f}..{high:.0f} eV/angstrom^2; "
                f"forces look like {guess}: give units that say so",
            )
        )
    if stiffness is not None and stiffness < 0:
        found.append(Finding("error", "sign", "forces push stretched bonds to H apart: gradients instead of forces?"))
    return found


def _relative(frames: Sequence[Frame]) -> list[Finding]:
    """Energies of neighbouring frames against forces and stress."""
    fit = consistency(frames)
    if fit.correlation < MIN_CORRELATION:
        return []
    return [*_forces(fit.forces), *_stress(fit.stress)]


def _forces(factor: float) -> list[Finding]:
    if np.isnan(factor):
        return []
    if not 1.0 / TOLERANCE < abs(factor) < TOLERANCE:
        # E = a * work: energies are larger than the work of the forces by a.
        guesses = {f"{e} with {f}": r / s for e, r in ENERGY_RATIOS.items() for f, s in FORCE_RATIOS.items()}
        guess = nearest_unit(factor, {name: ratio for name, ratio in guesses.items() if "eV" in name})
        message = f"energies change {factor:.3g} times as much as the forces say; units like {guess}? give units"
        return [Finding("error", "units", message)]
    if factor < 0:
        return [
            Finding("error", "sign", "energies rise along the forces: gradients instead of forces? change the sign")
        ]
    return []


def _stress(factor: float) -> list[Finding]:
    if np.isnan(factor):
        return []
    if not 1.0 / TOLERANCE < abs(factor) < TOLERANCE:
        guess = nearest_unit(1.0 / factor, STRESS_RATIOS)
        message = f"energies change {factor:.3g} times as much with strain as stress says; is it in {guess}? give units"
        return [Finding("error", "units", message)]
    if factor < 0:
        message = "energies fall where stress says they rise: a stress of the other sign (VASP, QUIP)? change the sign"
        return [Finding("error", "stress sign", message)]
    return []
