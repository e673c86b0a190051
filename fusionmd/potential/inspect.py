"""Looking into a potential file: what it says, what it holds, and whether it still answers as it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fusionmd.potential.archive import METADATA, unpack
from fusionmd.potential.fast import fast_files
from fusionmd.potential.file import Source, load_module, read_bytes, self_test_of
from fusionmd.potential.metadata import Metadata
from fusionmd.potential.potential import Potential
from fusionmd.potential.selftest import self_test_errors


@dataclass(frozen=True)
class Inspection:
    """What there is to know about a potential file.

    records: Bytes of each extra file.  energy_error (eV/atom), force_error (eV/angstrom): Of the self-test, with what
    it allows.  is_compiled: Whether this machine has a compiled form of it.
    """

    metadata: Metadata
    sha256: str
    n_bytes: int
    records: dict[str, int]
    n_frames: int
    energy_error: float
    energy_tolerance: float
    force_error: float
    force_tolerance: float
    is_compiled: bool

    @property
    def passed(self) -> bool:
        """Whether the self-test holds."""
        return self.energy_error <= self.energy_tolerance and self.force_error <= self.force_tolerance

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "metadata": self.metadata.to_dict(),
            "sha256": self.sha256,
            "n_bytes": self.n_bytes,
            "records": self.records,
            "self_test": {
                "n_frames": self.n_frames,
                "energy_error_eV_per_atom": self.energy_error,
                "energy_tolerance_eV_per_atom": self.energy_tolerance,
                "force_error_eV_A": self.force_error,
                "force_tolerance_eV_A": self.force_tolerance,
                "passed": self.passed,
            },
            "is_compiled": self.is_compiled,
        }


def inspect_potential(source: Source) -> Inspection:
    """Read a potential file and run its self-test; a failing self-test is reported, a damaged file raises."""
    content, name = read_bytes(source)
    extra_files = unpack(content, source=name)
    metadata = Metadata.from_json(extra_files[METADATA], source=name)
    potential, test = Potential(load_module(content, name), metadata, content), self_test_of(extra_files, name)
    energy_error, force_error = self_test_errors(potential, test)
    return Inspection(
        metadata=metadata,
        sha256=potential.sha256,
        n_bytes=len(content),
        records={key: len(value) for key, value in sorted(extra_files.items())},
        n_frames=len(test.frames),
        energy_error=energy_error,
        energy_tolerance=test.energy_tolerance,
        force_error=force_error,
        force_tolerance=test.force_tolerance,
        is_compiled=all(path.exists() for path in fast_files(potential)),
    )
