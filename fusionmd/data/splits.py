"""Which frames train, validate and test: chosen once, written to a file, checked when read again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np

from fusionmd.data.frame import Frame
from fusionmd.errors import DataError
from fusionmd.files import sha256_of_file, write_text_atomic

FORMAT = 1
PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class Split:
    """Indices of frames by part; no frame is in two parts.

    files: SHA-256 of the data files by name, in the order in which their frames are counted.
    seed: Of a random split, else None.
    """

    train: tuple[int, ...]
    valid: tuple[int, ...]
    test: tuple[int, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None

    def __post_init__(self) -> None:
        everything = [*self.train, *self.valid, *self.test]
        if any(not isinstance(index, int) or index < 0 for index in everything):
            raise DataError("a split holds indices that are no frame numbers; wanted integers from 0")
        if len(set(everything)) < len(everything):
            twice = sorted({index for index in everything if everything.count(index) > 1})[:8]
            raise DataError(f"frames {twice} are named twice in the split; every frame belongs to one part")

    def parts(self, frames: Sequence[Frame]) -> dict[str, list[Frame]]:
        """The frames of each part."""
        largest = max([*self.train, *self.valid, *self.test], default=-1)
        if largest >= len(frames):
            raise DataError(
                f"the split names frame {largest}, but there are {len(frames)} frames; use the files it is of"
            )
        return {part: [frames[index] for index in getattr(self, part)] for part in PARTS}


def random_split(n_frames: int, *, n_valid: int, n_test: int = 0, seed: int) -> Split:
    """A random choice; the same for the same numbers and seed. Indices ascend within each part."""
    if min(n_valid, n_test) < 0 or n_valid + n_test >= n_frames:
        raise DataError(f"{n_frames} frames cannot give {n_valid} to validate, {n_test} to test and some to train")
    order = np.random.default_rng(seed).permutation(n_frames)
    test, valid, train = np.split(order, [n_test, n_test + n_valid])
    return Split(_ascending(train), _ascending(valid), _ascending(test), seed=seed)


def split_by_config_type(frames: Sequence[Frame], *, valid: Sequence[str], test: Sequence[str] = ()) -> Split:
    """Frames whose config_type is named go to that part, all others train."""
    types = [frame.config_type for frame in frames]
    unknown = [name for name in (*valid, *test) if name not in types]
    if unknown:
        raise DataError(f"no frame has config_type {unknown[0]!r}; there are {sorted(set(types))}")
    part = ["valid" if name in valid else "test" if name in test else "train" for name in types]
    where = {name: tuple(index for index, here in enumerate(part) if here == name) for name in PARTS}
    return Split(where["train"], where["valid"], where["test"])


def save_split(path: str | PathLike[str], split: Split, files: Sequence[str | PathLike[str]] = ()) -> Split:
    """Write the split as JSON with the hashes of its data files; return it with them."""
    hashes = {Path(file).name: sha256_of_file(file) for file in files} or dict(split.files)
    content = {
        "format": FORMAT,
        "seed": split.seed,
        "files": hashes,
        **{part: list(getattr(split, part)) for part in PARTS},
    }
    write_text_atomic(path, json.dumps(content, indent=1) + "\n")
    return Split(split.train, split.valid, split.test, hashes, split.seed)


def load_split(path: str | PathLike[str], files: Sequence[str | PathLike[str]] = ()) -> Split:
    """Read a split; if the data `files` are given, they must be the ones it was made for."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        train, valid, test = (tuple(content.get(part, ())) for part in PARTS)
        split = Split(train, valid, test, files=content.get("files", {}), seed=content.get("seed"))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise DataError(f"{path}: not a split file ({error}); wanted JSON with train, valid, test") from error
    if files and split.files:
        _check_files(path, split, [Path(file) for file in files])
    return split


def _check_files(path: str | PathLike[str], split: Split, files: Sequence[Path]) -> None:
    given = [(file.name, sha256_of_file(file)) for file in files]
    if given != list(split.files.items()):
        changed = [name for name, digest in given if split.files.get(name) != digest] or [name for name, _ in given]
        raise DataError(f"{path}: was made for {list(split.files)}; {changed[0]} is another file or has changed since")


def _ascending(indices: np.ndarray) -> tuple[int, ...]:
    return tuple(np.sort(indices).tolist())
