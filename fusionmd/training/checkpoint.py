"""Checkpoints: everything a run needs to go on exactly where it was, in one file, written atomically.

There is no generator state in it: the order of the frames is a function of (seed, epoch), see `epochs.epoch_order`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from fusionmd.errors import ConfigError
from fusionmd.files import atomic_write

FORMAT = 1
FILE_NAME = "checkpoint.pt"


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write `content` (tensors, numbers, strings, lists, dicts); a reader sees the old file or all of the new one."""
    with atomic_write(path) as temporary:
        torch.save({"format": FORMAT, **content}, temporary)


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """The content of a checkpoint file, or of the one in a run folder. Nothing in the file is executed."""
    path = Path(path)
    path = path / FILE_NAME if path.is_dir() else path
    if not path.exists():
        raise ConfigError(f"there is no checkpoint {path}; give a run folder or a checkpoint that `train` wrote")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ConfigError(
            f"{path} is not a readable checkpoint ({type(error).__name__}); it may be truncated"
        ) from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ConfigError(
            f"{path} is not a checkpoint of format {FORMAT}; it was written by another version or program"
        )
    return content
