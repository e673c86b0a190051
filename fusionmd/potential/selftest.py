"""The self-test: frames with the answers the exporter got, carried by the file and asked again at every load."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fusionmd.errors import PotentialFormatError
from fusionmd.potential.evaluation import Array, largest
from fusionmd.potential.potential import Potential
from fusionmd.structure import Structure

# Slack over the float32-float64 gap seen at export: other processors sum in another order.
GAP_FACTOR = 5.0
FLOOR = {"float64": 1e-9, "float32": 1e-5}


@dataclass(frozen=True, eq=False)
class SelfTest:
    """Frames and what is expected of them.

    energies: Per frame [n_states], eV.  forces: Of all states, per frame [n_states, n_atoms, 3], eV/angstrom.
    energy_tolerance: eV per atom.  force_tolerance: eV/angstrom.
    """

    frames: tuple[Structure, ...]
    energies: tuple[Array, ...]
    forces: tuple[Array, ...]
    energy_tolerance: float
    force_tolerance: float

    def to_npz(self) -> bytes:
        """`selftest.npz`."""
        arrays: dict[str, Any] = {"tolerances": np.array([self.energy_tolerance, self.force_tolerance])}
        for i, frame in enumerate(self.frames):
            arrays |= {f"numbers_{i}": frame.numbers, f"positions_{i}": frame.positions, f"cell_{i}": frame.cell}
            arrays |= {
                f"pbc_{i}": np.array(frame.pbc),
                f"energies_{i}": self.energies[i],
                f"forces_{i}": self.forces[i],
            }
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_npz(cls, content: bytes, *, source: str = "the file") -> SelfTest:
        """Read `selftest.npz`."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                return cls._from_arrays(arrays)
        except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
            raise PotentialFormatError(
                f"the self-test of {source} cannot be read ({error}); export the potential again"
            ) from None

    @classmethod
    def _from_arrays(cls, arrays: Any) -> SelfTest:
        n_frames = sum(key.startswith("numbers_") for key in arrays)
        frames = tuple(
            Structure(
                arrays[f"numbers_{i}"], arrays[f"positions_{i}"], arrays[f"cell_{i}"], arrays[f"pbc_{i}"].tolist()
            )
            for i in range(n_frames)
        )
        energies = tuple(arrays[f"energies_{i}"] for i in range(n_frames))
        forces = tuple(arrays[f"forces_{i}"] for i in range(n_frames))
        return cls(frames, energies, forces, *arrays["tolerances"].tolist())


def make_self_test(
    potential: Potential, frames: Sequence[Structure], *, energy_gap: float, force_gap: float
) -> SelfTest:
    """Ask `potential` about `frames`; the gaps are those between its dtype and float64 (eV/atom, eV/angstrom)."""
    results = potential.evaluate(frames, states=potential.all_states)
    floor = FLOOR[potential.metadata.dtype]
    force_scale = max([1.0, *(float(f"{np.abs(result.forces).max():.0e}") for result in results)])
    return SelfTest(
        frames=tuple(frames),
        energies=tuple(result.energies for result in results),
        forces=tuple(result.forces for result in results),
        energy_tolerance=GAP_FACTOR * energy_gap + floor * force_scale,
        force_tolerance=GAP_FACTOR * force_gap + floor * force_scale,
    )


def self_test_errors(potential: Potential, test: SelfTest) -> tuple[float, float]:
    """Largest deviations: energy, eV per atom; forces, eV/angstrom. Infinite where the answers have another shape."""
    results = potential.evaluate(test.frames, states=potential.all_states)
    energy = force = 0.0
    for result, energies, forces in zip(results, test.energies, test.forces, strict=True):
        if energies.shape != result.energies.shape or forces.shape != result.forces.shape:
            return float("inf"), float("inf")
        energy = max(energy, largest(result.energies - energies) / result.forces.shape[1])
        force = max(force, largest(result.forces - forces))
    return energy, force


def run_self_test(potential: Potential, test: SelfTest, *, source: str = "the file") -> tuple[float, float]:
    """Self-test errors; PotentialFormatError if they exceed the tolerances of the test."""
    energy, force = self_test_errors(potential, test)
    if not (energy <= test.energy_tolerance and force <= test.force_tolerance):
        raise PotentialFormatError(
            f"{source} fails its self-test: energies off by {energy:.3g} eV/atom (allowed "
            f"{test.energy_tolerance:.3g}), forces by "
            f"{force:.3g} eV/angstrom (allowed {test.force_tolerance:.3g}); the file is damaged or this torch "
            f"computes wrongly: "
            "export it again, or run it with the torch version it names in `fusionmd inspect`"
        )
    return energy, force
