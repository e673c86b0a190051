"""OpenMolcas' input: integrals, Hartree-Fock, state-averaged CASSCF, transition moments, then gradients and couplings.

Manual: https://molcas.gitlab.io/OpenMolcas/sphinx. Li Manni et al., J. Chem. Theory Comput. 19, 6933 (2023).
"""

from __future__ import annotations

from collections.abc import Sequence

from fusionmd.elements import symbol
from fusionmd.labels.casscf import Casscf, positions_bohr
from fusionmd.structure import Structure

GEOMETRY_FILE = "geometry.xyz"
# Of the energy, of rotations of orbitals and of their gradient.
THRESHOLDS = "1.0e-10 1.0e-6 1.0e-6"
RESPONSE_THRESHOLD = "1.0e-8"


def geometry_text(structure: Structure) -> str:
    """As GEOMETRY_FILE has it, bohr."""
    atoms = [
        f"{symbol(int(number)):2s} " + " ".join(f"{x:.12f}" for x in place)
        for number, place in zip(structure.numbers, positions_bohr(structure), strict=True)
    ]
    return "\n".join([str(structure.n_atoms), "bohr", *atoms, ""])


def input_text(settings: Casscf, structure: Structure, roots: Sequence[int]) -> str:
    """Gradients of the `roots` in their order, then couplings of the settings' pairs in theirs."""
    responses = [f"SALA={root + 1}" for root in roots] + [f"NAC={a + 1} {b + 1}" for a, b in settings.pairs]
    lines = ["&GATEWAY", f"Coord={GEOMETRY_FILE}", f"Basis={settings.basis}", "Group=NoSym", "NoMove"]
    lines += ["RICD"] if settings.has_density_fit else []
    lines += ["&SEWARD", "&SCF", f"Charge={settings.charge}", *_rasscf(settings, structure)]
    lines += ["&RASSI", "DIPR=1.0d-12"]
    for response in responses:
        lines += ["&MCLR", response, f"Threshold={RESPONSE_THRESHOLD}", "&ALASKA"]
    return "\n".join([*lines, ""])


def _rasscf(settings: Casscf, structure: Structure) -> list[str]:
    n_inactive, n_states = settings.n_inactive(structure), settings.n_states
    swaps = _swaps(settings.active, range(n_inactive + 1, n_inactive + settings.n_orbitals + 1))
    lines = ["&RASSCF", "FileOrb=$Project.ScfOrb", "Spin=1", f"NActEl={settings.n_electrons} 0 0"]
    lines += [f"Inactive={n_inactive}", f"Ras2={settings.n_orbitals}", f"CIRoot={n_states} {n_states} 1"]
    lines += [f"Thrs={THRESHOLDS}"]
    return lines + (["Alter", str(len(swaps)), *(f"1 {a} {b}" for a, b in swaps)] if swaps else [])


def _swaps(wanted: Sequence[int], frontier: range) -> list[tuple[int, int]]:
    """Pairs of orbitals to be exchanged, so that the wanted ones stand where the frontier ones did."""
    if not wanted:
        return []
    return list(zip(sorted(set(frontier) - set(wanted)), sorted(set(wanted) - set(frontier)), strict=True))
