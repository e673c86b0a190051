"""The demo: what a potential file is and does, shown with the shipped acetylacetone potential.

    make demo        or: python examples/demo.py [--potential FILE] [--out FOLDER]

It loads and self-tests the potential, evaluates it on frames made here, runs 0.5 ps of NVE and 1 ps of NVT dynamics,
and leaves trajectories and plots in a folder. Then 24 trajectories of cis-stilbene hop from its first excited state to
the ground state. It ends with the table of `fusionmd verify`: every engine that is installed, for every shipped
potential. Native code for it is built first, where there is a compiler.
"""

import argparse
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from ase import Atoms, units
from ase.io import read, write
from ase.md.langevin import Langevin
from ase.md.md import MolecularDynamics
from ase.md.velocitydistribution import Stationary, ZeroRotation
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS

from fusionmd import Structure, load_potential
from fusionmd.engines.ase import FusionCalculator
from fusionmd.errors import FusionMDError
from fusionmd.o3 import random_rotation
from fusionmd.potential import Potential
from fusionmd.potential.fast import build_fast
from fusionmd.potential.shipped import shipped_folders
from fusionmd.workflows.namd_study import begin, choice_of, draw, hop
from fusionmd.workflows.namd_study_report import report, summary_rows
from fusionmd.workflows.verify import verify
from fusionmd_lammps.build import build
from fusionmd_lammps.host import wheel_host

HERE = Path(__file__).resolve().parent
START = HERE / "structures" / "acetylacetone.xyz"
OXYGENS, PROTON = (0, 4), 7
TEMPERATURE = 300.0  # K
TIMESTEP = 0.5  # fs


