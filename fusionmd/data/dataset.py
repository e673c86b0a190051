"""A data set: frames in order, with a hash of their content, and the graphs a model reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import torch

from fusionmd.data.frame import Frame, require_labels
from fusionmd.errors import DataError, UnsupportedStructureError
from fusionmd.graph import Graph, graph_of


class Dataset(Sequence[Frame]):
    """Frames in order; immutable."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        if not frames:
            raise DataError("a data set of no frames; give at least one")
        self.frames = tuple(frames)

    @property
    def elements(self) -> list[int]:
        """Atomic numbers that occur, sorted."""
        return sorted({int(number) for frame in self.frames for number in frame.structure.numbers})

    @property
    def data_hash(self) -> str:
        """SHA-256 of all structures and labels, whatever file they came from."""
        return data_hash(self.frames)

    def subset(self, indices: Sequence[int]) -> Dataset:
        """The frames at `indices`, in that order."""
        return Dataset([self.frames[index] for index in indices])

    def require(self, *labels: str) -> Dataset:
        """The data set itself, if every frame has these labels."""
        for frame in self.frames:
            require_labels(frame, *labels)
        return self

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # the overloads of Sequence say less than this line
        return Dataset(self.frames[index]) if isinstance(index, slice) else self.frames[index]

    def __iter__(self) -> Iterator[Frame]:
        return iter(self.frames)

    def __repr__(self) -> str:
        counts = {name: sum(frame.has(name) for frame in self.frames) for name in ("energy", "forces", "stress")}
        labels = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        return f"Dataset({len(self)} frames, elements {self.elements}, labels: {labels or 'none'})"


def data_hash(frames: Sequence[Frame]) -> str:
    """SHA-256 over numbers, positions, cells, pbc, labels, config types and weights, in order."""
    digest = hashlib.sha256()
    for frame in frames:
        structure = frame.structure
        for array in (structure.numbers, structure.positions, structure.cell, frame.energy, frame.forces, frame.stress):
            digest.update(b"none" if array is None else str(array.shape).encode() + array.tobytes())
        digest.update(f"{structure.pbc}{frame.config_type}{sorted(frame.weights.items())}".encode())
    return digest.hexdigest()


def graphs(
    dataset: Sequence[Frame], elements: Sequence[int], cutoff: float, *, dtype: torch.dtype = torch.float64
) -> list[Graph]:
    """One graph per frame, neighbour lists searched once."""
    return [_graph(frame, elements, cutoff, dtype) for frame in dataset]


def _graph(frame: Frame, elements: Sequence[int], cutoff: float, dtype: torch.dtype) -> Graph:
    try:
        return graph_of(frame.structure, elements, cutoff, dtype=dtype)
    except UnsupportedStructureError as error:
        raise DataError(f"{frame.source}: {error}") from error
