"""The Nb-Mo-Ta-W frames as deepmd-kit wants them, by the split of models/nbmotaw.

    FUSIONMD_DATA=DIR python -m benchmarks.deepmd_data -o deepmd/data

A system of deepmd-kit is a folder of frames with one list of types: OUTPUT/PART/FORMULA, PART train, valid or test.
Atoms are sorted by element; `frames.npy` and `order.npy` say where they come from. Units are eV and angstrom;
virial = -volume * stress, with the sign of stress that ASE has. test_quaternary.xyz is not looked at.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols
from ase.formula import Formula

from benchmarks.nbmotaw_split import FILES, PATH, composition_of, grouped
from fusionmd.data.catalogue import find_file
from fusionmd.data.frame import Frame
from fusionmd.data.read import read_frames
from fusionmd.data.splits import load_split
from fusionmd.training.frames import energies_of, forces_of, stress_of

TYPES = (41, 42, 73, 74)
SET = "set.000"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--data", type=Path, help="folder with nbmotaw/; default FUSIONMD_DATA")
    arguments.add_argument("-o", "--output", type=Path, required=True)
    given = arguments.parse_args()
    for part, frames in parts_of(given.data).items():
        folders = write_systems(given.output / part, frames)
        print(part, len(frames), "frames in", len(folders), "systems")


def parts_of(data: Path | None) -> dict[str, list[Frame]]:
    """Frames of train, valid and test."""
    paths = [find_file("nbmotaw", file, folder=data) for file in FILES]
    return dict(load_split(PATH, paths).parts([frame for path in paths for frame in read_frames(path)]))


def write_systems(folder: Path, frames: Sequence[Frame]) -> list[Path]:
    """One system for each formula."""
    groups = grouped(range(len(frames)), [composition_of(frame) for frame in frames])
    return [_write_system(folder, frames, indices) for indices in groups]


def _write_system(folder: Path, frames: Sequence[Frame], indices: Sequence[int]) -> Path:
    chosen = [frames[index] for index in indices]
    orders = np.array([np.argsort(frame.structure.numbers, kind="stable") for frame in chosen])
    numbers = chosen[0].structure.numbers[orders[0]]
    folder = folder / Formula.from_list([chemical_symbols[number] for number in numbers]).format("hill")
    (folder / SET).mkdir(parents=True, exist_ok=True)
    (folder / "type_map.raw").write_text("\n".join(chemical_symbols[number] for number in TYPES) + "\n")
    (folder / "type.raw").write_text("\n".join(str(TYPES.index(number)) for number in numbers) + "\n")
    np.save(folder / "frames.npy", indices)
    np.save(folder / "order.npy", orders)
    arrays = {
        "coord": [frame.structure.positions[order] for frame, order in zip(chosen, orders, strict=True)],
        "box": [frame.structure.cell for frame in chosen],
        "energy": [energies_of(frame, 1)[0] for frame in chosen],
        "force": [forces_of(frame, 1)[0, order] for frame, order in zip(chosen, orders, strict=True)],
        "virial": [-frame.structure.volume * stress_of(frame) for frame in chosen],
    }
    for name, rows in arrays.items():
        np.save(folder / SET / f"{name}.npy", np.asarray(rows, dtype=np.float64).reshape(len(chosen), -1))
    return folder


if __name__ == "__main__":
    main()
