"""A learned potential along the sealed direct trajectories: errors of energies, gaps and forces.

    python -m benchmarks.stilbene.along models/stilbene-am1ci/potential.pt benchmarks/stilbene/reference/cis.h5 ... \
        --labelled sealed-labelled.xyz

Energies of all states stand in the runs, every femtosecond; forces are labelled for some frames (`sealed.py`). Writes
benchmarks/results/stilbene_along.json, and with --metrics also the metrics of a shipped potential. Errors of earlier
versions along the first trajectories have shown where frames were wanting; those from --unseen on had no part in that.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results_file import FOLDER, write_results
from fusionmd.data.frame import ACTIVE_WEIGHT_KEY, Frame
from fusionmd.data.read import read_frames
from fusionmd.files import write_text_atomic
from fusionmd.namd.run_file import RunFile, read_run
from fusionmd.potential import load_potential
from fusionmd.potential.potential import Potential
from fusionmd.structure import Structure
from fusionmd.training.metrics import spread_quality
from fusionmd.units import MEV_PER_EV
from fusionmd.workflows.evaluate import compare

Array = np.ndarray
NEAR_EV = 1.0  # gaps that decide when to hop
DEGENERATE_EV = 0.02  # forces of states closer than this are looked at apart
LEAST_WEIGHT = 0.2  # of the active orbitals on the double bond: less, and they are other ones, as in `dataset.py`
AT_ONCE = 64
UNITS = "keys say them; sealed: along direct trajectories, none learnt from"
GOALS = {"energies": 25.0, "gap 0-1": 30.0, "gap 0-1 below 1 eV": 40.0, "forces": 50.0}


def main() -> None:
    """All runs together."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("potential")
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--labelled", type=Path, help="frames of these runs with forces of all states")
    parser.add_argument("--metrics", type=Path, help="metrics.json beside the potential")
    parser.add_argument("--start", choices=["cis", "trans"], default="cis", help="of the trajectories, for the title")
    parser.add_argument("--unseen", type=int, metavar="K", help="trajectories from the K-th on also apart")
    parser.add_argument("--output", type=Path, default=FOLDER)
    options = parser.parse_args()
    potential = load_potential(options.potential, compiled="auto")
    runs = [read_run(path) for path in options.runs]
    true, found = evaluated(potential, runs)
    results = errors_of(true, found)
    if potential.metadata.has_uncertainties:
        results["uncertainty"] = quality_of(true, found, uncertainties(potential, runs))
    if options.unseen is not None:
        results["unseen"] = errors_of(true[options.unseen :], found[options.unseen :])
    if options.labelled:
        results["forces"] = forces(potential, read_frames(options.labelled))
    settings = {"potential": potential.metadata.name, "sha256": potential.sha256, "goals_meV": GOALS}
    content = {"settings": settings, "results": results, "table": table(results, options.start)}
    name = "stilbene_along" + ("_trans" if options.start == "trans" else "")
    print(write_results(name, content, folder=options.output))
    if options.metrics:
        metrics = {"units": UNITS, **potential.metadata.metrics, "sealed": results}
        write_text_atomic(options.metrics, json.dumps(metrics, indent=1) + "\n")
    for row in content["table"]["rows"]:
        print(*row, sep="  ")


def along(potential: Potential, runs: Sequence[RunFile]) -> dict[str, Any]:
    """Errors of energies and gaps over every trajectory and frame, meV."""
    return errors_of(*evaluated(potential, runs))


def evaluated(potential: Potential, runs: Sequence[RunFile]) -> tuple[list[Array], list[Array]]:
    """Reference and learned energies of each trajectory [n_frames, n_states], eV."""
    true, found = [], []
    for run in runs:
        for row, end in enumerate(run.end_frames):
            true.append(run.state_energies[row, : end + 1])
            found.append(energies(potential, run, row, end))
    return true, found


def errors_of(true: Sequence[Array], found: Sequence[Array]) -> dict[str, Any]:
    """Mean and median errors over all frames, and of the smallest gap of each trajectory, meV."""
    errors = MEV_PER_EV * (np.concatenate(found) - np.concatenate(true))
    gap = np.diff(np.concatenate(true))
    gap_errors, near = np.diff(errors), gap[:, 0] < NEAR_EV
    smallest = [
        MEV_PER_EV * float(np.diff(f)[:, 0].min() - np.diff(t)[:, 0].min()) for t, f in zip(true, found, strict=True)
    ]
    return {
        "n_frames": len(errors),
        "n_trajectories": len(true),
        "energies_mae_meV": np.abs(errors).mean(axis=0).tolist(),
        "energies_median_meV": np.median(np.abs(errors), axis=0).tolist(),
        "gap01_mae_meV": float(np.abs(gap_errors[:, 0]).mean()),
        "gap12_mae_meV": float(np.abs(gap_errors[:, 1]).mean()),
        "near": {
            "n_frames": int(near.sum()),
            "n_trajectories": sum(bool((np.diff(t)[:, 0] < NEAR_EV).any()) for t in true),
            "gap01_mae_meV": float(np.abs(gap_errors[near, 0]).mean()) if near.any() else None,
        },
        "smallest_gap_error_meV": {
            "mean": float(np.mean(smallest)),
            "median": float(np.median(smallest)),
            "each": smallest,
        },
    }


def energies(potential: Potential, run: RunFile, row: int, end: int) -> Array:
    """Of all states along one trajectory [n_frames, n_states], eV."""
    return np.stack([one.energies for piece in pieces(run, row, end) for one in potential.evaluate(piece)])


