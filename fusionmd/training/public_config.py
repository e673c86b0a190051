"""The configuration as others may see it: files by their names, and what is in them by hashes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fusionmd.files import sha256_of_file
from fusionmd.training.config import Config
from fusionmd.training.config_file import PATH_KEYS

PATHS = tuple(key for _, key in PATH_KEYS)  # keys of the section `data`


def public_config(config: Config) -> dict[str, Any]:
    """The configuration as plain values, with files by name only: folders mean nothing on another machine."""
    content = config.model_dump(mode="json")
    for key, value in content["data"].items():
        if key in PATHS and value is not None:
            content["data"][key] = [Path(p).name for p in value] if isinstance(value, list) else Path(value).name
    return content


def file_hashes(config: Config) -> dict[str, list[str]]:
    """SHA-256 of the files that the section `data` names, by key; empty for one that is no file."""
    given = {key: getattr(config.data, key) for key in PATHS}
    return {key: [_hash(path) for path in _paths(value)] for key, value in given.items() if value}


def _paths(value: Path | Sequence[Path]) -> Sequence[Path]:
    return [value] if isinstance(value, Path) else value


def _hash(path: Path) -> str:
    return sha256_of_file(path) if path.is_file() else ""
