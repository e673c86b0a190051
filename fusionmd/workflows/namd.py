"""A run of hopping trajectories: settings in; one file with trajectories and the whole protocol out.

While it runs, everything is in OUT.parts; a run that was killed goes on from there, and gives the same bits.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import yaml
from ase import Atoms

from fusionmd.errors import ConfigError, DataError
from fusionmd.files import atomic_write, write_text_atomic
from fusionmd.namd.batch import OnStep
from fusionmd.namd.config import parts_of
from fusionmd.namd.ensemble import Ensemble, check_lengths, gathered, slices
from fusionmd.namd.populations import wilson_interval
from fusionmd.namd.protocol import Surfaces
from fusionmd.namd.segments import is_complete, result_of
from fusionmd.namd.trajectory import write_ensemble
from fusionmd.namd.triage import Flag
from fusionmd.units import ANGSTROM_PER_BOHR, ATOMIC_TIME_PER_FS
from fusionmd.workflows.namd_batches import Task, run_here, run_in_processes, run_on_cluster
from fusionmd.workflows.namd_settings import RunSettings, read_run
from fusionmd.workflows.namd_start import Beginning, Molecule, beginning_of, check_states, settled, started, surfaces_of

NO_ROOM = (ENOSPC, EDQUOT, EFBIG)
SETTINGS, SURFACES = "settings.yaml", "surfaces.txt"


def run_namd(
    settings: RunSettings,
    output: str | os.PathLike[str],
    *,
    workers: int = 1,
    scheduler: str | None = None,
    overwrite: bool = False,
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Run and write `output`; the summary has the counts of trajectories and hops and the final populations.

    workers: Processes of this machine.  scheduler: Address of a Dask scheduler, instead.
    final_populations: Per state low, mean and high of the 95 % interval.  caution: What to know of the method, or None.
    """
    folder = parts_folder(output)
    if (folder / SETTINGS).exists() and not overwrite:
        raise ConfigError(
            f"an unfinished run of {os.fspath(output)} lies in {folder}; go on with fusionmd namd resume "
            f"{os.fspath(output)}, or allow to overwrite it"
        )
    shutil.rmtree(folder, ignore_errors=True)
    settings = settled(settings)
    beginning, surfaces = _checked(settings)
    with _room_on_disk(output):
        write_text_atomic(folder / SURFACES, surfaces.name)
        write_text_atomic(folder / SETTINGS, _text(settings))
        return _run(settings, output, beginning, surfaces, workers, scheduler, on_step)


def resume_namd(
    output: str | os.PathLike[str], *, workers: int = 1, scheduler: str | None = None, on_step: OnStep | None = None
) -> dict[str, Any]:
    """Go on with a run that was stopped; DataError where there is none, or it had other settings or surfaces."""
    folder = parts_folder(output)
    if not (folder / SETTINGS).exists():
        said = "it is complete" if Path(output).exists() else "nothing was begun"
        raise DataError(f"there is no unfinished run of {os.fspath(output)} ({said}); begin one with fusionmd namd run")
    settings = read_run(folder / SETTINGS)
    beginning, surfaces = _checked(settings)
    written = (folder / SURFACES).read_text()
    if written != surfaces.name:
        raise DataError(
            f"{folder} was begun with {written}, and now there is {surfaces.name}; bring the first one back, or begin "
            "again with fusionmd namd run --overwrite"
        )
    with _room_on_disk(output):
        return _run(settings, output, beginning, surfaces, workers, scheduler, on_step)


def n_trajectories(settings: RunSettings) -> int:
    """How many there will be: of a file one for each structure."""
    return len(beginning_of(settings).positions)


def parts_folder(output: str | os.PathLike[str]) -> Path:
    """Where a run keeps what it has so far."""
    return Path(f"{os.fspath(output)}.parts")


