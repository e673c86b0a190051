"""Which frames are trained on and which choose the best model; the choice is saved to a file when it is random."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from fusionmd.data.frame import Frame
from fusionmd.errors import DataError
from fusionmd.training.config import DataConfig
from fusionmd.training.frames import frames_of

# Apart from every (seed, epoch) key of the order of the frames.
SPLIT_KEY = 2**63


def split_frames(data: DataConfig, *, seed: int) -> tuple[list[Frame], list[Frame]]:
    """Training and validation frames: two files, a split file, or a random choice that depends on `seed` alone."""
    frames = frames_of(data.train, data)
    if data.valid:
        return _checked(frames, frames_of(data.valid, data))
    train, valid = _split_file(data, len(frames)) if data.split else random_split(data, len(frames), seed=seed)
    return _checked([frames[i] for i in train], [frames[i] for i in valid])


def random_split(data: DataConfig, n_frames: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of training and validation frames, each ascending."""
    n_valid = data.valid_count or max(1, round(data.valid_fraction * n_frames))
    order = np.random.Generator(np.random.Philox(key=[seed, SPLIT_KEY])).permutation(n_frames)
    return np.sort(order[n_valid:]), np.sort(order[:n_valid])


def _split_file(data: DataConfig, n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    assert data.split is not None
    try:
        content = json.loads(data.split.read_text())
        train, valid = (np.asarray(content[name], dtype=np.int64) for name in ("train", "valid"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{data.split} is not a split file ({error!r}); wanted JSON {{train: [...], valid: [...]}}"
        ) from None
    both = np.concatenate([train, valid])
    if both.size and (both.min() < 0 or both.max() >= n_frames or len(np.unique(both)) < len(both)):
        raise DataError(f"{data.split} names frames outside 0..{n_frames - 1}, or a frame twice; make it again")
    return train, valid


def _checked(train: Sequence[Frame], valid: Sequence[Frame]) -> tuple[list[Frame], list[Frame]]:
    if not train or not valid:
        raise DataError(
            f"{len(train)} frames to train on and {len(valid)} to validate on; both are needed: change "
            "data.valid_count, data.valid_fraction or the files"
        )
    return list(train), list(valid)
