"""Structures through LAMMPS in a child process: data file, input, MPI ranks; numbers back in our units and frame."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase.calculators.lammps import Prism
from ase.data import atomic_masses
from numpy.typing import NDArray

from fusionmd.elements import SYMBOLS
from fusionmd.errors import PropagationError
from fusionmd.structure import Structure
from fusionmd.units import EV_PER_KCAL_PER_MOL
from fusionmd_lammps.launch import run_file

Array = NDArray[np.float64]

# update.cpp of LAMMPS: pressure units from energy/volume, as it has them itself.
NKTV2P = {"metal": 1.6021765e6, "real": 68568.415}
EV_PER_UNIT = {"metal": 1.0, "real": EV_PER_KCAL_PER_MOL}
FEMTOSECONDS = {"metal": 1e-3, "real": 1.0, "lj": 1.0}
TIMEOUT_S = 120
LAST_WORDS = 2000  # characters


@dataclass(frozen=True, eq=False)
class Answer:
    """energy: eV.  forces: [n_atoms, 3], eV/angstrom.  virial: [3, 3], eV.  energies: Per atom, eV.

    atomic_virials: [n_atoms, 6] xx yy zz xy xz yz in the frame of LAMMPS, eV.  extras: `compute pair`, eV.
    """

    energy: float
    forces: Array
    virial: Array
    energies: Array
    atomic_virials: Array
    lammps_virial: Array
    extras: list[float]
    output: str


def write_data(
    structure: Structure,
    path: Path,
    elements: Sequence[int],
    margin: float = 1.0,
    *,
    velocities: Array | None = None,
    units: str = "metal",
) -> Prism | None:
    """A data file of atom style atomic; the rotation into LAMMPS' frame, if there is a cell.

    margin: Of the box around what is not periodic, angstrom.  velocities: [n_atoms, 3], angstrom/fs.
    """
    elements = list(elements)
    prism = Prism(structure.cell) if structure.is_periodic else None
    positions = structure.positions if prism is None else prism.vector_to_lammps(structure.positions)
    lines = ["", "", f"{structure.n_atoms} atoms", f"{len(elements)} atom types"]
    if prism is None:
        low, high = positions.min(0) - margin, positions.max(0) + margin
        lines += [f"{low[k]:.17g} {high[k]:.17g} {x}lo {x}hi" for k, x in enumerate("xyz")]
    else:
        xx, yy, zz, xy, xz, yz = prism.get_lammps_prism()
        lines += [f"0 {length:.17g} {x}lo {x}hi" for x, length in zip("xyz", (xx, yy, zz), strict=True)]
        lines += [f"{xy:.17g} {xz:.17g} {yz:.17g} xy xz yz"] if max(map(abs, (xy, xz, yz))) > 1e-12 else []
    lines += ["", "Masses", "", *(f"{k + 1} {atomic_masses[z]}" for k, z in enumerate(elements)), "", "Atoms", ""]
    for i, (z, r) in enumerate(zip(structure.numbers, positions, strict=True)):
        lines.append(f"{i + 1} {elements.index(int(z)) + 1} {_numbers(r)}")
    if velocities is not None:
        scaled = velocities / FEMTOSECONDS[units]
        turned = scaled if prism is None else prism.vector_to_lammps(scaled)
        lines += ["", "Velocities", "", *(f"{i + 1} {_numbers(v)}" for i, v in enumerate(turned))]
    path.write_text("\n".join(lines) + "\n")
    return prism


def script(
    structure: Structure,
    potential: Path | str,
    elements: Sequence[int],
    *,
    style: str = "",
    units: str = "metal",
    before: str = "",
    pair: str | None = None,
    timestep_fs: float = 0.5,
) -> str:
    """The head of an input file, up to `timestep`; `before` stands before the box is made."""
    symbols = " ".join(SYMBOLS[z] for z in elements)
    boundary = " ".join("p" if p else "f" for p in structure.pbc)
    pair = pair or f"pair_style fusionmd {style}\npair_coeff * * {potential} {symbols}"
    return f"""units {units}
