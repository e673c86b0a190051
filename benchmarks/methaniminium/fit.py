"""Fit parameters of AM1 to three states of CH2NH2+ (MR-CISD): damped Gauss-Newton on energies.

    FUSIONMD_DATA=DIR python -m benchmarks.methaniminium.fit --rounds 12 -o methaniminium.params

Every fourth frame is left out of the fit. Frames whose CN bond is shorter than 0.9 angstrom are left out altogether:
their positions were divided twice by the length of a bohr in the published file. A round takes a minute on one core.
Writes the parameters and benchmarks/results/methaniminium_level.json.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.methaniminium.parameters import AM1, SCALES, Values, text_of
from benchmarks.results_file import FOLDER, write_results
from fusionmd.data.catalogue import find_file
from fusionmd.data.read import read_frames
from fusionmd.errors import LabelError
from fusionmd.files import write_text_atomic
from fusionmd.labels.methods import method_of
from fusionmd.structure import Structure
from fusionmd.units import MEV_PER_EV

Array = np.ndarray
METHOD = "nddo-am1-casci43"
CARBON, NITROGEN, SHORTEST = 0, 1, 0.9
HELD_OUT = 4  # every fourth frame
SCALE_EV, SLOPE = 0.2, 0.05  # error of equal weight, and how it grows with the energy above the lowest
FAILED_EV, PULL, NUDGE = 3.0, 0.3, 0.05
DAMPING, LEAST_DAMPING, MOST_DAMPING = 1.0, 0.01, 1e4


class Reference:
    """Geometries with hydrogens in the order of the parameters, and energies [n_frames, n_states], eV."""

    def __init__(self, path: Path) -> None:
        frames = read_frames(path)
        self.structures, kept = [], []
        for frame in frames:
            ordered = by_neighbour(frame.structure)
            if np.linalg.norm(ordered.positions[CARBON] - ordered.positions[NITROGEN]) > SHORTEST:
                self.structures.append(ordered)
                kept.append(np.asarray(frame.energy))
        self.energies, self.n_left_out = np.array(kept), len(frames) - len(kept)
        above = self.energies - self.energies[:, 0].min()
        self.weights = 1 / np.hypot(SCALE_EV, SLOPE * above)
        self.is_held_out = np.arange(len(kept)) % HELD_OUT == HELD_OUT - 1


def by_neighbour(structure: Structure) -> Structure:
    """C, N, the hydrogens nearest to C, those nearest to N."""
    places = structure.positions
    nearer = [np.subtract(*np.linalg.norm(places[k] - places[[CARBON, NITROGEN]], axis=1)) for k in range(2, 6)]
    order = [CARBON, NITROGEN, *(np.argsort(nearer, kind="stable") + 2)]
    return Structure(structure.numbers[order], places[order])


def errors(values: Values, reference: Reference, chosen: Array, folder: Path) -> Array:
    """Of energies, after the median of the ground state's was taken off [n_chosen, n_states], eV."""
    path = folder / "trial.params"
    path.write_text(text_of(values))
    method = method_of(METHOD, charge=1, parameters=path)
    found = np.array([energies(method, reference.structures[k]) for k in np.flatnonzero(chosen)])
    off = found - reference.energies[chosen]
    return np.nan_to_num(off - np.nanmedian(off[:, 0]), nan=FAILED_EV)


def energies(method: Any, structure: Structure) -> Array:
    """NaN where the field does not converge."""
    try:
        return np.asarray(method.label(structure, []).energies)
    except LabelError:
        return np.full(method.n_states, np.nan)


def residuals(values: Values, reference: Reference, folder: Path) -> Array:
    """Of the frames that are learnt from, large ones damped to their root; and of the pull to AM1."""
    chosen = ~reference.is_held_out
    weighted = (errors(values, reference, chosen, folder) * reference.weights[chosen]).ravel()
    damped = np.sign(weighted) * np.sqrt(2 * (np.sqrt(1 + weighted**2) - 1))
    return np.concatenate([damped, [PULL * (values[k] - AM1[k]) / SCALES[k] for k in SCALES]])


