"""What heads, mixing on internal legs, three-leg diagrams and pseudovectors are worth for the surfaces of stilbene.

    python -m benchmarks.stilbene.worth --minutes 8 --work worth

Every variant is the configuration worth.yaml with one thing changed, trained from nothing (at the learning rate for
that) on the same frames for the same processor time of one thread (compilation apart), the cosine schedule ending with
it. Judged are the sealed trajectories, of which nothing is chosen here: all variants are reported. The same command
goes on where it was killed. Writes benchmarks/results/stilbene_worth.json.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from benchmarks.architectures_run import Meter
from benchmarks.machine import ROOT, provenance
from benchmarks.results_file import write_results
from benchmarks.stilbene.along import along
from fusionmd.files import atomic_write, write_text_atomic
from fusionmd.namd.run_file import read_run
from fusionmd.potential import load_potential
from fusionmd.training import train

CONFIG = Path(__file__).with_name("worth.yaml")
REFERENCE = ROOT / "benchmarks" / "stilbene" / "reference" / "cis.h5"
DATA = "train.npz"  # under --work: frames drawn from the shipped ones
N_TRAIN, BATCH, SEED = 3200, 8, 1
TRIAL_STEPS, WARM_UP = 40, 10  # of which the first do not count
LEARNING_RATE, WARMUP_EPOCHS = 0.01, 1  # the shipped ones are for going on
Content = dict[str, Any]
WITH_PSEUDOVECTORS = {
    "hidden_irreps": "0e + 1o + 1e",
    "message": "(Y, h_j)@2",
    "product": ["A", "(A, A)@2", "((A, A)@2, A)"],
}
VARIANTS: dict[str, Content] = {
    "base": {},
    "adiabatic head": {"head": "adiabatic", "model": {"n_outputs": 3}},
    "characteristic head": {"head": "characteristic", "model": {"n_outputs": 4}},
    "no channel matrices on internal legs": {"model": {"internal_mixing": False}},
    "no three-leg diagrams": {"model": {"product": ["A", "(A, A)@2+"]}},
    "with pseudovectors": {"model": WITH_PSEUDOVECTORS},
}


def main() -> None:
    """One result file, written again after every variant."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=8.0, help="CPU time of each training")
    parser.add_argument("--work", type=Path, default=Path("worth"))
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    write_part(options.work / DATA)
    for name in options.variants:
        result = finished(name, options.minutes, options.work / folder_of(name))
        print(name, json.dumps(result["along"]["energies_mae_meV"]), flush=True)
        merge(options.work)


def finished(name: str, minutes: float, folder: Path) -> Content:
    """The result of one variant, made or continued if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "result.json"
    if not file.exists():
        plan = planned(name, minutes, folder)
        meter, own = Meter(folder / "steps.f64"), folder / "training"
        result = train(configuration(name, plan["epochs"], folder.parent / DATA), own, resume=True, hooks=meter.hooks)
        potential = load_potential(own / "potential.pt", compiled="auto")
        found = {
            **plan,
            "cpu_s": float(meter.seconds().sum()),
            "n_parameters": sum(p.numel() for p in potential.core.members.parameters()),
            "valid": result.metrics,
            "along": along(potential, [read_run(REFERENCE)]),
            "provenance": provenance(),
        }
        write_text_atomic(file, json.dumps(found, indent=1))
    return dict(json.loads(file.read_text()))


def planned(name: str, minutes: float, folder: Path) -> Content:
    """Epochs that fit into the budget, by the time of some steps; decided once."""
    file = folder / "plan.json"
    if not file.exists():
        shutil.rmtree(folder / "trial", ignore_errors=True)
        (folder / "trial").mkdir()
        meter = Meter(folder / "trial" / "steps.f64", TRIAL_STEPS)
        train(configuration(name, 1, folder.parent / DATA), folder / "trial" / "training", hooks=meter.hooks)
        step = float(meter.seconds()[WARM_UP:].mean())
        epochs = max(1, int(60 * minutes / (step * -(-N_TRAIN // BATCH))))
        plan = {"variant": name, "minutes": minutes, "cpu_s_per_step": step, "epochs": epochs}
        write_text_atomic(file, json.dumps(plan))
        shutil.rmtree(folder / "trial")
    return dict(json.loads(file.read_text()))


def write_part(file: Path) -> None:
    """The frames that all variants learn from, drawn at random once."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with np.load(CONFIG.parent / yaml.safe_load(CONFIG.read_text())["data"]["train"]) as given:
        arrays = {key: given[key] for key in given.files}
    chosen = np.sort(np.random.default_rng(SEED).choice(len(arrays["R"]), N_TRAIN, replace=False))
    with atomic_write(file) as temporary, open(temporary, "wb") as target:
        np.savez_compressed(target, z=arrays["z"], **{key: arrays[key][chosen] for key in "REF"})


def configuration(name: str, epochs: int, data: Path) -> Content:
    """The base with what the variant changes."""
    content = yaml.safe_load(CONFIG.read_text())
    change = VARIANTS[name]
    content["model"] |= change.get("model", {})
    content["head"] = change.get("head", content["head"])
    content["data"] |= {"train": str(data), "valid": [str(CONFIG.parent / one) for one in content["data"]["valid"]]}
    content["optimizer"]["learning_rate"] = LEARNING_RATE
    content["schedule"]["warmup_epochs"] = WARMUP_EPOCHS
    content["training"] |= {"epochs": epochs, "batch_size": BATCH, "seed": SEED, "threads": 1, "valid_every": 5}
    return content


def merge(work: Path) -> None:
    """One table of all variants that are done."""
    done = [
        json.loads(file.read_text()) for name in VARIANTS if (file := work / folder_of(name) / "result.json").exists()
    ]
    rows = [
        [
            one["variant"],
            f"{one['n_parameters']:,}",
            str(one["epochs"]),
            f"{one['cpu_s']:.0f}",
            *(f"{mae:.0f}" for mae in one["along"]["energies_mae_meV"]),
            f"{one['along']['gap01_mae_meV']:.0f}",
            f"{one['along']['near']['gap01_mae_meV']:.0f}",
            f"{one['valid']['forces_mae_meV_A']:.0f}",
        ]
        for one in done
    ]
    table = {
        "title": "Stilbene: heads and diagrams after the same training time, MAE",
        "columns": [
            "variant",
            "parameters",
            "epochs",
            "core-seconds",
            "S0, meV",
            "S1, meV",
            "S2, meV",
            "gap S0-S1, meV",
            "gap below 1 eV, meV",
            "forces (validation), meV/A",
        ],
        "rows": rows,
        "note": f"Energies and gaps along sealed trajectories from cis; {N_TRAIN} frames, "
        f"as many whole epochs as "
        f"fit into {done[0]['minutes']:g} minutes of a core, one seed.",
        "in_readme": False,
    }
    print(write_results("stilbene_worth", {"settings": VARIANTS, "results": done, "table": table}))


def folder_of(name: str) -> str:
    """The variant's folder under --work."""
    return name.replace(" ", "-")


if __name__ == "__main__":
    main()
