"""A training run: from a configuration to a folder with checkpoints, log, report and potential."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fusionmd.data.splits import save_split
from fusionmd.errors import ConfigError
from fusionmd.files import write_text_atomic
from fusionmd.training.checkpoint import FILE_NAME, load_checkpoint
from fusionmd.training.config import Config
from fusionmd.training.config_file import config_yaml, load_config, parse_config
from fusionmd.training.distributed import process_group
from fusionmd.training.ema import MovingAverage
from fusionmd.training.finish import Result, finish
from fusionmd.training.journal import Journal
from fusionmd.training.keeper import Keeper
from fusionmd.training.loop import run_epochs
from fusionmd.training.optimizers import build_optimizer
from fusionmd.training.problem import Problem, prepare
from fusionmd.training.resume import check_same_run, identity_of
from fusionmd.training.schedule import Schedule, Timeline
from fusionmd.training.start import Start, start_of_checkpoint, start_of_potential
from fusionmd.training.state import RunState
from fusionmd.training.work import Hooks, work_of

NO_HOOKS = Hooks()


def train(
    config: Config | Mapping[str, Any] | str | Path,
    folder: str | Path,
    *,
    resume: bool = False,
    potential: str | Path | None = None,
    hooks: Hooks = NO_HOOKS,
) -> Result:
    """Train a model as `config` says and leave everything in `folder`.

    config: A configuration, its nested mapping, or the path of its YAML file.
    resume: Go on from the checkpoint in `folder`, exactly where it was.
    potential: A potential file whose weights to start from (fine-tuning).
    """
    config, folder = as_config(config), Path(folder)
    dtype, device = getattr(torch, config.training.dtype), device_of(config)
    checkpoint, identity = _checkpoint_of(folder, resume), identity_of(config)
    if checkpoint:
        check_same_run(config, identity, checkpoint)
    with _threads(config.training.threads), process_group(device) as ranks:
        problem = prepare(config, _start_of(checkpoint, potential), dtype=dtype, device=device)
        state = _initial_state(config, problem)
        journal = Journal(folder)
        if ranks.is_first:
            folder.mkdir(parents=True, exist_ok=True)
            write_text_atomic(folder / "config.yaml", config_yaml(config))
            if problem.split:
                save_split(folder / "split.json", problem.split, config.data.train)
            # Without a checkpoint: what is left of a run that died before its first one.
            journal.cut(checkpoint["journal_bytes"] if checkpoint else 0)
        if checkpoint:
            state.load_state_dict(checkpoint["state"])
        keeper = Keeper(folder, journal, identity | problem.description(), ranks.is_first, hooks.on_record)
        work = work_of(config, problem, state, keeper, hooks, ranks, device)
        return finish(problem, state, work, run_epochs(state, work))


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
