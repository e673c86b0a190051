"""A structure through LAMMPS in child processes: data file, input, MPI ranks; numbers back in our units and frame."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.calculators.lammps import Prism
from ase.data import atomic_masses

from fusionmd.elements import SYMBOLS
from fusionmd.structure import Structure
from fusionmd.units import EV_PER_KCAL_PER_MOL
from fusionmd_lammps import run_file

# update.cpp of LAMMPS: pressure units from energy/volume, as it has them itself.
NKTV2P = {"metal": 1.6021765e6, "real": 68568.415}
EV_PER_UNIT = {"metal": 1.0, "real": EV_PER_KCAL_PER_MOL}
FEMTOSECONDS = {"metal": 1e-3, "real": 1.0, "lj": 1.0}
TIMEOUT_S = 120


@dataclass(frozen=True, eq=False)
class Answer:
    """energy: eV.  forces: [n_atoms, 3], eV/angstrom.  virial: [3, 3], eV.  energies: Per atom, eV.

    atomic_virials: [n_atoms, 6] xx yy zz xy xz yz in the frame of LAMMPS, eV.  extras: `compute pair`, eV.
    """

    energy: float
    forces: np.ndarray
    virial: np.ndarray
    energies: np.ndarray
    atomic_virials: np.ndarray
    lammps_virial: np.ndarray
    extras: list[float]
    output: str


def write_data(structure: Structure, path: Path, elements: list[int], margin: float = 1.0) -> Prism | None:
    """A data file of atom style atomic; the rotation into LAMMPS' frame, if there is a cell."""
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
        lines.append(f"{i + 1} {elements.index(int(z)) + 1} " + " ".join(f"{x:.17g}" for x in r))
    path.write_text("\n".join(lines) + "\n")
    return prism


def script(
    structure: Structure,
    potential: Path | str,
    elements: list[int],
    *,
    style: str = "",
    units: str = "metal",
    before: str = "",
    pair: str | None = None,
) -> str:
    """The head of an input file, up to `pair_coeff`; `before` stands before the box is made."""
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
timestep {FEMTOSECONDS[units] * 0.5}
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


def ask(
    structure: Structure,
    potential: Path | str,
    folder: Path,
    *,
    n_ranks: int = 1,
    elements: list[int] | None = None,
    units: str = "metal",
    after: str = "",
    n_extras: int = 1,
    margin: float = 1.0,
    **head: str | None,
) -> Answer:
    """Energy, forces and the rest of one structure."""
    elements = elements or [1, 6, 8]
    folder.mkdir(parents=True, exist_ok=True)
    prism = write_data(structure, folder / "start.data", elements, margin)
    more = " ".join(f"$(c_x[{k}]:%.17g)" for k in range(2, n_extras + 1))
    text = script(structure, potential, elements, units=units, **head) + after + MEASURE.replace("{more}", more)  # type: ignore[arg-type]
    done = run(text, folder, n_ranks=n_ranks)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return _read(done.stdout, folder / "answer.dump", prism, units)


def run(text: str, folder: Path, *, n_ranks: int = 1, timeout_s: float = TIMEOUT_S):
    """Run an input; everything it says is captured."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "in.lammps").write_text(text)
    arguments = ["-log", "none"]
    return run_file(
        folder / "in.lammps", n_ranks=n_ranks, arguments=arguments, folder=folder, timeout_s=timeout_s, capture=True
    )


def printed(output: str, name: str) -> list[float]:
    """The numbers of the last line that begins with `name`."""
    lines = re.findall(rf"^{name} (.*)$", output, re.MULTILINE)
    return [float(word) for word in lines[-1].split()]


def _read(output: str, dump: Path, prism: Prism | None, units: str) -> Answer:
    eV = EV_PER_UNIT[units]
    energy, *pressures, volume = printed(output, "ANSWER")
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
        extras=[x * eV for x in printed(output, "EXTRAS")],
        output=output,
    )
