"""Speed of hopping trajectories: Tully's first model against mudslide, and batches on a potential file.

    python -m benchmarks.namd_throughput tully --peer PYTHON_WITH_MUDSLIDE
    python -m benchmarks.namd_throughput potential

Both write their part of benchmarks/results/namd_throughput.json. One thread; processor time is what counts, since the
machine may be shared, and the two programs take turns.
"""

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from benchmarks.machine import ROOT, provenance
from benchmarks.our_models import CONFIG, E0, ELEMENTS, STATISTICS
from benchmarks.results_file import FOLDER, write_results
from fusionmd.models import build_model
from fusionmd.namd.config import method_of, parts_of
from fusionmd.namd.driver import start
from fusionmd.namd.ensemble import run_ensemble
from fusionmd.namd.model_systems import ModelSurfaces
from fusionmd.namd.sampling import adiabatic_start
from fusionmd.namd.scattering_models import SimpleAvoidedCrossing
from fusionmd.namd.surfaces import PotentialSurfaces
from fusionmd.potential import load_potential
from fusionmd.potential.export import potential_bytes
from fusionmd.structure import Structure
from fusionmd.units import ANGSTROM_PER_BOHR, ATOMIC_TIME_PER_FS

NAME = "namd_throughput"
WAVE_NUMBER, TIME_STEP, START, STOP, ROUNDS = 20.0, 5.0, -10.0, 11.0, 3
N_OURS, N_PEER = 5000, 100
N_STATES, N_CHANNELS, STEP_FS = 3, 16, 0.1
STEPS = {1: 20, 10: 6, 100: 3, 1000: 1}  # of each batch size
CHUNKS = (1, 4)
OTHERS: dict[str, dict[str, str]] = {
    "LZSH, gap_curvature: exact (all gradients)": {"gap_curvature": "exact"},
    "kCSDM (all gradients)": {"hopping": "kcsdm"},
}
CHANNELS = ("transmitted, lower", "transmitted, upper", "reflected, lower", "reflected, upper")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("part", choices=["tully", "potential"])
    arguments.add_argument("--peer", help="interpreter that has mudslide")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    parts = stored()
    parts[given.part] = tully(given.peer) if given.part == "tully" else potential()
    parts[given.part]["provenance"] = provenance()
    print(json.dumps(parts[given.part], indent=1))
    print(write_results(NAME, {"results": parts, "table": table(parts)}))


def stored() -> dict[str, Any]:
    """What an earlier call found."""
    path = FOLDER / f"{NAME}.json"
    return json.loads(path.read_text())["results"] if path.exists() else {}


def tully(peer: str) -> dict[str, Any]:
    """Trajectories per second of processor time, the median of rounds in turn, and where they end."""
    ours, theirs = [], []
    for seed in range(1, ROUNDS + 1):
        ours.append(tully_ours(seed))
        theirs.append(tully_peer(peer, seed))
    rates = {
        name: float(np.median([r["n"] / r["cpu_s"] for r in runs]))
        for name, runs in (("ours", ours), ("mudslide", theirs))
    }
    shares = {
        name: np.sum([r["counts"] for r in runs], axis=0) / sum(r["n"] for r in runs)
        for name, runs in (("ours", ours), ("mudslide", theirs))
    }
    error = np.sqrt(
        sum(
            share * (1 - share) / n
            for share, n in zip(shares.values(), (ROUNDS * N_OURS, ROUNDS * N_PEER), strict=True)
        )
    )
    return {
        "settings": {"wave_number": WAVE_NUMBER, "time_step": TIME_STEP, "start": START, "stop": STOP},
        "trajectories_per_s": rates,
        "ratio": rates["ours"] / rates["mudslide"],
        "shares": {name: dict(zip(CHANNELS, share.tolist(), strict=True)) for name, share in shares.items()},
        "standard_error_of_difference": dict(zip(CHANNELS, error.tolist(), strict=True)),
        "runs": {"ours": ours, "mudslide": theirs},
    }


