"""Methods by name: `mopac-am1-ci22`, `mopac-pm6-ci22`, ..."""

from __future__ import annotations

import re
from pathlib import Path

from fusionmd.errors import LabelError
from fusionmd.labels.mopac import Mopac
from fusionmd.labels.mopac_input import HAMILTONIANS
from fusionmd.labels.protocol import Method

N_SINGLETS = 3


def method_of(
    name: str, *, n_states: int = N_SINGLETS, charge: int = 0, parameters: Path | None = None, timeout_s: float = 120.0
) -> Method:
    """The method `name`; LabelError if there is none, or if it has fewer states.

    parameters: File of replaced parameters, `NAME ELEMENT VALUE` a line, then END (MOPAC's keyword EXTERNAL).
    """
    found = re.fullmatch(r"mopac-(\w+)-ci22", name.lower())
    hamiltonian = found.group(1).upper() if found else ""
    if hamiltonian not in HAMILTONIANS:
        known = ", ".join(f"mopac-{each.lower()}-ci22" for each in HAMILTONIANS)
        raise LabelError(f"method {name!r} is not known; choose one of {known}")
    if not 1 <= n_states <= N_SINGLETS:
        raise LabelError(f"{n_states} states were asked for; two electrons in two orbitals make {N_SINGLETS} singlets")
    text = "" if parameters is None else _parameters(parameters)
    stem = "" if parameters is None else parameters.stem
    return Mopac(hamiltonian, n_states, charge, parameters=text, parameters_name=stem, timeout_s=timeout_s)


def _parameters(path: Path) -> str:
    """The text of a parameter file, checked line by line: MOPAC ignores what it cannot read."""
    lines = [line.strip() for line in path.read_text().splitlines() if line.strip()]
    if lines and lines[-1].upper() == "END":
        lines.pop()
    bad = next((line for line in lines if not re.fullmatch(r"[A-Za-z]\w+\s+[A-Z][a-z]?\s+[-+]?\d+\.?\d*", line)), None)
    if bad is not None or not lines:
        raise LabelError(f"{path}: {bad!r} is no parameter; wanted lines of NAME ELEMENT VALUE, as in 'GSS C 10.08'")
    return "\n".join([*lines, "END", ""])