boundary {boundary}
atom_style atomic
{before}
box tilt large
read_data start.data
{pair}
timestep {FEMTOSECONDS[units] * timestep_fs}
"""


MEASURE = """
compute v all pressure NULL virial
compute e all pe/atom
compute s all stress/atom NULL
compute x all pair fusionmd
thermo_style custom step pe c_v[1] c_v[2] c_v[3] c_v[4] c_v[5] c_v[6] c_x[*]
dump d all custom 1 answer.dump id fx fy fz c_e c_s[*]
dump_modify d sort id format float %.17g
run 0
variable volume equal vol
print "ANSWER $(pe:%.17g) $(c_v[1]:%.17g) $(c_v[2]:%.17g) $(c_v[3]:%.17g) $(c_v[4]:%.17g) $(c_v[5]:%.17g) $(c_v[6]:%.17g) $(vol:%.17g)"
print "EXTRAS $(c_x[1]:%.17g) {more}"
"""  # noqa: E501


def ask_all(
    structures: Sequence[Structure],
    potential: Path | str,
    folder: Path,
    *,
    elements: Sequence[int],
    n_ranks: int = 1,
    units: str = "metal",
    after: str = "",
    n_extras: int = 1,
    margin: float = 1.0,
    timeout_s: float = TIMEOUT_S,
    **head: str | None,
) -> list[Answer]:
    """Energy, forces and the rest of structures, one after the other in one process per rank.

    elements: Of the atom types, by atomic number.  after: Input between `timestep` and the run.
    n_extras: How many numbers `compute pair` has.  head: More of `script`.
    Raises PropagationError with LAMMPS' last words where it fails.
    """
    more = " ".join(f"$(c_x[{k}]:%.17g)" for k in range(2, n_extras + 1))
    folder.mkdir(parents=True, exist_ok=True)
    texts, prisms = [], []
    for index, structure in enumerate(structures):
        prisms.append(write_data(structure, folder / f"{index}.data", elements, margin))
        text = script(structure, potential, elements, units=units, **head) + after + MEASURE.replace("{more}", more)  # type: ignore[arg-type]
        texts.append(text.replace("start.data", f"{index}.data").replace("answer.dump", f"{index}.dump"))
    done = checked(run("clear\n".join(texts), folder, n_ranks=n_ranks, timeout_s=timeout_s))
    numbers = zip(all_printed(done.stdout, "ANSWER"), all_printed(done.stdout, "EXTRAS"), strict=True)
    return [
        _read(answer, extras, folder / f"{index}.dump", prism, units, done.stdout)
        for index, ((answer, extras), prism) in enumerate(zip(numbers, prisms, strict=True))
    ]


def ask(structure: Structure, potential: Path | str, folder: Path, **options: Any) -> Answer:
    """`ask_all` of one structure."""
    return ask_all([structure], potential, folder, **options)[0]


def run(text: str, folder: Path, *, n_ranks: int = 1, timeout_s: float = TIMEOUT_S) -> subprocess.CompletedProcess[str]:
    """Run an input; everything it says is captured."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "in.lammps").write_text(text)
    arguments = ["-log", "none"]
    return run_file(
        folder / "in.lammps", n_ranks=n_ranks, arguments=arguments, folder=folder, timeout_s=timeout_s, capture=True
    )


def checked(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """What ended well; PropagationError where LAMMPS did not."""
    if done.returncode:
        said = (done.stdout + done.stderr)[-LAST_WORDS:]
        raise PropagationError(f"LAMMPS ended with exit code {done.returncode} and said at last: {said}")
    return done


def printed(output: str, name: str) -> list[float]:
    """The numbers of the last line that begins with `name`."""
    return all_printed(output, name)[-1]


def all_printed(output: str, name: str) -> list[list[float]]:
    """The numbers of every line that begins with `name`."""
    lines = re.findall(rf"^{name} (.*)$", output, re.MULTILINE)
    return [[float(word) for word in line.split()] for line in lines]


def _numbers(row: Array) -> str:
    return " ".join(f"{x:.17g}" for x in row)


def _read(answer: list[float], extras: list[float], dump: Path, prism: Prism | None, units: str, output: str) -> Answer:
    eV = EV_PER_UNIT[units]
    energy, *pressures, volume = answer
    xx, yy, zz, xy, xz, yz = np.array(pressures) * volume / NKTV2P[units] * eV
    virial = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    rows = np.array([[float(x) for x in line.split()] for line in dump.read_text().split("\n")[9:] if line])
    forces = rows[:, 1:4] * eV
    return Answer(
        energy=energy * eV,
        forces=forces if prism is None else prism.vector_to_ase(forces),
        virial=virial if prism is None else prism.tensor2_to_ase(virial),
        energies=rows[:, 4] * eV,
        atomic_virials=-rows[:, 5:] / NKTV2P[units] * eV,
        lammps_virial=np.array([xx, yy, zz, xy, xz, yz]),
        extras=[x * eV for x in extras],
        output=output,
    )
