"""Molecular dynamics of a potential in LAMMPS, in this process: what `fusionmd md --engine lammps` runs.

In angstrom, fs and eV. LAMMPS wants its box in a frame of its own; everything is rotated there and back.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from fusionmd.elements import SYMBOLS
from fusionmd.errors import ConfigError, PropagationError
from fusionmd.structure import Structure, completed_cell
from fusionmd.units import EV_PER_ANGSTROM3_PER_BAR, EV_PER_ANGSTROM3_PER_GPA, FS_PER_PS
from fusionmd_lammps.launch import open_lammps
from fusionmd_lammps.single_point import FEMTOSECONDS, NKTV2P, write_data

Array = NDArray[np.float64]
Ensemble = Literal["nve", "nvt", "npt"]

MARGIN = 10.0  # angstrom, around what is not periodic; such walls move outwards with the atoms
MAX_SEED = 899_999_999
GLOBAL, VECTOR, SIZE_VECTOR = 0, 1, 3  # how the library of LAMMPS counts styles and types of data
INTEGER, DOUBLE = 0, 1

HEAD = """units metal
atom_style atomic
atom_modify map array
boundary {boundary}
box tilt large
read_data "{data}"
pair_style fusionmd {style}
pair_coeff * * "{potential}" {symbols}
neighbor {skin} bin
timestep {timestep}
compute virial all pressure NULL virial
compute more all pair fusionmd
fix forces all store/force
thermo_style custom step pe c_virial[1] c_more[1]
thermo_modify norm no
"""
FIXES: dict[Ensemble, str] = {
    "nve": "fix move all nve\n",
    # The stored forces are those of the potential alone: the thermostat adds its own after them.
    "nvt": "fix move all nve\nfix thermostat all langevin {kelvin} {kelvin} {damping_ps} {seed}\n",
    "npt": "fix move all npt temp {kelvin} {kelvin} {thermostat_ps} iso {bar} {bar} {barostat_ps}\n",
}


@dataclass(frozen=True)
class Bath:
    """What holds temperature and pressure: friction of Langevin (nvt), time constants of Nose-Hoover chains (npt)."""

    temperature_K: float = 300.0
    friction_per_ps: float = 10.0
    pressure_GPa: float = 0.0
    thermostat_fs: float = 50.0
    barostat_fs: float = 500.0
    seed: int = 0

    def fixes(self, ensemble: Ensemble) -> str:
        """The input that makes LAMMPS move the atoms."""
        return FIXES[ensemble].format(
            kelvin=self.temperature_K,
            damping_ps=1.0 / self.friction_per_ps,
            thermostat_ps=self.thermostat_fs / FS_PER_PS,
            barostat_ps=self.barostat_fs / FS_PER_PS,
            bar=self.pressure_GPa * EV_PER_ANGSTROM3_PER_GPA / EV_PER_ANGSTROM3_PER_BAR,
            seed=self.seed % MAX_SEED + 1,
        )


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One instant: positions [n_atoms, 3], angstrom; velocities [n_atoms, 3], angstrom/fs; cell [3, 3], angstrom."""

    positions: Array
    velocities: Array
    cell: Array


@dataclass(frozen=True, eq=False)
class Quantities:
    """energy: eV.  forces: Of the potential [n_atoms, 3], eV/angstrom.  virial: [3, 3], eV.

    extras: `compute pair`: energies of all states, then the spread of a committee, eV.
    """

    energy: float
    forces: Array
    virial: Array
    extras: list[float]


