"""What MOPAC answers: heat of formation and gradient from its AUX file, state energies from the table in its output.

The table counts relative energies from the lowest root of any spin, often a triplet. Energies of the singlets are
therefore made of absolute ones: E_k = heat of formation of the root + (e_k - e_root). A state within 0.1 meV of the one
before, and as many-th of its spin, is left out of the table; its number is missing there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from fusionmd.errors import LabelError
from fusionmd.labels.protocol import Array
from fusionmd.units import EV_PER_KCAL_PER_MOL

_ROW = re.compile(r"^\s*(\d+)(\+?)\s+(-?\d+\.\d+)\s+-?\d+\.\d+\s+\d+\+?\s+(SINGLET|TRIPLET|QUINTET)\b", re.MULTILINE)
N_STATES = 4  # of two electrons in two orbitals: three singlets and a triplet


def heat_of_formation(aux: str) -> float:
    """Of the root whose gradient is in the file, eV."""
    (value,) = _numbers(aux, "HEAT_OF_FORMATION:KCAL/MOL", count=1)
    return float(value) * EV_PER_KCAL_PER_MOL


def forces(aux: str, n_atoms: int) -> Array:
    """Of that root [n_atoms, 3], eV/angstrom."""
    gradient = _numbers(aux, "GRADIENTS:KCAL/MOL/ANGSTROM", count=3 * n_atoms)
    return -gradient.reshape(n_atoms, 3) * EV_PER_KCAL_PER_MOL


def active_weight(aux: str, atoms: Sequence[int]) -> float:
    """Share of the active orbitals on `atoms`; of the two orbitals the one with less."""
    first, _ = (int(number) for number in _numbers(aux, "SET_OF_MOS", count=2))
    owners = _numbers(aux, "AO_ATOMINDEX", count=None).astype(int) - 1
    orbitals = _numbers(aux, "EIGENVECTORS", count=None).reshape(-1, len(owners))
    n_electrons = int(_numbers(aux, "NUM_ELECTRONS", count=1)[0])
    lower = n_electrons // 2 - first  # half the electrons: the lower of the two half-filled orbitals
    return float((orbitals[lower : lower + 2, np.isin(owners, list(atoms))] ** 2).sum(axis=1).min())


def singlet_energies(out: str, *, root: int, heat_eV: float, n_states: int) -> Array:
    """Energies of the singlets [n_states], eV, on the scale of heats of formation; `root` counts them from 1."""
    singlets = [(energy, mark) for energy, mark, spin in _states(_state_table(out)) if spin == "SINGLET"]
    if len(singlets) < n_states:
        raise LabelError(
            f"MOPAC gave {len(singlets)} singlets, {n_states} were wanted; it may have lost the open shell"
        )
    if singlets[root - 1][1] == "" or any(mark == "+" for _, mark in singlets[: root - 1] + singlets[root:]):
        raise LabelError(f"MOPAC made the gradient of another root than singlet {root}; the states may have switched")
    absolute = np.array([energy for energy, _ in singlets[:n_states]])
    return heat_eV + absolute - absolute[root - 1]


def _states(table: str) -> list[tuple[float, str, str]]:
    """Energy, mark, spin of all states; one left out: energy of that before it, '?', the other spin."""
    found: list[tuple[float, str, str]] = []
    for number, mark, energy, spin in [*_ROW.findall(table), (str(N_STATES + 1), "", "nan", "")]:
        while found and len(found) < int(number) - 1:
            before, _, its_spin = found[-1]
            found.append((before, "?", "SINGLET" if its_spin == "TRIPLET" else "TRIPLET"))
        found.append((float(energy), mark, spin))
    return found[:-1]


def _state_table(out: str) -> str:
    """The last table of states."""
    start = out.rfind("Q.N.")
    if start < 0:
        raise LabelError(f"MOPAC printed no states; it said: {_complaint(out)}")
    return out[start:].split("symbol indicates")[0]


def _numbers(aux: str, name: str, *, count: int | None) -> Array:
    """The numbers after `name` in an AUX file; LabelError unless there are `count` finite ones (None: any number)."""
    found = re.search(rf"^ {re.escape(name)}(?:\[\d+\])?=((?:\s*[-+\d.DEdenaNf]+)+?)\s*(?=^ [A-Z#])", aux, re.MULTILINE)
    words = found.group(1).replace("D", "E").split() if found else []
    try:
        values = np.array(words, dtype=np.float64)
    except ValueError:
        raise LabelError(f"MOPAC's {name} are not numbers: {' '.join(words[:4])} ...; look at the geometry") from None
    if len(values) != (count or max(len(values), 1)) or not np.isfinite(values).all():
        raise LabelError(f"MOPAC gave {len(values)} numbers of {name}, {count or 'some'} finite ones were wanted")
    return values


def _complaint(out: str) -> str:
    """The line in which it says what went wrong."""
    lines = [line.strip(" *") for line in out.splitlines()]
    telling = [line for line in lines if re.search(r"error|unable|not allowed|too|fail|stop", line, re.IGNORECASE)]
    return (telling or [line for line in lines if line] or ["nothing"])[-1][:200]
