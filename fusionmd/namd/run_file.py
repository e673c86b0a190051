"""The file of a run, read again. Units of the file: eV, angstrom, fs."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

import h5py
import yaml

from fusionmd.errors import DataError
from fusionmd.namd.protocol import Array, BoolArray, IntArray
from fusionmd.namd.triage import Flag


@dataclass(frozen=True, eq=False)
class Hopped:
    """Attempts to hop. trajectory, step, source, target: [n].  accepted: [n].  gap: eV.  positions: angstrom."""

    trajectory: IntArray
    step: IntArray
    source: IntArray
    target: IntArray
    accepted: BoolArray
    gap: Array
    positions: Array


@dataclass(frozen=True, eq=False)
class RunFile:
    """An ensemble as its file has it; shapes as in docs/namd.md.

    hops: Between states.  jumps: Of the energy of one.  numbers: Atomic numbers, or None for analytic models.
    protocol, surfaces: As written.
    """

    time: Array
    active_state: IntArray
    amplitude_population: Array
    total_energy: Array
    state_energies: Array
    positions: Array
    flag: IntArray
    final_steps: IntArray
    hops: Hopped
    jumps: Hopped
    numbers: IntArray | None
    protocol: str
    surfaces: str

    @property
    def n_trajectories(self) -> int:
        """How many there are."""
        return len(self.flag)

    @property
    def n_states(self) -> int:
        """Electronic states."""
        return int(self.state_energies.shape[2])

    @property
    def is_discarded(self) -> BoolArray:
        """Which were stopped because they are not to be trusted [n_traj]."""
        return self.flag > Flag.FINISHED

    @property
    def steps_per_frame(self) -> int:
        """From the protocol."""
        return int(yaml.safe_load(self.protocol)["interval"])

    @property
    def end_frames(self) -> IntArray:
        """Last frame in which each trajectory moved [n_traj]; later ones repeat it."""
        return self.final_steps // self.steps_per_frame


def read_run(path: str | os.PathLike[str]) -> RunFile:
    """Read; DataError if it is no file of a run."""
    try:
        with h5py.File(path) as file:
            columns = {field.name: file[f"hop_{field.name}"][:] for field in fields(Hopped)}
            attempts = Hopped(**columns | {"accepted": columns["accepted"].astype(bool)})
            is_jump = attempts.source == attempts.target
            names = [field.name for field in fields(RunFile)][:8]
            return RunFile(
                **{name: file[name][:] for name in names},
                hops=_chosen(attempts, ~is_jump),
                jumps=_chosen(attempts, is_jump),
                numbers=file.attrs.get("atomic_numbers"),
                protocol=str(file.attrs["protocol"]),
                surfaces=str(file.attrs["surfaces"]),
            )
    except (OSError, KeyError) as error:
        raise DataError(
            f"{os.fspath(path)} is no file of hopping trajectories ({error}); give one that fusionmd namd run wrote"
        ) from None


def _chosen(attempts: Hopped, rows: BoolArray) -> Hopped:
    return Hopped(**{field.name: getattr(attempts, field.name)[rows] for field in fields(Hopped)})
