"""10. Surface hopping: trajectories through a conical intersection, beside the exact wave packet.

    python examples/10_surface_hopping.py     writes examples/output/hopping.png

A model of two coordinates stands for the molecule here, so that the exact answer can be had. With a potential file of
several states the command line does the same: fusionmd namd sample, then fusionmd namd run, then fusionmd namd analyze.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from fusionmd.namd.config import method_of, parts_of
from fusionmd.namd.driver import start
from fusionmd.namd.ensemble import Ensemble, run_ensemble
from fusionmd.namd.exact import Grid, gaussian, propagate
from fusionmd.namd.model_systems import ModelSurfaces
from fusionmd.namd.populations import wilson_interval
from fusionmd.namd.sampling import diabatic_start, wigner_packet
from fusionmd.namd.vibronic_models import LinearVibronicCoupling, pyrazine
from fusionmd.units import ATOMIC_TIME_PER_FS

LENGTH_FS, N_STEPS, N_FRAMES = 100.0, 800, 40
METHODS = {
    "FSSH with EDC": {"hopping": "fssh", "amplitudes": "diabatic", "substeps": 2, "decoherence": "edc"},
    "Landau-Zener": {"hopping": "lzsh"},
    "kCSDM": {"hopping": "kcsdm", "substeps": 4},
}
TIME_STEP = LENGTH_FS * ATOMIC_TIME_PER_FS / N_STEPS


def hopping(model: LinearVibronicCoupling, method: dict[str, object], n: int) -> Ensemble:
    """Trajectories that start like the packet: positions and velocities from its Wigner function."""
    parts = parts_of(method_of(seed=1, **method), ModelSurfaces(model), TIME_STEP)
    numbers, widths = np.arange(n), np.sqrt(2 / model.frequencies)
    packet = {"centre": model.centre, "width": widths, "wave_number": np.zeros(2)}
    places, speeds = wigner_packet(numbers, **packet, masses=model.masses, seed=1)
    active, amplitudes = diabatic_start(numbers, model.start_state, places, parts.surfaces, 1)
    state = start(parts, trajectory=numbers, positions=places, velocities=speeds, active=active, amplitudes=amplitudes)
    return run_ensemble(state, parts, n_steps=N_STEPS, interval=N_STEPS // N_FRAMES)


def exact(model: LinearVibronicCoupling) -> np.ndarray:
    """P(upper) of the packet on a grid, at every frame."""
    grid, widths = Grid((-200.0, -150.0), (200.0, 150.0), (128, 96)), np.sqrt(2 / model.frequencies)
    wave = gaussian(model, grid, centre=model.centre, width=widths, wave_number=np.zeros(2), state=model.start_state)
    populations = [wave.adiabatic_populations()[1]]
    for _ in range(N_FRAMES):
        wave = propagate(wave, time_step=TIME_STEP, n_steps=N_STEPS // N_FRAMES)
        populations.append(wave.adiabatic_populations()[1])
    return np.array(populations)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--trajectories", type=int, default=1000)
    arguments.add_argument("--out", type=Path, default=Path("examples/output"))
    arguments.add_argument("--smoke", action="store_true", help="50 trajectories")
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    n = 50 if given.smoke else given.trajectories

    model, times = pyrazine(), np.linspace(0, LENGTH_FS, N_FRAMES + 1)
    truth = exact(model)
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(times, truth, color="black", label="exact")
    for name, method in METHODS.items():
        result = hopping(model, method, n)
        upper = result.active_populations()[:, 1]
        low, high = wilson_interval(upper, n)
        (line,) = axes.plot(times, upper, label=name)
        axes.fill_between(times, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
        hops = result.hops
        print(
            f"{name}: {hops.is_accepted.sum()} hops, {(~hops.is_accepted).sum()} frustrated; mean distance from the "
            f"exact population {np.abs(upper - truth).mean():.3f}"
        )
    axes.set(xlabel="time (fs)", ylabel="population of the upper state", title="Pyrazine in two dimensions")
    axes.legend()
    figure.savefig(given.out / "hopping.png", dpi=120)
    print(f"{n} trajectories of {LENGTH_FS:g} fs with 95 % bands: {given.out / 'hopping.png'}")


if __name__ == "__main__":
    main()
