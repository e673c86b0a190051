"""SA-CASSCF from PySCF: energies, gradients, couplings and oscillator strengths of small molecules.

Sun et al., J. Chem. Phys. 153, 024109 (2020). All roots of a geometry are one process.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fusionmd.errors import LabelError
from fusionmd.labels.casscf import AtomicUnits, Casscf, positions_bohr
from fusionmd.labels.process import read_result, run_process
from fusionmd.labels.protocol import Labels
from fusionmd.structure import Structure

CHILD = str(Path(__file__).with_name("pyscf_child.py"))


@dataclass(frozen=True)
class Pyscf:
    """Settings and the seconds that one geometry may take."""

    settings: Casscf
    timeout_s: float = 120.0
    elements: frozenset[int] | None = None

    def __post_init__(self) -> None:
        if importlib.util.find_spec("pyscf") is None:
            raise LabelError("PySCF is not installed; pip install 'fusionmd[pyscf]'")
        if self.settings.has_density_fit and self.settings.has_couplings:
            raise LabelError("PySCF has no couplings with density fitting; leave one of the two")

    @property
    def name(self) -> str:
        """Program and settings."""
        return f"PySCF {self.settings.name}"

    @property
    def n_states(self) -> int:
        """Number of singlets."""
        return self.settings.n_states

    def label(self, structure: Structure, roots: Sequence[int]) -> Labels:
        """Everything from one process."""
        self.settings.check_roots(roots)
        self.settings.n_inactive(structure)
        with tempfile.TemporaryDirectory(prefix="fusionmd-pyscf-") as name:
            answer = self._run(Path(name), self._job(structure, roots))
        if "failure" in answer:
            raise LabelError(" ".join(f"PySCF failed: {answer['failure']}".split())[:300])
        return self.settings.labels(self._found(answer, roots), structure)

    def _job(self, structure: Structure, roots: Sequence[int]) -> dict[str, Any]:
        settings = self.settings
        return {
            "numbers": structure.numbers.tolist(),
            "positions_bohr": positions_bohr(structure).tolist(),
            "basis": settings.basis,
            "charge": settings.charge,
            "n_electrons": settings.n_electrons,
            "n_orbitals": settings.n_orbitals,
            "n_states": settings.n_states,
            "starts": [list(active) for active in settings.starts(structure)],
            "density_fit": settings.has_density_fit,
            "roots": list(roots),
            "pairs": settings.pairs,
        }

    def _run(self, folder: Path, job: dict[str, Any]) -> dict[str, Any]:
        (folder / "job.json").write_text(json.dumps(job))
        command = [sys.executable, "-P", CHILD, "job.json", "result.json"]
        # An empty settings file keeps those of the user out.
        environment = {"PYSCF_TMPDIR": str(folder), "PYSCF_CONFIG_FILE": str(folder / "settings.py")}
        (folder / "settings.py").write_text("")
        printed = run_process(command, folder, who="PySCF", timeout_s=self.timeout_s, environment=environment)
        answer: dict[str, Any] = json.loads(read_result(folder / "result.json", "PySCF", printed))
        return answer

    def _found(self, answer: dict[str, Any], roots: Sequence[int]) -> AtomicUnits:
        return AtomicUnits(
            np.array(answer["energies"]),
            {root: np.array(gradient) for root, gradient in zip(roots, answer["gradients"], strict=True)},
            {pair: np.array(one) for pair, one in zip(self.settings.pairs, answer["couplings"], strict=True)},
            oscillator_strengths(np.array(answer["energies"]), np.array(answer["dipoles"])),
        )


def oscillator_strengths(energies: Any, dipoles: Any) -> Any:
    """f = (2/3) (E_k - E_0) |<0|r|k>|^2 of energies [n_states] and dipoles [n_states - 1, 3], atomic units."""
    return 2 / 3 * (energies[1:] - energies[0]) * (dipoles.reshape(-1, 3) ** 2).sum(axis=1)
