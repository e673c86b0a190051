"""One training step (batch of 5 molecules: collate, forward, backward, clip, update, average): ours against MACE.

    python -m benchmarks.training_step --mace-python .venv-mace/bin/python

Alternating in one run, one thread and float32 on both sides, same frames. Writes benchmarks/results/training_step.json.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import ase.io
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import chemical_symbols

from benchmarks.molecules import copies
from benchmarks.results_file import FOLDER, write_results
from benchmarks.speed_mace import milliseconds
from benchmarks.worker import MALLOC, THREADS, Worker, alternate
from fusionmd.data.synthetic import E0, synthetic_labels
from fusionmd.structure import Structure

BATCH_SIZE = 5
OURS = {
    "fusionmd, SOAP (as shipped)": {"optimizer": "soap", "compile": True},
    "fusionmd, AMSGrad": {"optimizer": "amsgrad", "compile": True},
    "fusionmd, AMSGrad, not compiled": {"optimizer": "amsgrad", "compile": False},
}
PEER = {"MACE, AMSGrad, eager": {"mode": "eager"}, "MACE, AMSGrad, torch.compile": {"mode": "compiled"}}


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder) / "frames.xyz"
        ase.io.write(frames, labelled_molecules(60), format="extxyz")
        with Worker(sys.executable, "benchmarks.training_ours") as ours:
            with Worker(arguments.mace_python, "benchmarks.training_peer") as peer:
                result = compared(ours, peer, frames, arguments)
    print(write_results("training_step", result, folder=arguments.output))


def labelled_molecules(n: int) -> list[ase.Atoms]:
    """Distorted acetylacetone with the labels of the analytic potential; the time of a step does not depend on them."""
    molecules = copies(n)
    for atoms in molecules:
        labels = synthetic_labels(Structure(atoms.numbers, atoms.positions))
        atoms.calc = SinglePointCalculator(atoms, energy=labels.energy, forces=labels.forces)
    return molecules


def compared(ours: Worker, peer: Worker, frames: Path, arguments: Any) -> dict[str, Any]:
    """The content of the result file."""
    energies = {chemical_symbols[z]: energy for z, energy in E0.items() if z in (1, 6, 8)}
    size = {"n_channels": arguments.channels, "frames": str(frames), "reference_energies": energies}
    sides = {**{label: (ours, case) for label, case in OURS.items()}, **{k: (peer, case) for k, case in PEER.items()}}
    answers = {k: worker.ask("prepare", name=k, case={**size, **case}) for k, (worker, case) in sides.items()}
    ready = {label: (sides[label][0], label) for label in sides if "error" not in answers[label]}
    times = alternate(ready, rounds=arguments.rounds, seconds=arguments.seconds)
    cases = {label: {**answers[label], **times.get(label, {})} for label in sides}
    best = min((cases[label]["wall_s"], label) for label in PEER if label in ready)[1]
    settings = {"n_channels": arguments.channels, "batch_size": BATCH_SIZE, "rounds": arguments.rounds}
    settings |= {"dtype": "float32", "malloc": MALLOC, "threads": THREADS}
    return {"settings": settings, "best_peer": best, "cases": cases, "table": table(cases, best, arguments.channels)}


def table(cases: dict[str, dict[str, Any]], best: str, n_channels: int) -> dict[str, Any]:
    """One row for each side and mode."""
    rows = [[k, milliseconds(case), _ratio(cases[best], case)] for k, case in cases.items()]
    return {
        "title": f"One training step: {BATCH_SIZE} acetylacetone molecules, {n_channels} channels, one CPU core",
        "columns": ["", "ms", "times faster than MACE's fastest"],
        "rows": rows,
        "note": "Collating, forward, backward, clipping, update and averaging of the weights; float32, one thread.",
        "in_readme": True,
    }


def _ratio(best: dict[str, Any], case: dict[str, Any]) -> str:
    return f"{best['wall_s'] / case['wall_s']:.1f}" if "wall_s" in case else "-"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mace-python", type=Path, required=True, help="interpreter that has mace-torch")
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9, help="turns of each case")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a turn")
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == "__main__":
    main()