@dataclass
class Record:
    """Rows along a run: time (fs), total and potential energy (eV), temperature (K), proton coordinate (angstrom)."""

    rows: list[tuple[float, float, float, float, float]]

    def column(self, index: int) -> np.ndarray:
        return np.array([row[index] for row in self.rows])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--potential", default="acac-300K", help="shipped name, or a file that knows H, C and O")
    arguments.add_argument("--out", type=Path, default=Path("demo-output"))
    arguments.add_argument("--threads", type=int, default=1, help="of torch; fifteen atoms keep one busy")
    arguments.add_argument("--smoke", action="store_true", help="a twentieth of the steps")
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    scale = 20 if given.smoke else 1
    torch.set_num_threads(given.threads)

    if not given.smoke:
        heading("0. Native code for this machine, built once")
        build_native_code(given.potential)

    heading("1. Load the potential; loading runs its self-test")
    potential = load_potential(given.potential, compiled="auto")
    describe(potential)

    heading("2. Relax acetylacetone (enol form), starting from textbook bond lengths")
    atoms = relaxed(potential)
    write(given.out / "relaxed.xyz", atoms)

    heading("3. Evaluate it on frames made here: thermal displacements of that minimum")
    evaluate(potential, atoms)

    heading("4. Dynamics at constant energy: 0.5 ps")
    rng = np.random.default_rng(1)
    heat(atoms, rng)
    nve = run(VelocityVerlet(atoms, TIMESTEP * units.fs), atoms, 1000 // scale, given.out / "nve.xyz")
    spread = np.ptp(nve.column(1)) / len(atoms)
    print(f"total energy: within {1000 * spread:.3f} meV per atom; temperature {nve.column(3).mean():.0f} K on average")

    heading("5. Dynamics at constant temperature: 1 ps, Langevin thermostat")
    bath = {"temperature_K": TEMPERATURE, "friction": 0.02 / units.fs, "fixcm": False, "rng": rng}
    nvt = run(Langevin(atoms, TIMESTEP * units.fs, **bath), atoms, 2000 // scale, given.out / "nvt.xyz")
    print(f"temperature: {nvt.column(3).mean():.0f} K on average, {nvt.column(3).std():.0f} K standard deviation")
    jumps = int(np.count_nonzero(np.diff(np.sign(nvt.column(4)))))
    print(f"the proton between the oxygens crossed the middle {jumps} times")

    plot(nve, nvt, len(atoms), given.out / "dynamics.png")

    heading("6. Light on cis-stilbene: trajectories that hop between electronic states")
    isomerise(given.out / "stilbene", is_short=given.smoke)

    names = [given.potential] if given.smoke else dict.fromkeys([given.potential, *shipped_folders()])
    for number, name in enumerate(names, start=7):
        heading(f"{number}. {name}: the same answer in every engine")
        show_agreement(name, is_short=given.smoke)

    heading("Done. Look at:")
    for path in sorted(given.out.iterdir()):
        print(f"  {path}")


def heading(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


def describe(potential: Potential) -> None:
    data = potential.metadata
    print(potential)
    print(f"interaction range {data.interaction_range:g} A; licence of weights: {data.licence_weights or '?'}")
    for frames, errors in data.metrics.items():
        if isinstance(errors, dict) and "forces_rmse_meV_A" in errors:
            energy, forces = errors["energy_rmse_meV"], errors["forces_rmse_meV_A"]
            print(f"  errors on {frames} frames (RMSE): energy {energy:.2f} meV, forces {forces:.2f} meV/angstrom")
    for check in data.report.get("checks", []):
        print(f"  checked at export: {check['name']}: {check['error']:.0g} (allowed {check['tolerance']:.0g})")


def relaxed(potential: Potential) -> Atoms:
    atoms = read(START)
    atoms.calc = FusionCalculator(potential)
    before = atoms.get_potential_energy()
    search = BFGS(atoms, logfile=None)
    search.run(fmax=0.01, steps=200)
    gained = before - atoms.get_potential_energy()
    print(f"{search.nsteps} steps, {gained:.3f} eV lower, O...O distance {atoms.get_distance(*OXYGENS):.3f} angstrom")
    return atoms


def evaluate(potential: Potential, atoms: Atoms) -> None:
    rng = np.random.default_rng(0)
    displaced = [atoms.positions + rng.normal(scale=0.03, size=atoms.positions.shape) for _ in range(8)]
    frames = [Structure(atoms.numbers, positions) for positions in displaced]
    start = time.perf_counter()
    results = potential.evaluate(frames)
    seconds = time.perf_counter() - start
    minimum = atoms.get_potential_energy()
    for k, result in enumerate(results):
        largest = np.linalg.norm(result.forces[0], axis=1).max()
        above = result.energy - minimum
        print(f"frame {k}: {above:7.3f} eV above the minimum, largest force {largest:6.3f} eV/angstrom")
    print(f"energies and forces of {len(frames)} frames in one batch: {1000 * seconds:.0f} ms")
    turned = Structure(atoms.numbers, frames[0].positions @ random_rotation(rng).T)
    change = abs(potential.evaluate([turned])[0].energy - results[0].energy)
    print(f"turned in space: the energy changes by {change:.1e} eV")
    print(f"forces against finite differences of the energy: {force_error(potential, frames[0]):.1e} eV/angstrom")


def force_error(potential: Potential, frame: Structure, h: float = 1e-2) -> float:
    """Largest deviation of the forces on the first two atoms from a five-point stencil of step `h` (angstrom)."""
    components = [(atom, axis) for atom in range(2) for axis in range(3)]
    moved = []
    for atom, axis in components:
        for step in (-2, -1, 1, 2):
            positions = frame.positions.copy()
            positions[atom, axis] += step * h
            moved.append(frame.with_positions(positions))
    energies = np.array([result.energy for result in potential.evaluate(moved)]).reshape(-1, 4)
    numerical = -energies @ np.array([1.0, -8.0, 8.0, -1.0]) / (12 * h)
    forces = potential.evaluate([frame])[0].forces[0]
    return float(np.abs(numerical - [forces[atom, axis] for atom, axis in components]).max())


def heat(atoms: Atoms, rng: np.random.Generator) -> None:
    """Maxwell-Boltzmann momenta with twice the kinetic energy: from the minimum, half of it goes into the bonds."""
    scale = np.sqrt(atoms.get_masses() * 2 * units.kB * TEMPERATURE)
    atoms.set_momenta(rng.normal(size=(len(atoms), 3)) * scale[:, None])
    Stationary(atoms)
    ZeroRotation(atoms)


def run(dynamics: MolecularDynamics, atoms: Atoms, n_steps: int, path: Path, every: int = 5) -> Record:
    """Run `n_steps`, write every fifth frame to `path`, and record what happens."""
    record, frames = Record([]), []

    def observe() -> None:
        time_fs = dynamics.nsteps * TIMESTEP
        proton = atoms.get_distance(OXYGENS[0], PROTON) - atoms.get_distance(OXYGENS[1], PROTON)
        total, potential = atoms.get_total_energy(), atoms.get_potential_energy()
        record.rows.append((time_fs, total, potential, atoms.get_temperature(), proton))
        frames.append(atoms.copy())

    dynamics.attach(observe, interval=every)
    start = time.perf_counter()
    dynamics.run(n_steps)
    seconds = time.perf_counter() - start
    write(path, frames, format="extxyz")
    print(f"{n_steps} steps in {seconds:.1f} s: {1000 * seconds / n_steps:.1f} ms a step")
    return record


def isomerise(folder: Path, *, is_short: bool) -> None:
    """What `fusionmd namd stilbene --start cis -n 24 -o FOLDER` does."""
    shutil.rmtree(folder, ignore_errors=True)
    n, time_fs = (2, 2.0) if is_short else (24, None)
    plan = begin("stilbene", choice_of(start="cis", n_trajectories=n, time_fs=time_fs, seed=1), folder)
    start = time.perf_counter()
    draw(plan)
    hop(plan)
    found = report(plan)
    print(f"{n} trajectories from {plan.surfaces} in {time.perf_counter() - start:.0f} s")
    for name, value in summary_rows(found.result):
        print(f"{name:<34} {value}")


def build_native_code(name: str) -> None:
    """Native operations and the LAMMPS plugin, where that can be; the demo goes on without."""
    for what, make in (
        ("native operations", lambda: build_fast(load_potential(name))[0]),
        ("LAMMPS plugin", lambda: build(wheel_host())),
    ):
        start = time.perf_counter()
        try:
            print(f"{what}: {make()} ({time.perf_counter() - start:.0f} s)")
        except FusionMDError as error:
            print(f"{what}: none here: {error}")


def show_agreement(name: str, *, is_short: bool) -> None:
    """The rows of `fusionmd verify`; an engine that is absent says so."""
    frames = [Structure.from_ase(read(START))] if is_short else []
    found = verify(name, frames, has_dynamics=not is_short)
    for row in found.rows:
        error = "" if row.max_error is None else f"{row.max_error:.1e}"
        print(f"{row.name:<46} {error:>8}  allowed {row.tolerance:.0e}  {row.result}")
    print("all that was compared agrees" if found.passed else "NOT everything agrees")


def plot(nve: Record, nvt: Record, n_atoms: int, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), layout="constrained")
    axes = figure.subplots(2, 2)
    time_nve, time_nvt = nve.column(0), nvt.column(0)
    axes[0, 0].plot(time_nve, 1000 * (nve.column(2) - nve.column(2)[0]), label="potential")
    axes[0, 0].plot(time_nve, 1000 * (nve.column(1) - nve.column(1)[0]), label="total")
    axes[0, 0].set(title="NVE: energies", xlabel="time (fs)", ylabel="change (meV)")
    axes[0, 0].legend(loc="lower right", bbox_to_anchor=(1.0, 0.08))
    total = nve.column(1)
    axes[0, 1].plot(time_nve, 1e6 * (total - total.mean()) / n_atoms, color="C1")
    axes[0, 1].set(title="NVE: total energy, magnified", xlabel="time (fs)", ylabel="E - mean (µeV per atom)")
    axes[1, 0].plot(time_nvt, nvt.column(3))
    axes[1, 0].axhline(TEMPERATURE, color="grey", linestyle=":")
    axes[1, 0].set(title="NVT: temperature", xlabel="time (fs)", ylabel="temperature (K)")
    axes[1, 1].plot(time_nvt, nvt.column(4))
    axes[1, 1].axhline(0, color="grey", linestyle=":")
    axes[1, 1].set(title="NVT: the proton between the oxygens", xlabel="time (fs)", ylabel="d(O-H) - d(H...O) (Å)")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
