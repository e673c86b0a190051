"""SA-CASSCF from OpenMolcas: with density fitting (RICD) the affordable one for molecules like stilbene."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fusionmd.errors import LabelError
from fusionmd.labels.casscf import Casscf
from fusionmd.labels.openmolcas_input import GEOMETRY_FILE, geometry_text, input_text
from fusionmd.labels.openmolcas_output import atomic_units
from fusionmd.labels.process import run_process
from fusionmd.labels.protocol import Labels
from fusionmd.structure import Structure

DRIVER = "pymolcas"
MEMORY_MB = 2000


@dataclass(frozen=True)
class OpenMolcas:
    """Settings and the seconds that one geometry may take."""

    settings: Casscf
    timeout_s: float = 120.0
    elements: frozenset[int] | None = None

    def __post_init__(self) -> None:
        if shutil.which(DRIVER) is None:
            raise LabelError(
                f"OpenMolcas is not installed: no {DRIVER} on the path; conda install -c conda-forge openmolcas, or "
                "apt install openmolcas"
            )

    @property
    def name(self) -> str:
        """Program and settings."""
        return f"OpenMolcas {self.settings.name}"

    @property
    def n_states(self) -> int:
        """Number of singlets."""
        return self.settings.n_states

    def label(self, structure: Structure, roots: Sequence[int]) -> Labels:
        """Everything from one run of the driver."""
        settings = self.settings
        settings.check_roots(roots)
        text = input_text(settings, structure, roots)
        with tempfile.TemporaryDirectory(prefix="fusionmd-molcas-") as name:
            out = self._run(Path(name), text, geometry_text(structure))
        found = atomic_units(out, n_states=settings.n_states, roots=roots, pairs=settings.pairs)
        return settings.labels(found, structure)

    def _run(self, folder: Path, text: str, geometry: str) -> str:
        (folder / "job.input").write_text(text)
        (folder / GEOMETRY_FILE).write_text(geometry)
        (folder / "work").mkdir()
        environment = {
            "MOLCAS_WORKDIR": str(folder / "work"),
            "MOLCAS_PROJECT": "job",
            "MOLCAS_MEM": str(MEMORY_MB),
            "MOLCAS_NPROCS": "1",
            "MOLCAS_PRINT": "NORMAL",
        }
        command = [DRIVER, "job.input"]
        return run_process(command, folder, who="OpenMolcas", timeout_s=self.timeout_s, environment=environment)
