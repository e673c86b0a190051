"""MOPAC through the library in PyPI's `mopactools`: each call in a process of its own, with a time limit."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fusionmd.errors import LabelError
from fusionmd.labels import mopac_child, mopac_output
from fusionmd.labels.mopac_input import PARAMETER_FILE, input_text
from fusionmd.labels.parameters import Parameters
from fusionmd.labels.process import read_result, run_process
from fusionmd.labels.protocol import Array, Labels
from fusionmd.labels.terms import total
from fusionmd.structure import Structure

CHILD = str(mopac_child.__file__)


@dataclass(frozen=True)
class Mopac:
    """Singlets of a configuration interaction of two electrons in two orbitals.

    hamiltonian: AM1, PM3, PM6, PM7 or RM1.  parameters: What replaces its own.  timeout_s: Of one call, a geometry and
    root.
    """

    hamiltonian: str
    n_states: int = 3
    charge: int = 0
    parameters: Parameters = Parameters()
    timeout_s: float = 120.0
    elements: frozenset[int] | None = None

    def __post_init__(self) -> None:
        library()

    @property
    def name(self) -> str:
        """Hamiltonian, active space, parameters, charge, version of MOPAC's library."""
        own = f"+{self.parameters.name}" if self.parameters.name else ""
        charged = f", charge {self.charge:+d}" if self.charge else ""
        return f"MOPAC {self.hamiltonian}{own} OPEN(2,2) C.I.=2, {self.n_states} singlets{charged}"

    def label(self, structure: Structure, roots: Sequence[int]) -> Labels:
        """Energies of all states from the first root's call, forces of each of `roots` (counted from 0)."""
        self.parameters.check_atoms(structure)
        energies: Array | None = None
        forces, weights = np.full((self.n_states, structure.n_atoms, 3), np.nan), []
        for root in roots:
            found, forces[root], aux = self._single_point(structure, root)
            energies = found if energies is None else energies
            weights += [mopac_output.active_weight(aux, atoms)] if (atoms := self.parameters.active) else []
        if energies is None:
            raise LabelError("no root was asked for; ask for one at least, its call gives the energies of all")
        return Labels(energies, forces, active_weight=min(weights, default=None))

    def _single_point(self, structure: Structure, root: int) -> tuple[Array, Array, str]:
        """Energies, forces, and the AUX file."""
        if not 0 <= root < self.n_states:
            raise LabelError(f"root {root} was asked for, there are 0..{self.n_states - 1}")
        with tempfile.TemporaryDirectory(prefix="fusionmd-mopac-") as name:
            out, aux = self._run(Path(name), structure, root)
        heat = mopac_output.heat_of_formation(aux)
        energies = mopac_output.singlet_energies(out, root=root + 1, heat_eV=heat, n_states=self.n_states)
        shift, slope = total(self.parameters.terms, structure.positions)
        return energies + shift, mopac_output.forces(aux, structure.n_atoms) - slope, aux

    def _run(self, folder: Path, structure: Structure, root: int) -> tuple[str, str]:
        """MOPAC's output and AUX file."""
        given = bool(self.parameters.text)
        text = input_text(self.hamiltonian, structure, root=root + 1, charge=self.charge, has_parameters=given)
        (folder / "job.mop").write_text(text)
        if given:
            (folder / PARAMETER_FILE).write_text(self.parameters.text)
        command = [sys.executable, "-I", "-S", CHILD, str(library()), "job.mop"]
        printed = run_process(command, folder, who="MOPAC", timeout_s=self.timeout_s)
        out, aux = (read_result(folder / name, "MOPAC", printed) for name in ("job.out", "job.aux"))
        return out, aux


def library() -> Path:
    """MOPAC's library; LabelError where `mopactools` is not installed."""
    found = importlib.util.find_spec("mopactools")
    folders = list(found.submodule_search_locations or []) if found else []
    paths = [path for folder in folders for path in sorted((Path(folder) / "lib").glob("libmopac.*"))]
    if not paths:
        raise LabelError("MOPAC is not installed; pip install 'fusionmd[labels]'")
    return paths[0]
