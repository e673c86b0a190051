"""Our side of `training_step.py`. A case: {optimizer, n_channels, frames, reference_energies, compile}.

What is timed is `fusionmd.training.train` itself, held after every step until the next one is asked for.
"""

import tempfile
from threading import Semaphore, Thread
from typing import Any

import torch
import yaml

from benchmarks.machine import versions
from benchmarks.our_models import CONFIG
from benchmarks.worker import Case, Prepared, serve
from fusionmd.training import train
from fusionmd.training.run import Hooks, n_parameters
from fusionmd.training.state import RunState

OPTIMIZERS = {
    "soap": {},  # as in the shipped configuration
    "amsgrad": {"name": "amsgrad", "learning_rate": 0.005, "betas": [0.9, 0.999], "clip": 10.0, "ema": 0.99},
}
# Neither validation nor checkpoint falls into the time.
LOOP = {"epochs": 100_000, "valid_every": 100_000, "checkpoint_minutes": 10_000}


class StepByStep:
    """A training run that makes one step at a call."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.go, self.done, self.failure = Semaphore(0), Semaphore(0), None
        self.state: RunState | None = None
        Thread(target=self._run, args=(config,), daemon=True).start()
        self._wait()

    def __call__(self) -> None:
        self.go.release()
        self._wait()

    def _run(self, config: dict[str, Any]) -> None:
        try:
            with tempfile.TemporaryDirectory() as folder:
                train(config, folder, hooks=Hooks(on_step=self._pause, on_record=self._check))
        except Exception as error:  # told to the caller, who waits in another thread
            self.failure = error
            self.done.release()

    def _pause(self, state: RunState) -> None:
        self.state = state
        self.done.release()
        self.go.acquire()

    def _check(self, record: dict[str, Any]) -> None:
        if record.get("train_failure"):
            raise RuntimeError(record["train_failure"])

    def _wait(self) -> None:
        self.done.acquire()
        if self.failure:
            raise self.failure


def main() -> None:
    """Serve."""
    torch.set_num_threads(1)
    serve(prepare)


def prepare(case: Case) -> Prepared:
    """One step: collate, forward, backward, clip, update, average."""
    steps = StepByStep(config_of(case))
    assert steps.state
    return steps, {"n_parameters": n_parameters(steps.state.model), "versions": versions()}


def config_of(case: Case) -> dict[str, Any]:
    """The shipped configuration with other frames, channels and optimiser."""
    config = yaml.safe_load(CONFIG.read_text())
    config["data"] = {"train": case["frames"], "valid_count": 10}
    config["e0"] = {"kind": "given", "values": case["reference_energies"]}
    config["model"] |= {"n_channels": case["n_channels"]}
    config["optimizer"] |= OPTIMIZERS[case["optimizer"]]
    config["training"] |= {**LOOP, "compile": case["compile"], "threads": 1, "dtype": "float32"}
    return dict(config)


if __name__ == "__main__":
    main()