def uncertainties(potential: Potential, runs: Sequence[RunFile], *, every: int = 1) -> list[Array]:
    """What the potential says of its own errors along every trajectory [n_frames, n_states], eV."""
    places = [(run, row, end) for run in runs for row, end in enumerate(run.end_frames)]
    return [np.concatenate([potential.uncertainties(piece) for piece in pieces(*place, every)]) for place in places]


def pieces(run: RunFile, row: int, end: int, every: int = 1) -> list[list[Structure]]:
    """The frames of one trajectory, or some of them, a few at once."""
    places = run.positions[row, : end + 1 : every]
    places = places.reshape(len(places), -1, 3)
    structures = [Structure(run.numbers, place) for place in places]
    return [structures[begin : begin + AT_ONCE] for begin in range(0, len(structures), AT_ONCE)]


def quality_of(true: Sequence[Array], found: Sequence[Array], spreads: Sequence[Array]) -> list[dict[str, float]]:
    """How well standard deviations foretell the errors, by state (`spread_quality`)."""
    errors, said = np.concatenate(found) - np.concatenate(true), np.concatenate(spreads)
    return [spread_quality(errors[:, k], said[:, k]) for k in range(errors.shape[1])]


def forces(potential: Potential, frames: Sequence[Frame]) -> dict[str, Any]:
    """MAE by state, meV/angstrom; near degeneracies and where other orbitals are active apart."""
    found = compare(potential, frames)
    n_frames, n_states = found.energies.shape
    errors = MEV_PER_EV * np.abs(found.forces_errors).reshape(n_states, n_frames, -1).mean(axis=2).T
    is_close = np.diff(found.reference_energies) < DEGENERATE_EV
    apart = np.pad(is_close, ((0, 0), (0, 1))) | np.pad(is_close, ((0, 0), (1, 0)))
    weights = np.array([frame.info.get(ACTIVE_WEIGHT_KEY, 1.0) for frame in frames])
    is_usual = weights >= LEAST_WEIGHT
    usual = ~apart & is_usual[:, None]
    energy_errors = MEV_PER_EV * np.abs(found.energy_errors[is_usual])
    gap_errors = MEV_PER_EV * np.abs(found.gap_errors[is_usual, 0])
    return {
        "n_frames": n_frames,
        "n_other_orbitals": int((~is_usual).sum()),
        "usual_orbitals": {
            "energies_mae_meV": energy_errors.mean(axis=0).tolist(),
            "gap01_mae_meV": float(gap_errors.mean()),
        },
        "mae_meV_A": [_mean(errors[~apart[:, k], k]) for k in range(n_states)],
        "mae_usual_orbitals_meV_A": [_mean(errors[usual[:, k], k]) for k in range(n_states)],
        "near_degeneracy": {
            "n": apart.sum(axis=0).tolist(),
            "mae_meV_A": [_mean(errors[apart[:, k], k]) for k in range(n_states)],
        },
    }


def table(results: dict[str, Any], start: str) -> dict[str, Any]:
    """What was wanted beside what was found."""
    near = results["near"]
    energies_mae = enumerate(results["energies_mae_meV"])
    rows = [[f"energy of S{k}, meV", f"{mae:.1f}", wanted("energies")] for k, mae in energies_mae]
    rows += [["gap S0-S1, meV", f"{results['gap01_mae_meV']:.1f}", wanted("gap 0-1")]]
    name = f"gap S0-S1 where below 1 eV ({near['n_frames']} frames), meV"
    rows += [[name, _text(near["gap01_mae_meV"]), wanted("gap 0-1 below 1 eV")]]
    rows += [["gap S1-S2, meV", f"{results['gap12_mae_meV']:.1f}", ""]]
    rows += [["smallest gap of a trajectory, mean error, meV", f"{results['smallest_gap_error_meV']['mean']:+.1f}", ""]]
    if apart := results.get("unseen"):
        shown = ", ".join(f"{mae:.1f}" for mae in apart["energies_mae_meV"])
        rows += [
            [f"the last {apart['n_trajectories']} trajectories: energies of S0, S1, S2, meV", shown, wanted("energies")]
        ]
        rows += [["their gap S0-S1, meV", f"{apart['gap01_mae_meV']:.1f}", wanted("gap 0-1")]]
    for k, mae in enumerate(results.get("forces", {}).get("mae_meV_A", [])):
        rows.append([f"forces of S{k}, meV/A", _text(mae), wanted("forces")])
    for k, quality in enumerate(results.get("uncertainty", [])):
        shares = f"{quality['within_1_std']:.2f}, {quality['within_2_std']:.2f}"
        rows.append([f"errors of S{k} within one and two of its standard deviations", shares, "0.68, 0.95"])
    return {
        "title": f"Stilbene: the learned surfaces along sealed direct trajectories from {start}, MAE",
        "columns": ["", "found", "wanted, at most"],
        "rows": rows,
        "note": note(results),
        "in_readme": False,
    }


def note(results: dict[str, Any]) -> str:
    """What the frames are, and what was done with them before."""
    text = f"{results['n_frames']} frames of {results['n_trajectories']} trajectories, none learnt from."
    if "unseen" in results:
        text += (
            " The first ones had shown where an earlier version was wrong, and more frames like these were then made;"
        )
        text += " the last ones nobody had looked at."
    return text


def wanted(what: str) -> str:
    """A goal as text."""
    return f"{GOALS[what]:g}"


def _mean(values: Array) -> float | None:
    return float(values.mean()) if len(values) else None


def _text(value: float | None) -> str:
    return "no frames" if value is None else f"{value:.1f}"


if __name__ == "__main__":
    main()