def tully_ours(seed: int) -> dict[str, Any]:
    """One batch, at the peer's start and step."""
    model, numbers = SimpleAvoidedCrossing(), np.arange(N_OURS)
    method = method_of(hopping="fssh", amplitudes="diabatic", substeps=2, decoherence="none", seed=seed)
    parts = parts_of(method, ModelSurfaces(model), TIME_STEP)
    active, amplitudes = adiabatic_start(numbers, 0, 2)
    places, speeds = np.full((N_OURS, 1), START), np.full((N_OURS, 1), WAVE_NUMBER / model.mass)
    began, began_cpu = time.perf_counter(), time.process_time()
    state = start(parts, trajectory=numbers, positions=places, velocities=speeds, active=active, amplitudes=amplitudes)
    result = run_ensemble(
        state, parts, n_steps=800, interval=10, is_finished=lambda s: np.abs(s.positions[:, 0]) > STOP
    )
    spent = {"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - began_cpu}
    final = result.final
    counts = np.bincount(np.where(final.positions[:, 0] > 0, 0, 2) + final.active, minlength=4)
    return {"n": N_OURS, "counts": counts.tolist(), "steps_each": float(final.step.mean()), **spent}


def tully_peer(peer: str, seed: int) -> dict[str, Any]:
    """The same with mudslide."""
    script = Path(__file__).with_name("namd_mudslide.py")
    command = [peer, str(script), str(N_PEER), str(WAVE_NUMBER), str(TIME_STEP), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])


def potential() -> dict[str, Any]:
    """Time per trajectory and step of LZSH on octane, beside the bare evaluation of the same structures."""
    model = three_states()
    content, _ = potential_bytes(
        model, atomic_energies={1: E0[1], 6: (E0[6], E0[6] + 3.0, E0[6] + 4.0), 8: E0[8]}, name="octane", frames=()
    )
    loaded, plain = load_potential(content, compiled="yes"), load_potential(content)
    numbers, places = octane()
    surfaces = PotentialSurfaces(loaded, numbers)
    rows = [batch_row(surfaces, places, n) for n in STEPS]
    chunked = {
        str(chunk): batch_row(PotentialSurfaces(plain, numbers, chunk=chunk), places, 100)["step_ms"]
        for chunk in CHUNKS
    }
    return {
        "settings": {
            "atoms": len(numbers),
            "states": N_STATES,
            "channels": N_CHANNELS,
            "time_step_fs": STEP_FS,
            "dtype": loaded.dtype,
            "compiled": loaded.is_compiled,
        },
        "rows": rows,
        "torchscript_step_ms": batch_row(PotentialSurfaces(plain, numbers), places, 100)["step_ms"],
        "chunked_step_ms": chunked,
        "other_methods_step_ms": {
            name: batch_row(surfaces, places, 100, **method)["step_ms"] for name, method in OTHERS.items()
        },
        "curvature_of_a_gap_ms": hessian_row(surfaces, places),
    }


def three_states() -> torch.nn.Module:
    """The architecture of the shipped potential with fewer channels, three outputs and small random weights."""
    section = yaml.safe_load(CONFIG.read_text())["model"] | {"n_outputs": N_STATES, "n_channels": N_CHANNELS}
    torch.manual_seed(0)
    return build_model(section, elements=ELEMENTS, statistics=STATISTICS | {"rms_force": 0.1})


def batch_row(surfaces: PotentialSurfaces, places: np.ndarray, n: int, **method: Any) -> dict[str, Any]:
    """Milliseconds of one processor per trajectory and step; the bare evaluation asks for what a step asks for."""
    generator, numbers = np.random.default_rng(n), np.arange(n)
    positions = (places.ravel() + 0.02 * generator.normal(size=(n, places.size))) / ANGSTROM_PER_BOHR
    parts = parts_of(method_of(**{"hopping": "lzsh"} | method), surfaces, STEP_FS * ATOMIC_TIME_PER_FS)
    active, amplitudes = adiabatic_start(numbers, 1, N_STATES)
    state = start(
        parts,
        trajectory=numbers,
        positions=positions,
        velocities=np.zeros_like(positions),
        active=active,
        amplitudes=amplitudes,
    )
    atoms, _ = octane()
    structures = [Structure(atoms, point.reshape(-1, 3) * ANGSTROM_PER_BOHR) for point in positions]
    states = np.ones((1, n), dtype=np.int64)
    steps, bare = [], []
    for _ in range(2):
        bare.append(cpu(lambda: surfaces.potential.evaluate(structures, states=states), STEPS[n]))
        steps.append(cpu(lambda: run_ensemble(state, parts, n_steps=STEPS[n], interval=STEPS[n]), 1) / STEPS[n])
    step, evaluation = min(steps) * 1e3 / n, min(bare) * 1e3 / n
    return {"trajectories": n, "step_ms": step, "evaluation_ms": evaluation, "ratio": step / evaluation}


def hessian_row(surfaces: PotentialSurfaces, places: np.ndarray) -> dict[str, float]:
    """Milliseconds per trajectory of the curvature of one gap, of two states, for one and for 16 trajectories."""
    return {str(n): _curvature_ms(surfaces, places, n) for n in (1, 16)}


def _curvature_ms(surfaces: PotentialSurfaces, places: np.ndarray, n: int) -> float:
    positions = np.repeat(places.ravel()[None] / ANGSTROM_PER_BOHR, n, axis=0)
    asked = np.tile(np.arange(N_STATES) < 2, (n, 1))
    return cpu(lambda: surfaces.curvatures(positions, np.full_like(positions, 1e-4), asked), 2) * 1e3 / n


def cpu(function: Callable[[], object], repeats: int) -> float:
    """Processor seconds of one call, after one that is not counted."""
    function()
    began = time.process_time()
    for _ in range(repeats):
        function()
    return (time.process_time() - began) / repeats


def octane() -> tuple[np.ndarray, np.ndarray]:
    """C8H18, all trans: numbers [26], positions [26, 3], angstrom."""
    carbon = np.array([[1.27 * i, 0.43 * (-1) ** i, 0.0] for i in range(8)])
    hydrogen = [c + [0.0, 0.63 * (-1) ** i, side * 0.89] for i, c in enumerate(carbon) for side in (-1, 1)]
    ends = [carbon[0] + [-0.89, -0.63, 0.0], carbon[7] + [0.89, 0.63, 0.0]]
    places = np.vstack([carbon, hydrogen, ends])
    assert Structure(np.array([6] * 8 + [1] * 18), places).n_atoms == 26
    return np.array([6] * 8 + [1] * 18), places


def table(parts: dict[str, Any]) -> dict[str, Any]:
    rows: list[list[Any]] = []
    if "tully" in parts:
        rates = parts["tully"]["trajectories_per_s"]
        rows.append(
            [
                "Tully I, k = 20, one core",
                f"{rates['ours']:.0f} trajectories/s",
                f"mudslide {rates['mudslide']:.1f}",
                f"{parts['tully']['ratio']:.0f} times",
            ]
        )
    for row in parts.get("potential", {}).get("rows", []):
        rows.append(
            [
                f"LZSH, potential file, 26 atoms, 3 states, {row['trajectories']} together",
                f"{row['step_ms']:.3g} ms a trajectory-step",
                f"bare evaluation {row['evaluation_ms']:.3g} ms",
                f"{row['ratio']:.2f} times",
            ]
        )
    if spent := parts.get("potential", {}).get("torchscript_step_ms"):
        rows.append(["the same in TorchScript, 100 together", f"{spent:.3g} ms a trajectory-step", "", ""])
    for n, spent in parts.get("potential", {}).get("curvature_of_a_gap_ms", {}).items():
        rows.append([f"curvature of one gap by Hessian-vector products, {n} together", f"{spent:.3g} ms each", "", ""])
    for name, spent in parts.get("potential", {}).get("other_methods_step_ms", {}).items():
        rows.append([f"{name}, 100 together", f"{spent:.3g} ms a trajectory-step", "", ""])
    for chunk, spent in parts.get("potential", {}).get("chunked_step_ms", {}).items():
        name = f"100 together, TorchScript, the same bits in any batch: chunk {chunk}"
        rows.append([name, f"{spent:.3g} ms a trajectory-step", "", ""])
    return {
        "title": "Speed of surface hopping",
        "columns": ["case", "ours", "beside it", "ratio"],
        "rows": rows,
        "note": "One core, processor time of a shared machine; the potential is untrained, and in its fast form where "
        "nothing else is said.",
    }


if __name__ == "__main__":
    main()
