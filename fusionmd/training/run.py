"""A training run: from a configuration to a folder with checkpoints, log, report and potential."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fusionmd.data.splits import save_split
from fusionmd.errors import ConfigError
from fusionmd.files import write_text_atomic
from fusionmd.training.batches import TrainingBatches
from fusionmd.training.checkpoint import FILE_NAME, load_checkpoint, save_checkpoint
from fusionmd.training.compiled import compiled
from fusionmd.training.config import Config
from fusionmd.training.config_file import config_yaml, load_config, parse_config
from fusionmd.training.distributed import Ranks, process_group
from fusionmd.training.ema import MovingAverage
from fusionmd.training.finish import Result, finish
from fusionmd.training.journal import Journal
from fusionmd.training.loop import Work, run_epochs
from fusionmd.training.optimizers import build_optimizer
from fusionmd.training.problem import Problem, prepare
from fusionmd.training.resume import check_same_run
from fusionmd.training.schedule import Schedule, Timeline
from fusionmd.training.start import Start, start_of_checkpoint, start_of_potential
from fusionmd.training.state import RunState
from fusionmd.training.step import TensorFunction, flat_training_step, flat_validation_step
from fusionmd.training.validation import ValidationSet, validation_set

Record = dict[str, Any]


@dataclass(frozen=True)
class Hooks:
    """How a caller follows a run.

    on_step: After every update.  on_record: Every line of the log.  should_stop: Asked before each step.
    """

    on_step: Callable[[RunState], None] = field(default=lambda state: None)
    on_record: Callable[[Record], None] = field(default=lambda record: None)
    should_stop: Callable[[], bool] = field(default=lambda: False)


def train(
    config: Config | Mapping[str, Any] | str | Path,
    folder: str | Path,
    *,
    resume: bool = False,
    potential: str | Path | None = None,
    hooks: Hooks = Hooks(),
) -> Result:
    """Train a model as `config` says and leave everything in `folder`.

    config: A configuration, its nested mapping, or the path of its YAML file.
    resume: Go on from the checkpoint in `folder`, exactly where it was.
    potential: A potential file whose weights to start from (fine-tuning).
    """
    config, folder = as_config(config), Path(folder)
    dtype, device = getattr(torch, config.training.dtype), device_of(config)
    checkpoint = _checkpoint_of(folder, resume)
    if checkpoint:
        check_same_run(config, checkpoint["config"])
    with _threads(config.training.threads), process_group(device) as ranks:
        problem = prepare(config, _start_of(checkpoint, potential), dtype=dtype, device=device)
        state = _initial_state(config, problem)
        journal = Journal(folder)
        if ranks.is_first:
            folder.mkdir(parents=True, exist_ok=True)
            write_text_atomic(folder / "config.yaml", config_yaml(config))
            if problem.split:
                save_split(folder / "split.json", problem.split, config.data.train)
        if checkpoint:
            state.load_state_dict(checkpoint["state"])
            if ranks.is_first:
                journal.cut(checkpoint["journal_bytes"])
        work = _work(config, problem, state, journal, folder, ranks, device, dtype, hooks)
        reason = run_epochs(state, work)
        return finish(config, problem, state, work, folder, journal, reason)


def as_config(config: Config | Mapping[str, Any] | str | Path) -> Config:
    """A configuration from whatever describes one."""
    if isinstance(config, Config):
        return config
    return parse_config(config) if isinstance(config, Mapping) else load_config(config)


def device_of(config: Config) -> torch.device:
    """`auto` is the GPU if there is one."""
    name = config.training.device
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("training.device is cuda, but torch sees no GPU; use `auto` or `cpu`")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def _checkpoint_of(folder: Path, resume: bool) -> dict[str, Any] | None:
    exists = (folder / FILE_NAME).exists()
    if exists and not resume:
        raise ConfigError(f"{folder} already holds a run; resume it (--resume) or choose another folder")
    return load_checkpoint(folder) if exists else None


def _start_of(checkpoint: Mapping[str, Any] | None, potential: str | Path | None) -> Start:
    """A checkpoint goes before the potential, from which its run has started."""
    if checkpoint:
        return start_of_checkpoint(checkpoint)
    return start_of_potential(potential) if potential is not None else Start()


def _initial_state(config: Config, problem: Problem) -> RunState:
    model, frozen = problem.model, problem.frozen
    trained = {name: p for name, p in model.named_parameters() if name not in frozen}
    if not trained:
        raise ConfigError("every parameter is frozen; shorten fine_tune.freeze")
    n_batches = -(-len(problem.train) // config.training.batch_size)
    return RunState(
        model=model,
        trained=tuple(trained),
        optimizer=build_optimizer(model, config.optimizer, frozen=frozen),
        average=MovingAverage(trained, config.optimizer.ema),
        schedule=Schedule(config.schedule, config.loss, Timeline(n_batches, config.training.epochs)),
    )


def _work(
    config: Config,
    problem: Problem,
    state: RunState,
    journal: Journal,
    folder: Path,
    ranks: Ranks,
    device: torch.device,
    dtype: torch.dtype,
    hooks: Hooks,
) -> Work:
    training, energy_per = config.training, config.loss.energy_per
    batches = TrainingBatches(
        problem.train,
        training.batch_size,
        seed=training.seed,
        dtype=dtype,
        device=device,
        energy_per=energy_per,
        rank=ranks.rank,
        n_ranks=ranks.n,
    )
    valid = validation_set(problem.valid, training.valid_batch_size, dtype=dtype, device=device, energy_per=energy_per)

    def record(content: Record) -> None:
        if ranks.is_first:
            journal.append(content)
            hooks.on_record(content)

    def save(state: RunState) -> None:
        if ranks.is_first:
            journal.write_table()
            content = {"config": config_yaml(config), "journal_bytes": journal.n_bytes, "state": state.state_dict()}
            save_checkpoint(folder / FILE_NAME, {**content, **problem.description()})

    train_step, valid_step = _steps(config, state, batches, valid, dtype, record)
    return Work(
        config=config,
        ranks=ranks,
        device=device,
        batches=batches,
        valid=valid,
        train_step=train_step,
        valid_step=valid_step,
        save=save,
        record=record,
        on_step=hooks.on_step,
        should_stop=hooks.should_stop,
    )


def _steps(
    config: Config,
    state: RunState,
    batches: TrainingBatches,
    valid: ValidationSet,
    dtype: torch.dtype,
    record: Callable[[Record], None],
) -> tuple[TensorFunction, TensorFunction]:
    """The training and the validation step, compiled if wanted and possible."""
    names, huber = tuple(state.parameters()), config.loss.huber
    tensors: tuple[Tensor, ...] = tuple(state.parameters().values())
    train_step = flat_training_step(state.model, names, state.trained, head=None, huber=huber)
    valid_step = flat_validation_step(state.model, names, head=None, huber=huber)
    if not config.training.compile:
        return train_step, valid_step
    example = batches.batch(0, 0)
    weights = torch.ones(3, dtype=torch.float64, device=tensors[0].device)
    fast_train = compiled(train_step, [*tensors, *example, weights], dtype=dtype)
    fast_valid = compiled(valid_step, [*tensors, *valid.batches[0]], dtype=dtype)
    record({"event": "compile", "train_failure": fast_train.failure, "valid_failure": fast_valid.failure})
    return fast_train.function, fast_valid.function


@contextmanager
def _threads(n_threads: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def n_parameters(model: nn.Module) -> int:
    """How many numbers are learnt."""
    return sum(parameter.numel() for parameter in model.parameters())
