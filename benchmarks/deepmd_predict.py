"""What a model of deepmd-kit says about the frames that `deepmd_data.py` wrote.

    DEEPMD_PYTHON -m benchmarks.deepmd_predict se_e2_a/model.pb --data data/test -o se_e2_a/test.npz

Runs in the environment of deepmd-kit, from the root of the checkout. Energies [n_frames], eV; virials
[n_frames, 3, 3], eV; forces_K [n_atoms, 3], eV/angstrom, of frame K; frames and atoms in the order they came from.
"""

import argparse
from pathlib import Path

import numpy as np
from deepmd.infer import DeepPot  # type: ignore[import-not-found]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("model", type=Path)
    arguments.add_argument("--data", type=Path, required=True, help="folder of systems")
    arguments.add_argument("-o", "--output", type=Path, required=True)
    given = arguments.parse_args()
    model, found = DeepPot(str(given.model)), {}
    for system in sorted(given.data.iterdir()):
        found |= predicted(model, system)
    order = range(len(found))
    arrays = {"energies": np.array([found[k][0] for k in order]), "virials": np.array([found[k][1] for k in order])}
    np.savez(given.output, **arrays, **{f"forces_{k}": found[k][2] for k in order})


def predicted(model: DeepPot, system: Path) -> dict[int, tuple[float, np.ndarray, np.ndarray]]:
    """Energy, virial and forces of the frames of a system, by their index."""
    (folder,) = system.glob("set.*")
    positions, boxes = np.load(folder / "coord.npy"), np.load(folder / "box.npy")
    names = (system / "type_map.raw").read_text().split()
    types = [model.get_type_map().index(names[int(line)]) for line in (system / "type.raw").read_text().split()]
    energies, forces, virials = model.eval(positions, boxes, types)[:3]
    rows = {}
    for k, (frame, order) in enumerate(zip(np.load(system / "frames.npy"), np.load(system / "order.npy"), strict=True)):
        own = np.empty((len(order), 3))
        own[order] = forces[k].reshape(-1, 3)
        rows[int(frame)] = (float(energies[k].item()), virials[k].reshape(3, 3), own)
    return rows


if __name__ == "__main__":
    main()
