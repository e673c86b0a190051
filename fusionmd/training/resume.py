"""What may differ between a run and its continuation: not the data, but the folder where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from fusionmd.errors import ConfigError
from fusionmd.training.config import Config
from fusionmd.training.config_file import parse_config
from fusionmd.training.public_config import PATHS, file_hashes, public_config

# Changing one of these would make the weights or the order of the data meaningless.
FIXED = (
    "data",
    "model",
    "e0",
    "fine_tune",
    "optimizer.name",
    "training.seed",
    "training.batch_size",
    "training.mix_sizes",
    "training.dtype",
    "loss.energy_per",
)
FILES = "data_files"


def identity_of(config: Config) -> dict[str, Any]:
    """What a checkpoint keeps to know its run again: the configuration without folders, and hashes of the data."""
    return {"config": yaml.safe_dump(public_config(config), sort_keys=False), FILES: file_hashes(config)}


def check_same_run(config: Config, identity: Mapping[str, Any], checkpoint: Mapping[str, Any]) -> None:
    """Raise ConfigError if `config`, of that identity, does not continue the run of the checkpoint."""
    # Parsed, so that keys which did not exist then have their defaults.
    theirs = parse_config(yaml.safe_load(checkpoint["config"]), source="the checkpoint").model_dump(mode="json")
    ours = config.model_dump(mode="json")
    changed_files: list[str] = []
    if FILES in checkpoint:  # else it was written when paths said which data a run has
        theirs, ours = _without_paths(theirs), _without_paths(ours)
        changed_files = [f"data.{key}" for key in PATHS if _differ(identity[FILES], checkpoint[FILES], key)]
    changed = [key for key in FIXED if _value(ours, key) != _value(theirs, key)]
    if changed:
        raise ConfigError(
            f"the checkpoint was written with other values of {', '.join(changed)}; restore them or start a new folder"
        )
    if changed_files:
        raise ConfigError(
            f"the files of {', '.join(changed_files)} hold other data than those the checkpoint was written with; "
            "restore them or start a new folder"
        )


def _differ(ours: Mapping[str, list[str]], theirs: Mapping[str, list[str]], key: str) -> bool:
    """Whether files hold other data; one that is missing is left to whoever reads it."""
    return all(ours.get(key, [])) and ours.get(key) != theirs.get(key)


def _without_paths(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {**tree, "data": {key: value for key, value in tree["data"].items() if key not in PATHS}}


def _value(tree: Any, key: str) -> Any:
    for part in key.split("."):
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree
