"""Signs that labels are not in eV and angstrom: sizes that nature fixes, compared with what a file says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fusionmd.data.frame import Frame
from fusionmd.data.references import compositions, elements_of
from fusionmd.units import (
    ANGSTROM_PER_BOHR,
    EV_PER_HARTREE,
    EV_PER_KCAL_PER_MOL,
    EV_PER_KJ_PER_MOL,
    EV_PER_MEV,
    EV_PER_RYDBERG,
    GPA_PER_EV_PER_ANGSTROM3,
)

# How much larger a number is in this unit than in eV.
ENERGY_RATIOS = {
    "eV": 1.0,
    "kcal/mol": 1.0 / EV_PER_KCAL_PER_MOL,
    "kJ/mol": 1.0 / EV_PER_KJ_PER_MOL,
    "Hartree": 1.0 / EV_PER_HARTREE,
    "Rydberg": 1.0 / EV_PER_RYDBERG,
    "meV": 1.0 / EV_PER_MEV,
}
FORCE_RATIOS = {
    "eV/angstrom": 1.0,
    "kcal/mol/angstrom": 1.0 / EV_PER_KCAL_PER_MOL,
    "kJ/mol/angstrom": 1.0 / EV_PER_KJ_PER_MOL,
    "Hartree/Bohr": ANGSTROM_PER_BOHR / EV_PER_HARTREE,
    "meV/angstrom": 1.0 / EV_PER_MEV,
}
STRESS_RATIOS = {"eV/angstrom^3": 1.0, "GPa": GPA_PER_EV_PER_ANGSTROM3, "kbar": 10.0 * GPA_PER_EV_PER_ANGSTROM3}

# Non-relativistic energies of the free atoms 1..18, Hartree. Chakravorty et al., Phys. Rev. A 47, 3649 (1993), table.
ATOM_HARTREE = np.array(
    [0.0, -0.5, -2.9037, -7.4781, -14.6674, -24.6539, -37.8450, -54.5892, -75.0673, -99.7339, -128.9376]
    + [-162.2546, -200.053, -242.346, -289.359, -341.259, -398.110, -460.148, -527.540]
)  # fmt: skip
ALL_ELECTRON_SPREAD = 0.03  # relative: binding, method and basis move a total energy by less
BOND_STIFFNESS = 32.0  # eV/angstrom^2; bonds from H to C, N, O have 28..50, weak hydrides 10
BOND_STIFFNESS_RANGE = (6.0, 90.0)
MAX_BOND = 1.4  # angstrom, between H and its only close neighbour
MIN_BONDS = 30
MIN_CORRELATION = 0.6


def total_energy_unit(frames: Sequence[Frame]) -> str | None:
    """The unit that makes all-electron total energies of these energies, if one does; None says nothing."""
    known = [frame for frame in frames if frame.energy is not None]
    elements = elements_of(known)
    if not known or max(elements) >= len(ATOM_HARTREE):
        return None
    expected = compositions(known, elements) @ ATOM_HARTREE[elements] * EV_PER_HARTREE
    given = np.array([frame.ground_energy for frame in known], dtype=np.float64)
    ratio = float(np.median(given / expected))
    return next((unit for unit, r in ENERGY_RATIOS.items() if abs(ratio / r - 1.0) < ALL_ELECTRON_SPREAD), None)


def hydrogen_bond_stiffness(frames: Sequence[Frame]) -> float | None:
    """Force constant of the bonds from H to heavier atoms, from lengths and forces; unit of the forces per angstrom.

    The force on H along its bond is -k (r - r0) but for small couplings; k is the median slope over bonds of one kind.
    """
    lengths: dict[tuple[int, int, int], list[tuple[float, float]]] = {}
    for frame in frames[:: max(1, len(frames) // 200)]:
        if frame.forces is not None and not frame.structure.is_periodic and 1 in frame.structure.numbers:
            for key, length, force in _bonds_to_hydrogen(frame):
                lengths.setdefault(key, []).append((length, force))
    slopes = [slope for bonds in lengths.values() if (slope := _slope(np.array(bonds))) is not None]
    return float(np.median(slopes)) if slopes else None


def nearest_unit(ratio: float, ratios: dict[str, float]) -> str:
    """The unit whose ratio is closest on a logarithmic scale."""
    return min(ratios, key=lambda unit: abs(np.log(abs(ratio) / ratios[unit])))


def _bonds_to_hydrogen(frame: Frame) -> list[tuple[tuple[int, int, int], float, float]]:
    """(bond, length, outward force on H) of each H with exactly one close neighbour, which is no H."""
    structure = frame.structure
    assert frame.forces is not None
    forces = frame.forces[0] if frame.forces.ndim == 3 else frame.forces
    between = structure.positions[None, :, :] - structure.positions[:, None, :]
    distances = np.linalg.norm(between, axis=-1) + np.diag(np.full(structure.n_atoms, np.inf))
    found = []
    for h in np.flatnonzero(structure.numbers == 1):
        near = np.flatnonzero(distances[h] < MAX_BOND)
        if len(near) == 1 and structure.numbers[near[0]] > 1:
            outward = -between[h, near[0]] / distances[h, near[0]]
            bond = (int(structure.numbers[near[0]]), int(h), int(near[0]))
            found.append((bond, float(distances[h, near[0]]), float(forces[h] @ outward)))
    return found


def _slope(bonds: NDArray[np.float64]) -> float | None:
    if len(bonds) < MIN_BONDS or bonds[:, 0].std() < 1e-3 or bonds[:, 1].std() == 0.0:
        return None
    correlation = float(np.asarray(np.corrcoef(bonds.T))[0, 1])
    return float(-np.polyfit(bonds[:, 0], bonds[:, 1], 1)[0]) if abs(correlation) > MIN_CORRELATION else None
