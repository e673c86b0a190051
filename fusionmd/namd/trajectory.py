"""An ensemble as one HDF5 file: arrays with units and named dimensions, and the protocol that made it.

Dimensions are scales, as netCDF-4 has them: xarray opens the file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from fusionmd.files import write_bytes_atomic
from fusionmd.namd.ensemble import Ensemble
from fusionmd.namd.populations import wilson_interval
from fusionmd.namd.protocol import Surfaces
from fusionmd.units import (
    AMU_PER_ELECTRON_MASS,
    ANGSTROM_PER_BOHR,
    ATOMIC_TIME_PER_FS,
    EV_PER_HARTREE,
    FS_PER_ATOMIC_TIME,
)

Arrays = dict[str, tuple[NDArray[Any], str, list[str]]]  # name: values, unit, dimensions


def write_ensemble(
    path: str | os.PathLike[str],
    result: Ensemble,
    surfaces: Surfaces,
    protocol: str,
    *,
    numbers: NDArray[np.int64] | None = None,
) -> None:
    """Write `result` atomically; protocol: The resolved settings, as text, for the attribute of that name.

    numbers: Atomic numbers [n_atoms], of molecules.

    The file is made in memory first: HDF5 does not survive a disk that is full. Hops name rows, which the scale
    `trajectory` numbers.
    """
    attributes: dict[str, Any] = {"protocol": protocol, "surfaces": surfaces.name}
    attributes |= {} if numbers is None else {"atomic_numbers": numbers}
    write_arrays(path, _arrays(result, surfaces), attributes, result.final.trajectory)


def write_arrays(
    path: str | os.PathLike[str], arrays: Arrays, attributes: Mapping[str, Any], trajectories: NDArray[np.int64]
) -> None:
    """The file itself; trajectories: Their numbers, the scale of that dimension."""
    content = BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs.update(attributes)
        sizes = {name: n for values, _, dims in arrays.values() for name, n in zip(dims, values.shape, strict=True)}
        for name, size in sizes.items():
            scale = trajectories if name == "trajectory" else np.arange(size)
            file.create_dataset(name, data=scale).make_scale(name)
        for name, (values, unit, dimensions) in arrays.items():
            dataset = file.create_dataset(name, data=values, **packing(values))
            dataset.attrs["units"] = unit
            for index, dimension in enumerate(dimensions):
                dataset.dims[index].attach_scale(file[dimension])
    write_bytes_atomic(path, content.getvalue())


def packing(values: NDArray[Any]) -> dict[str, Any]:
    """How HDF5 compresses an array, without loss: stopped trajectories repeat themselves. Empty where it cannot."""
    return {"compression": "gzip", "shuffle": True} if values.ndim > 1 and values.size else {}


def shares(populations: NDArray[Any], n_trajectories: int) -> Arrays:
    """Populations [n_frames, n_states] with their 95 % intervals."""
    low, high = wilson_interval(populations, n_trajectories)
    names = ("population", "population_low", "population_high")
    return {name: (each, "1", ["frame", "state"]) for name, each in zip(names, (populations, low, high), strict=True)}


def _arrays(result: Ensemble, surfaces: Surfaces) -> Arrays:
    records, final, hops = result.records, result.final, result.hops
    each, ends = ["trajectory", "frame"], ["trajectory", "coordinate"]
    speed = ANGSTROM_PER_BOHR * ATOMIC_TIME_PER_FS
    return {
        "time": (result.times * FS_PER_ATOMIC_TIME, "fs", ["frame"]),
        "masses": (surfaces.masses * AMU_PER_ELECTRON_MASS, "amu", ["coordinate"]),
        "active_state": (records.active, "1", each),
        "amplitude_population": (records.populations, "1", [*each, "state"]),
        "total_energy": (records.energies * EV_PER_HARTREE, "eV", each),
        "state_energies": (records.potentials * EV_PER_HARTREE, "eV", [*each, "state"]),
        "positions": (records.positions * ANGSTROM_PER_BOHR, "angstrom", [*each, "coordinate"]),
        "flag": (result.flags, "1", ["trajectory"]),
        "smallest_gap": (records.gaps * EV_PER_HARTREE, "eV", each),
        **shares(result.active_populations(), result.n_trajectories),
        "final_steps": (final.step, "1", ["trajectory"]),
        "final_positions": (final.positions * ANGSTROM_PER_BOHR, "angstrom", ends),
        "final_velocities": (final.velocities * speed, "angstrom/fs", ends),
        "hop_trajectory": (np.searchsorted(final.trajectory, hops.trajectory), "1", ["hop"]),
        "hop_step": (hops.step, "1", ["hop"]),
        "hop_source": (hops.source, "1", ["hop"]),
        "hop_target": (hops.target, "1", ["hop"]),
        "hop_accepted": (hops.is_accepted.astype(np.int8), "1", ["hop"]),
        "hop_gap": (hops.gap * EV_PER_HARTREE, "eV", ["hop"]),
        "hop_positions": (hops.positions * ANGSTROM_PER_BOHR, "angstrom", ["hop", "coordinate"]),
    }