class Dynamics:
    """A run: velocity Verlet (nve), Langevin (nvt), Nose-Hoover chains with an isotropic barostat (npt).

    potential: Path of the file.  structure: The start, with any cell and axes; masses are those of its elements.
    velocities: [n_atoms, 3], angstrom/fs.  style: Keywords of `pair_style fusionmd`.
    Raises ConfigError where LAMMPS refuses the start, with its words.
    """

    def __init__(
        self,
        potential: Path,
        structure: Structure,
        *,
        velocities: ArrayLike,
        ensemble: Ensemble = "nve",
        bath: Bath | None = None,
        timestep_fs: float = 0.5,
        skin: float = 1.0,
        style: str = "",
    ) -> None:
        self.structure = structure
        self.n_steps = 0
        self._boxed, self._origin = _boxed(structure)
        self._elements = sorted({int(number) for number in structure.numbers})
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "start.data"
            given = np.asarray(velocities, dtype=np.float64)
            self._prism = write_data(self._boxed, data, self._elements, MARGIN, velocities=given)
            head = HEAD.format(
                boundary=" ".join("p" if periodic else "m" for periodic in structure.pbc),
                data=data,
                style=style,
                potential=potential,
                symbols=" ".join(SYMBOLS[z] for z in self._elements),
                skin=skin,
                timestep=timestep_fs * FEMTOSECONDS["metal"],
            )
            self._lammps = open_lammps()
            self._begin(head + (bath or Bath()).fixes(ensemble) + "run 0 post no")

    def run(self, n_steps: int) -> None:
        """Advance by `n_steps`; PropagationError, in LAMMPS' words, where it stops."""
        try:
            self._lammps.command(f"run {n_steps} pre no post no")
        except Exception as error:  # the library raises Exception itself, and children of it
            raise PropagationError(
                f"LAMMPS stopped after step {self.n_steps}: {error}; try a smaller timestep"
            ) from None
        self.n_steps += n_steps

    def snapshot(self) -> Snapshot:
        """Where everything is now, in the frame of the start; atoms are not wrapped into the cell."""
        low, cell = self._box()
        positions = self._gathered("x") + self._gathered("image", INTEGER) @ cell
        moves = all(self.structure.pbc)
        return Snapshot(
            positions=self._back(positions - low if moves else positions) + self._origin,
            velocities=self._back(self._gathered("v")) * FEMTOSECONDS["metal"],
            cell=self._back(cell) if moves else self.structure.cell,
        )

    def quantities(self) -> Quantities:
        """What the last step found."""
        volume = float(self._lammps.get_thermo("vol"))
        xx, yy, zz, xy, xz, yz = (self._computed("virial", k) * volume / NKTV2P["metal"] for k in range(6))
        virial = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        n_extras = int(self._lammps.extract_compute("more", GLOBAL, SIZE_VECTOR))
        return Quantities(
            energy=float(self._lammps.get_thermo("pe")),
            forces=self._back(self._gathered("f_forces")),
            virial=virial if self._prism is None else self._prism.tensor2_to_ase(virial),
            extras=[self._computed("more", k) for k in range(n_extras)],
        )

    def close(self) -> None:
        """End LAMMPS."""
        self._lammps.close()

    def _begin(self, text: str) -> None:
        try:
            if (n_threads := torch.get_num_threads()) > 1:  # the pair style gives torch as many as LAMMPS has
                self._lammps.command(f"package omp {n_threads} neigh no")
            self._lammps.commands_string(text)
        except Exception as error:
            self._lammps.close()
            raise ConfigError(f"LAMMPS refuses the start: {error}") from None

    def _box(self) -> tuple[Array, Array]:
        """Its lowest corner and its vectors as rows, in the frame of LAMMPS."""
        low, high, xy, yz, xz, *_ = self._lammps.extract_box()
        x, y, z = np.subtract(high, low)
        return np.array(low), np.array([[x, 0.0, 0.0], [xy, y, 0.0], [xz, yz, z]])

    def _gathered(self, name: str, kind: int = DOUBLE) -> Array:
        """Three numbers of every atom, in the order of the structure."""
        found: Any = self._lammps.gather(name, kind, 3)
        return np.array(found, dtype=np.float64).reshape(-1, 3)

    def _computed(self, name: str, index: int) -> float:
        return float(self._lammps.extract_compute(name, GLOBAL, VECTOR)[index])

    def _back(self, rows: Array) -> Array:
        return rows if self._prism is None else self._prism.vector_to_ase(rows)


def _boxed(structure: Structure) -> tuple[Structure, Array]:
    """The structure with a box around it where it is not periodic, and what was taken off its positions [3].

    Vectors of the cell that are not periodic are replaced by normals of the others: LAMMPS wants walls that are not
    tilted.
    """
    walls = ~np.array(structure.pbc)
    if not walls.any() or walls.all():
        return structure, np.zeros(3)
    cell = completed_cell(structure.cell, structure.pbc)  # rows of walls have length 1
    along = structure.positions @ np.linalg.inv(cell)
    origin = np.where(walls, along.min(0) - MARGIN, 0.0) @ cell
    cell[walls] *= (np.ptp(along, axis=0) + 2.0 * MARGIN)[walls, None]
    return Structure(structure.numbers, structure.positions - origin, cell, structure.pbc), origin
