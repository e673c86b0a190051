"""Which frames are trained on, and which choose the best model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fusionmd.data.frame import Frame
from fusionmd.data.splits import Split, load_split
from fusionmd.errors import DataError
from fusionmd.training.config import DataConfig
from fusionmd.training.frames import frames_of

# Apart from every (seed, epoch) key of the order of the frames.
SPLIT_KEY = 2**63


@dataclass(frozen=True)
class SplitFrames:
    """split: Indices into the frames of `data.train`, None where validation frames have files of their own."""

    train: list[Frame]
    valid: list[Frame]
    split: Split | None = None


def split_frames(data: DataConfig, *, seed: int) -> SplitFrames:
    """Two sets of files, a split file, or a random choice that depends on `seed` and the number of frames alone."""
    frames = frames_of(data.train, data)
    if data.valid:
        return _checked(SplitFrames(frames, frames_of(data.valid, data)))
    split = load_split(data.split, data.train) if data.split else random_split(data, len(frames), seed=seed)
    parts = split.parts(frames)
    return _checked(SplitFrames(parts["train"], parts["valid"], split))


def random_split(data: DataConfig, n_frames: int, *, seed: int) -> Split:
    """`valid_count` frames (or `valid_fraction` of all) to validate, the others to train; ascending."""
    n_valid = data.valid_count or max(1, round(data.valid_fraction * n_frames))
    order = np.random.Generator(np.random.Philox(key=[seed, SPLIT_KEY])).permutation(n_frames)
    train, valid = (tuple(np.sort(part).tolist()) for part in (order[n_valid:], order[:n_valid]))
    return Split(train, valid, seed=seed)


def _checked(frames: SplitFrames) -> SplitFrames:
    if not frames.train or not frames.valid:
        raise DataError(
            f"{len(frames.train)} frames to train on and {len(frames.valid)} to validate on; both are needed: change "
            "data.valid_count, data.valid_fraction or the files"
        )
    return frames
