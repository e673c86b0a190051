"""One run of the comparison: size, calibrate, train for a budget of CPU time, test. Killed at any point, it goes on.

RUN/plan.json    sizes and number of epochs, once decided never changed
RUN/training     the folder of `fusionmd.training.train`, with its checkpoints
RUN/steps.f64    CPU seconds of every step, validation after epochs included; what is repeated is overwritten
RUN/result.json  written last
"""

import fcntl
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.architectures_errors import errors_of
from benchmarks.architectures_models import MODELS, is_within, sized
from benchmarks.architectures_sets import SETS, DataSet
from benchmarks.machine import provenance
from fusionmd.errors import ConfigError, FusionMDError
from fusionmd.files import write_text_atomic
from fusionmd.training import train
from fusionmd.training.run import Hooks
from fusionmd.training.state import RunState

Content = dict[str, Any]

WARM_UP = 3  # steps of the calibration that do not count
TRAINING: Content = {
    "batch_size": 5,
    "valid_batch_size": 10,
    "dtype": "float32",
    "device": "cpu",
    "threads": 1,
    "checkpoint_minutes": 2.0,
}
RECIPE: Content = {
    "loss": {"energy": 1.0, "forces": 100.0},
    "optimizer": {"name": "amsgrad", "learning_rate": 5e-3, "clip": 10.0, "ema": 0.99},
    "schedule": {"kind": "cosine", "warmup_epochs": 1.0, "final_factor": 1e-2},
}


@dataclass(frozen=True)
class Run:
    """What is compared. target: Wanted number of parameters.  minutes: CPU time of the training."""

    data_set: str
    model: str
    seed: int
    minutes: float
    target: int
    is_compiled: bool
    n_train: int | None = None
    valid_every: int = 5

    @property
    def key(self) -> str:
        """Name of its folder."""
        frames = "" if self.n_train is None else f"_{self.n_train}"
        return f"{self.data_set}{frames}_{self.model}_seed{self.seed}"

    @property
    def data(self) -> DataSet:
        known = SETS[self.data_set]
        return known if self.n_train is None else replace(known, n_train=self.n_train)


def finished(run: Run, work: Path, data: Path | None) -> Content | None:
    """The result of the run, which is made or continued if it is not there; None while another process is at it."""
    folder = work / run.key
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock") as is_ours:
        if not is_ours:
            return None
        file, plan = folder / "result.json", planned(run, folder, data)
        if not file.exists():
            write_text_atomic(file, json.dumps(attempted(run, plan, folder, data), indent=1))
        return dict(json.loads(file.read_text()))


def planned(run: Run, folder: Path, data: Path | None) -> Content:
    """What was decided before the training began; ConfigError if it was decided for another run."""
    file = folder / "plan.json"
    if file.exists():
        plan = dict(json.loads(file.read_text()))
        if plan["run"] != asdict(run):
            raise ConfigError(f"{folder} belongs to {plan['run']}, not to {asdict(run)}; take another --work")
        return plan
    section, count = sized(MODELS[run.model] | run.data.model, run.data.elements, run.target)
    run.data.save_split(folder / "split.json", data)
    plan = {"run": asdict(run), "model": section, "n_parameters": count, "is_within": is_within(count, run.target)}
    plan["calibration"] = calibration(run, plan, folder, data)
    plan["epochs"] = max(1, int(60 * run.minutes / plan["calibration"]["cpu_s_per_epoch"]))
    write_text_atomic(file, json.dumps(plan, indent=1))
    return plan


def calibration(run: Run, plan: Content, folder: Path, data: Path | None) -> Content:
    """CPU seconds of a step, a validation and an epoch, from one epoch at a constant learning rate."""
    own = folder / "calibration"
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    content = config(run, plan, folder, data, epochs=2)
    content["schedule"], content["training"]["valid_every"] = {"kind": "constant"}, 1
    n_steps = -(-run.data.n_train // TRAINING["batch_size"])
    meter = Meter(own / "steps.f64", n_steps + 1)
    train(content, own / "training", hooks=meter.hooks)
    seconds = meter.seconds()
    step = float(seconds[min(WARM_UP, n_steps - 1) : n_steps].mean())
    validation = max(0.0, float(seconds[n_steps]) - step)
    shutil.rmtree(own)
    per_epoch = n_steps * step + validation / run.valid_every
    return {"cpu_s_per_step": step, "cpu_s_per_validation": validation, "cpu_s_per_epoch": per_epoch}


def attempted(run: Run, plan: Content, folder: Path, data: Path | None) -> Content:
    """The result, or the plan with the reason why there is none."""
    try:
        return {**plan, **trained_and_tested(run, plan, folder, data), "provenance": provenance()}
    except FusionMDError as error:
        return {**plan, "failure": f"{type(error).__name__}: {error}", "provenance": provenance()}


def trained_and_tested(run: Run, plan: Content, folder: Path, data: Path | None) -> Content:
    """Train to the end of the schedule; the test frames are read after that."""
    meter, own = Meter(folder / "steps.f64"), folder / "training"
    result = train(config(run, plan, folder, data, plan["epochs"]), own, resume=True, hooks=meter.hooks)
    return {
        "cpu_s": float(meter.seconds().sum()),
        "best_epoch": result.best_epoch,
        "valid": result.metrics,
        "errors": {label: errors_of(own, frames) for label, frames in run.data.test_frames(data).items()},
        "eager_because": compile_failures(own / "log.jsonl"),
        "export_failure": result.export_failure,
    }


def config(run: Run, plan: Content, folder: Path, data: Path | None, epochs: int) -> Content:
    """The configuration of the training."""
    return {
        "data": {"train": str(run.data.path(data)), "split": str(folder / "split.json")},
        "model": plan["model"],
        **RECIPE,
        "training": {
            **TRAINING,
            "epochs": epochs,
            "seed": run.seed,
            "compile": run.is_compiled,
            "valid_every": run.valid_every,
        },
    }


def compile_failures(log: Path) -> list[str]:
    """Why steps ran as they are though compilation was wanted; empty if all went well or none was."""
    records = [json.loads(line) for line in log.read_text().splitlines()]
    compiled = [record for record in records if record["event"] == "compile"]
    return sorted({r[key] for r in compiled for key in ("train_failure", "valid_failure") if r[key]})


class Meter:
    """CPU seconds of this process from step to step, kept by step number in a file; compilation is before the first.

    n_steps: After so many the run is told to stop.
    """

    def __init__(self, path: Path, n_steps: int | None = None) -> None:
        self.path, self.n_steps, self.mark, self.n_done = path, n_steps, -1.0, 0
        path.touch()

    @property
    def hooks(self) -> Hooks:
        return Hooks(on_step=self.on_step, should_stop=self.should_stop)

    def should_stop(self) -> bool:
        """Asked before each step, so the first answer is where the clock starts."""
        if self.mark < 0:
            self.mark = time.process_time()
        return self.n_steps is not None and self.n_done >= self.n_steps

    def on_step(self, state: RunState) -> None:
        now = time.process_time()
        with self.path.open("r+b") as file:
            file.seek(8 * (state.step - 1))
            file.write(np.float64(now - self.mark).tobytes())
        self.mark, self.n_done = now, state.step

    def seconds(self) -> np.ndarray:
        """CPU seconds by step."""
        return np.fromfile(self.path, dtype=np.float64)


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Whether no other process has the lock; it ends with the process, however that ends."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