def _checked(settings: RunSettings) -> tuple[Beginning, Surfaces]:
    """Everything that can be wrong is found before a file is written."""
    check_lengths(settings.n_steps, settings.interval)
    beginning = beginning_of(settings)
    is_limited = settings.triage.uncertainty_eV is not None
    surfaces = surfaces_of(settings.surfaces, beginning.molecule, with_uncertainties=is_limited)
    parts = parts_of(settings.method, surfaces, settings.time_step_fs * ATOMIC_TIME_PER_FS)
    if settings.triage.bond_factor is not None and beginning.molecule is None:
        raise ConfigError("bond_factor is for atoms; analytic models have no bonds")
    check_states(settings, beginning, surfaces)
    started(settings, parts, np.arange(1), beginning.of(np.arange(1)))
    return beginning, surfaces


def _run(
    settings: RunSettings,
    output: str | os.PathLike[str],
    beginning: Beginning,
    surfaces: Surfaces,
    workers: int,
    scheduler: str | None,
    on_step: OnStep | None,
) -> dict[str, Any]:
    protocol = f"{_text(settings)}{surfaces.name}"
    tasks = list(_tasks(settings, protocol, beginning, parts_folder(output)))
    n_frames = settings.n_steps // settings.interval + 1
    left = [task for task in tasks if not is_complete(task.folder, protocol, n_frames)]
    if scheduler is not None:
        run_on_cluster(left, scheduler, on_step=on_step)
    elif workers > 1:
        run_in_processes(left, workers, on_step=on_step)
    else:
        run_here(left, on_step=on_step)
    results = [result_of(task.folder, protocol) for task in tasks]
    ensemble = gathered(results, settings.time_step_fs * ATOMIC_TIME_PER_FS, settings.interval)
    molecule = beginning.molecule
    write_ensemble(output, ensemble, surfaces, _text(settings), numbers=None if molecule is None else molecule.numbers)
    if molecule is not None:
        _write_uncertain(output, ensemble, molecule)
    shutil.rmtree(parts_folder(output))
    return _summary(ensemble) | {"caution": settings.method.caution}


def _write_uncertain(output: str | os.PathLike[str], result: Ensemble, molecule: Molecule) -> None:
    """Where the energy was too uncertain: OUT.uncertain.xyz, to be labelled."""
    places = result.final.positions[result.flags == Flag.UNCERTAIN] * ANGSTROM_PER_BOHR
    if len(places):
        frames = [
            Atoms(molecule.numbers, place.reshape(-1, 3), cell=molecule.cell, pbc=molecule.pbc) for place in places
        ]
        with atomic_write(f"{os.fspath(output)}.uncertain.xyz") as temporary:
            ase.io.write(temporary, frames, format="extxyz")


def _tasks(settings: RunSettings, protocol: str, beginning: Beginning, folder: Path) -> Iterator[Task]:
    for index, numbers in enumerate(slices(len(beginning.positions), settings.batch_size)):
        yield Task(
            settings=settings,
            protocol=protocol,
            numbers=numbers + settings.first,
            begun=beginning.of(numbers),
            folder=folder / f"batch-{index:05d}",
        )


def _summary(result: Ensemble) -> dict[str, Any]:
    final = result.active_populations()[-1]
    low, high = wilson_interval(final, result.n_trajectories)
    is_jump = result.hops.source == result.hops.target
    return {
        "n_trajectories": result.n_trajectories,
        "n_hops": int((result.hops.is_accepted & ~is_jump).sum()),
        "n_jumps": int(is_jump.sum()),
        "n_discarded": int((result.flags > Flag.FINISHED).sum()),
        "n_frustrated": int((~result.hops.is_accepted).sum()),
        "final_populations": np.stack([low, final, high], axis=1).tolist(),
        "time_fs": float(result.times[-1] / ATOMIC_TIME_PER_FS),
    }


def _text(settings: RunSettings) -> str:
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False)


@contextmanager
def _room_on_disk(output: str | os.PathLike[str]) -> Iterator[None]:
    """A disk that is full is an error that says how to go on."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise DataError(
            f"{os.fspath(output)} or its parts cannot be written ({error.strerror or error}); what was written is "
            f"whole: make room, then fusionmd namd resume {os.fspath(output)}"
        ) from error
