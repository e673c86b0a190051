"""MOPAC's input: keywords of a configuration interaction in fractionally occupied orbitals, and the geometry.

`OPEN(2,2) C.I.=2` spreads two electrons over two orbitals and mixes the three singlets they can make (and a triplet).
Keywords: http://openmopac.net/manual.
"""

from __future__ import annotations

from fusionmd.elements import symbol
from fusionmd.structure import Structure

PARAMETER_FILE = "parameters.txt"
HAMILTONIANS = ("AM1", "PM3", "PM6", "PM7", "RM1")


def input_text(hamiltonian: str, structure: Structure, *, root: int, charge: int = 0, has_parameters: bool) -> str:
    """One single point; `root` counts singlets from 1, whose gradient is made."""
    words = [hamiltonian, "OPEN(2,2)", "C.I.=2", "MECI", "SINGLET", f"ROOT={root}", "1SCF", "GRADIENTS"]
    words += ["RELSCF=0.01", "AUX(PRECISION=9)", "NOSYM", "T=10M"]
    words += [f"CHARGE={charge}"] if charge else []
    words += [f"EXTERNAL={PARAMETER_FILE}"] if has_parameters else []
    atoms = [
        f"{symbol(int(number)):2s} " + " ".join(f"{x:.10f} 1" for x in place)
        for number, place in zip(structure.numbers, structure.positions, strict=True)
    ]
    return "\n".join([" ".join(words), "fusionmd", "", *atoms, ""])
