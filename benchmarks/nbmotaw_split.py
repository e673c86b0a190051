"""Which frames of the Nb-Mo-Ta-W data train, choose the epoch (valid) and are held out (test).

    FUSIONMD_DATA=DIR python -m benchmarks.nbmotaw_split

- AIMD: of each run the last 10 % of its frames are held out, in the order of the file; the 5 % before them validate.
- Binaries: whole compositions of a pair of elements, so relaxed and unrelaxed twins stay together.
- Elastic: groups of equal structures; half of the strained cells are rotated copies of others.

Writes models/nbmotaw/split.json, with the hashes of the three files and indices into their frames one after another.
test_quaternary.xyz is not looked at.
"""

import argparse
from collections import Counter
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.machine import ROOT
from fusionmd.data.audit import leakage
from fusionmd.data.catalogue import find_file
from fusionmd.data.duplicates import duplicates
from fusionmd.data.frame import Frame
from fusionmd.data.read import read_frames
from fusionmd.data.splits import PARTS, Split, save_split

FILES = ("train_binaries.xyz", "train_aimd.xyz", "train_elastic.xyz")
PATH = ROOT / "models" / "nbmotaw" / "split.json"
TEST, VALID = 0.1, 0.05
SEED = 1


def main() -> None:
    arguments = _arguments()
    paths = [find_file("nbmotaw", file, folder=arguments.data) for file in FILES]
    frames = [frame for path in paths for frame in read_frames(path)]
    split = split_of(frames)
    parts = split.parts(frames)
    shared = leakage(parts)
    if shared:
        raise SystemExit(f"not written: {'; '.join(finding.message for finding in shared)}")
    save_split(arguments.output, split, paths)
    for part in PARTS:
        print(part, dict(sorted(Counter(kind_of(frame) for frame in parts[part]).items())))
    print(arguments.output)


def split_of(frames: Sequence[Frame]) -> Split:
    """The split by the rules above; the same for the same frames."""
    where: dict[str, list[int]] = {kind: [] for kind in ("aimd", "relaxed", "unrelaxed", "elastic")}
    for index, frame in enumerate(frames):
        where[kind_of(frame)].append(index)
    binaries = sorted(where["relaxed"] + where["unrelaxed"])
    parts = [
        *(ends(run) for run in grouped(where["aimd"], [frames[i].config_type for i in where["aimd"]])),
        chosen(grouped(binaries, [composition_of(frames[i]) for i in binaries])),
        chosen(equal_structures(frames, where["elastic"])),
    ]
    train, valid, test = (tuple(sorted(index for part in parts for index in part[k])) for k in range(3))
    return Split(train, valid, test, seed=SEED)


def kind_of(frame: Frame) -> str:
    """'aimd', 'relaxed', 'unrelaxed' (binaries) or 'elastic', from the config_type, such as Ta-Mo_unrelax."""
    name = frame.config_type
    if name.endswith("_unrelax"):
        return "unrelaxed"
    return "relaxed" if name.endswith("_relax") else "elastic" if "_Strain" in name else "aimd"


def composition_of(frame: Frame) -> tuple[tuple[int, int], ...]:
    """Atoms of each element: (atomic number, count), ascending."""
    return tuple(sorted(Counter(frame.structure.numbers.tolist()).items()))


def grouped(indices: Sequence[int], keys: Sequence[Hashable]) -> list[list[int]]:
    """Indices of equal key together, groups in the order of their first members."""
    groups: dict[Hashable, list[int]] = {}
    for index, key in zip(indices, keys, strict=True):
        groups.setdefault(key, []).append(index)
    return list(groups.values())


def equal_structures(frames: Sequence[Frame], indices: Sequence[int]) -> list[list[int]]:
    """Indices of frames that are the same structure together."""
    first = dict(enumerate(range(len(indices))))
    for earlier, later in duplicates([frames[index] for index in indices]):
        first[later] = min(first[later], first[earlier])
    return grouped(indices, list(first.values()))


def ends(run: Sequence[int]) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    """train, valid, test: a run cut twice near its end."""
    n_test, n_valid = round(TEST * len(run)), round(VALID * len(run))
    n_train = len(run) - n_test - n_valid
    return run[:n_train], run[n_train : n_train + n_valid], run[n_train + n_valid :]


def chosen(groups: Sequence[Sequence[int]]) -> tuple[list[int], list[int], list[int]]:
    """train, valid, test: groups in random order, to each part until it has its share of the indices."""
    order = np.random.Generator(np.random.Philox(key=SEED)).permutation(len(groups))
    n = sum(map(len, groups))
    train, valid, test = [], [], []
    for group in (groups[i] for i in order):
        part = test if len(test) < TEST * n else valid if len(valid) < VALID * n else train
        part.extend(group)
    return train, valid, test


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with nbmotaw/; default FUSIONMD_DATA")
    parser.add_argument("-o", "--output", type=Path, default=PATH)
    return parser.parse_args()


if __name__ == "__main__":
    main()