def fitted(reference: Reference, n_rounds: int, folder: Path) -> Values:
    """From AM1 down, until rounds gain nothing."""
    values, damping = dict(AM1), DAMPING
    before = residuals(values, reference, folder)
    for number in range(n_rounds):
        columns = [
            residuals({**values, k: values[k] + NUDGE * scale}, reference, folder) - before
            for k, scale in SCALES.items()
        ]
        jacobian = np.stack(columns, axis=1) / NUDGE
        while damping < MOST_DAMPING:
            tried = moved(values, jacobian, before, damping)
            after = residuals(tried, reference, folder)
            if after @ after < before @ before:
                break
            damping *= 4
        else:
            break
        values, before, damping = tried, after, max(damping / 3, LEAST_DAMPING)
        print(f"round {number}: cost {before @ before:.2f}", flush=True)
    return values


def moved(values: Values, jacobian: Array, before: Array, damping: float) -> Values:
    """One step, of no more than a scale."""
    matrix = jacobian.T @ jacobian + damping * np.eye(jacobian.shape[1])
    change = np.linalg.solve(matrix, -jacobian.T @ before)
    change /= max(1.0, float(np.abs(change).max()))
    return {k: values[k] + float(c) * SCALES[k] for k, c in zip(SCALES, change, strict=True)}


def main() -> None:
    """Parameters and errors."""
    options = arguments()
    torch.set_num_threads(1)
    path = find_file("ch2nh2", "spainn_ch2nh2.db", folder=options.data)
    reference, folder = Reference(path), options.output.parent
    values = fitted(reference, options.rounds, folder)
    write_text_atomic(options.output, text_of(values, comment=COMMENT))
    results = [
        row(name, which, errors(own, reference, chosen, folder))
        for name, own in (("AM1", AM1), ("fitted", values))
        for which, chosen in (("fit", ~reference.is_held_out), ("held out", reference.is_held_out))
    ]
    (folder / "trial.params").unlink()
    settings = {"method": METHOD, "parameters": values, "n_frames_left_out": reference.n_left_out}
    print(write_results("methaniminium_level", content(settings, results), folder=FOLDER))


COMMENT = (
    "AM1 for CH2NH2+ alone, with the smooth active space of nddo-am1-casci43: pi, pi*, sigma of the CN bond; fitted\n"
    "# to MR-CISD energies: benchmarks/methaniminium/fit.py. Atoms: C0, N1; H2 and H3 on C0, H4 and H5 on N1."
)


def row(name: str, which: str, found: Array) -> dict[str, Any]:
    """Errors of states, and of gaps above the ground state."""
    sizes = MEV_PER_EV * np.abs(found)
    gaps = MEV_PER_EV * np.abs(found[:, 1:] - found[:, :1])
    return {
        "parameters": name,
        "frames": which,
        "n_frames": len(found),
        "energies_mae_meV": sizes.mean(axis=0).tolist(),
        "energies_median_meV": np.median(sizes, axis=0).tolist(),
        "gaps_mae_meV": gaps.mean(axis=0).tolist(),
    }


def content(settings: dict[str, Any], results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of the result file."""
    rows = []
    for one in results:
        pairs = zip(one["energies_mae_meV"], one["energies_median_meV"], strict=True)
        name = f"{one['parameters']}, {one['n_frames']} frames ({one['frames']})"
        rows.append([name, *(f"{mae:.0f} ({median:.0f})" for mae, median in pairs)])
    table = {
        "title": f"CH2NH2+: `{METHOD}` against MR-CISD(6,4)/aug-cc-pVDZ, errors of energies, meV: mean (median)",
        "columns": ["parameters", "S0", "S1", "S2"],
        "rows": rows,
        "in_readme": False,
    }
    return {"settings": settings, "results": list(results), "table": table}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder of the data sets; default FUSIONMD_DATA")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("-o", "--output", type=Path, default=Path("methaniminium.params"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
