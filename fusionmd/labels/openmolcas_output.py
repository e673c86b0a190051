"""What OpenMolcas answers, atomic units."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from fusionmd.errors import LabelError
from fusionmd.labels.casscf import AtomicUnits
from fusionmd.labels.protocol import Array

_ENERGY = re.compile(r"::\s+RASSI State\s+(\d+)\s+Total energy:\s+(-?\d+\.\d+)")
_STRENGTHS = re.compile(r"Dipole transition strengths \(spin-free states\):(.*?)^--\s*$", re.DOTALL | re.MULTILINE)
_STRENGTH = re.compile(r"^\s+(\d+)\s+(\d+)\s+(-?\d\.\d+E[-+]\d+)", re.MULTILINE)
_VECTOR = re.compile(r"^\s+[A-Z][A-Za-z]?\d*\s+" + r"\s+".join([r"(-?\d\.\d+E[-+]\d+)"] * 3) + r"\s*$", re.MULTILINE)
_STOP = re.compile(r"Stop Module: (\w+) .*/rc=_RC_(\w+)_")
_FINE = ("ALL_IS_WELL", "INVOKED_OTHER_MODULE")
GRADIENT, COUPLING = "Molecular gradients", "CI derivative coupling"


def atomic_units(out: str, *, n_states: int, roots: Sequence[int], pairs: Sequence[tuple[int, int]]) -> AtomicUnits:
    """Everything in an output; couplings are divided by the gaps, without what moves with the electrons."""
    if "Happy landing!" not in out:
        raise LabelError(f"OpenMolcas failed: {_complaint(out)}")
    energies = _energies(out, n_states)
    gradients, products = _tables(out, GRADIENT, len(roots)), _tables(out, COUPLING, len(pairs))
    return AtomicUnits(
        energies,
        dict(zip(roots, gradients, strict=True)),
        {(a, b): table / (energies[b] - energies[a]) for (a, b), table in zip(pairs, products, strict=True)},
        _strengths(out, n_states),
    )


def _energies(out: str, n_states: int) -> Array:
    found = {int(state): float(energy) for state, energy in _ENERGY.findall(out)}
    if sorted(found) != list(range(1, n_states + 1)):
        raise LabelError(f"OpenMolcas gave energies of the states {sorted(found)}, wanted 1 to {n_states}")
    return np.array([found[state] for state in sorted(found)])


def _strengths(out: str, n_states: int) -> Array:
    """[n_states - 1]; those it does not print are below its threshold."""
    found = _STRENGTHS.search(out)
    rows = _STRENGTH.findall(found.group(1)) if found else []
    values = {(int(a), int(b)): float(value) for a, b, value in rows}
    return np.array([values.get((1, state), 0.0) for state in range(2, n_states + 1)])


def _tables(out: str, title: str, n_wanted: int) -> list[Array]:
    """Vectors of atoms [n_atoms, 3] under each occurrence of a title, in order."""
    texts = re.split(rf"\*\s+{title}\s+\*", out)[1:]
    if len(texts) != n_wanted:
        raise LabelError(f"OpenMolcas printed {len(texts)} tables of {title}, {n_wanted} were wanted")
    return [_table(text) for text in texts]


def _table(text: str) -> Array:
    """The rows between the third rule and the next."""
    parts = re.split(r"^\s-{20,}\s*$", text, flags=re.MULTILINE)
    return np.array(_VECTOR.findall(parts[2] if len(parts) > 2 else ""), dtype=np.float64).reshape(-1, 3)


def _complaint(out: str) -> str:
    """The module that stopped, with its return code, and the error it printed."""
    stops = [(module, code) for module, code in _STOP.findall(out) if code not in _FINE]
    errors = [line.strip(" #*") for line in out.splitlines() if "ERROR:" in line]
    lines = [line.strip() for line in out.splitlines() if line.strip()]
    told = [*(f"{module} stopped with {code}" for module, code in stops[-1:]), *errors[:1]]
    return "; ".join(told or lines[-1:] or ["it said nothing"])[:250]
