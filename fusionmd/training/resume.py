"""What may differ between a run and its continuation."""

from __future__ import annotations

from typing import Any

import yaml

from fusionmd.errors import ConfigError
from fusionmd.training.config import Config
from fusionmd.training.config_file import parse_config

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


def check_same_run(config: Config, earlier: str) -> None:
    """Raise ConfigError if `config` does not continue the run of the configuration `earlier` (YAML text)."""
    # Parsed, so that keys which did not exist then have their defaults.
    theirs = parse_config(yaml.safe_load(earlier), source="the checkpoint").model_dump(mode="json")
    ours = config.model_dump(mode="json")
    changed = [key for key in FIXED if _value(ours, key) != _value(theirs, key)]
    if changed:
        raise ConfigError(
            f"the checkpoint was written with other values of {', '.join(changed)}; restore them or start a new folder"
        )


def _value(tree: Any, key: str) -> Any:
    for part in key.split("."):
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree
