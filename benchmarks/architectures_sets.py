"""The data sets on which architectures are compared: which frames teach, which choose the epoch, which judge."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fusionmd.data.catalogue import find_file
from fusionmd.data.frame import Frame
from fusionmd.data.read import read_frames
from fusionmd.data.splits import Split, random_split, save_split

SPLIT_SEED = 0  # one split for all models and seeds


@dataclass(frozen=True)
class DataSet:
    """One molecule.

    tests: Label -> file of frames for nothing but the final errors; empty: what is left over of `train`.
    measure: `rmse` or `mae`, as in the papers of this set.
    """

    folder: str
    train: str
    n_train: int
    n_valid: int
    elements: tuple[int, ...]
    measure: str
    tests: Mapping[str, str] = field(default_factory=dict)
    n_states: int = 1

    def path(self, root: Path | None) -> Path:
        """The frames to learn from."""
        return find_file(self.folder, self.train, folder=root)

    def split(self, n_frames: int) -> Split:
        """The same for every model and seed."""
        n_left = n_frames - self.n_train - self.n_valid
        return random_split(n_frames, n_valid=self.n_valid, n_test=n_left, seed=SPLIT_SEED)

    def save_split(self, file: Path, root: Path | None) -> None:
        """What the training reads."""
        path = self.path(root)
        split = self.split(len(read_frames(path)))
        save_split(file, Split(split.train, split.valid), [path])

    def test_frames(self, root: Path | None) -> dict[str, list[Frame]]:
        """Held-out frames by label."""
        if self.tests:
            files = {label: find_file(self.folder, file, folder=root) for label, file in self.tests.items()}
            return {label: list(read_frames(file)) for label, file in files.items()}
        frames = read_frames(self.path(root))
        return {"left out": self.split(len(frames)).parts(frames)["test"]}

    @property
    def test_labels(self) -> tuple[str, ...]:
        return tuple(self.tests) or ("left out",)

    @property
    def model(self) -> dict[str, Any]:
        """What the section `model` needs for these labels."""
        return {"n_outputs": self.n_states} if self.n_states > 1 else {}


def _rmd17(molecule: str, elements: tuple[int, ...]) -> DataSet:
    """Christensen & von Lilienfeld 2020, the published split 01."""
    tests = {"test": f"{molecule}_test_01.npz"}
    return DataSet("rmd17", f"{molecule}_train_01.npz", 950, 50, elements, "mae", tests)


SETS = {
    "acac": DataSet(
        "acac",
        "train_300K.xyz",
        450,
        50,
        (1, 6, 8),
        "rmse",
        {"300 K": "test_MD_300K.xyz", "600 K": "test_MD_600K.xyz"},
    ),
    "ethanol": _rmd17("ethanol", (1, 6, 8)),
    "3bpa": DataSet("3bpa", "train_300K.xyz", 450, 50, (1, 6, 7, 8), "rmse", {"300 K": "test_300K.xyz"}),
    "aspirin": _rmd17("aspirin", (1, 6, 8)),
    "azobenzene": _rmd17("azobenzene", (1, 6, 7)),
    "ch2nh2": DataSet("ch2nh2", "spainn_ch2nh2.db", 60, 9, (1, 6, 7), "mae", n_states=3),
}
