"""Geometries to label: from trajectories, from lines between landmarks, from starts.

    python -m benchmarks.stilbene.frames -o frames.xyz --runs RUN/run.h5 ... --landmarks landmarks.xyz --lines 1000 \
        --starts starts.xyz ... [--most 500] [--kinds S0] [--doubted-by POTENTIAL | --steep-for POTENTIAL]

Of a trajectory every fourth femtosecond, and every second one on an excited state with S0 near. Lines: straight in
internal coordinates between two landmarks drawn at random, at a point drawn at random, with noise on all atoms. Runs
with seeds below 10000 are for comparison and are refused.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import ase.io
import numpy as np
import yaml
from ase import Atoms

from fusionmd.namd.run_file import RunFile, read_run
from fusionmd.namd.zmatrix import interpolated, zmatrix_of
from fusionmd.potential import load_potential
from fusionmd.potential.potential import Potential
from fusionmd.structure import Structure

Array = np.ndarray
FIRST_SEED = 10000
AT_ONCE = 64
SPACING_FS, NEAR_SPACING_FS, NEAR_EV = 4.0, 2.0, 1.0
NOISE = 0.03  # angstrom
LEAST_DISTANCE = 0.75  # angstrom
SHIFTED = ("carbene", "bridge", "hydrogen shifted", "hydrogen between")  # landmarks behind the walls


def main() -> None:
    """One file; `config_type` says where a frame comes from."""
    options = _arguments()
    frames = [frame for path in options.runs for frame in of_run(read_run(path), str(path))]
    frames = [frame for frame in frames if not options.kinds or frame.info["config_type"] in options.kinds]
    if options.most and len(frames) > options.most:
        frames = drawn(frames, options.most, seed=options.seed, shares=_shares(frames, options))
    if options.lines:
        frames += list(on_lines(ase.io.read(options.landmarks, index=":"), options.lines, seed=options.seed))
    for path in options.starts:
        frames += [_frame(one.numbers, one.positions, "start") for one in ase.io.read(path, index=":")]
    ase.io.write(options.output, frames, format="extxyz")
    kinds = [frame.info["config_type"] for frame in frames]
    print({kind: kinds.count(kind) for kind in sorted(set(kinds))})


def of_run(run: RunFile, name: str) -> Iterator[Atoms]:
    """Of all trajectories, flagged ones too: up to where they were stopped they are good."""
    seed = yaml.safe_load(run.protocol)["method"]["seed"]
    if seed < FIRST_SEED or run.numbers is None:
        raise SystemExit(f"{name} has seed {seed}; learnt from are runs of a molecule with seeds from {FIRST_SEED}")
    every, often = (max(round(each / (run.time[1] - run.time[0])), 1) for each in (SPACING_FS, NEAR_SPACING_FS))
    gaps = run.state_energies[:, :, 1] - run.state_energies[:, :, 0]
    for row, end in enumerate(run.end_frames):
        active, near = run.active_state[row, :end], gaps[row, :end] < NEAR_EV
        frames = np.arange(end)
        for frame in np.flatnonzero((frames % every == 0) | ((active > 0) & near & (frames % often == 0))):
            kind = "near" if near[frame] else f"S{active[frame]}"
            yield _frame(run.numbers, run.positions[row, frame].reshape(-1, 3), kind)


def drawn(frames: Sequence[Atoms], n: int, *, seed: int, shares: Array | None = None) -> list[Atoms]:
    """`n` frames in their order, drawn at random, or in proportion to `shares` [n_frames]."""
    probabilities = None if shares is None else shares / shares.sum()
    chosen = np.random.default_rng(seed).choice(len(frames), n, replace=False, p=probabilities)
    return [frames[index] for index in sorted(chosen)]


def _shares(frames: Sequence[Atoms], options: argparse.Namespace) -> Array | None:
    if options.doubted_by:
        return variances(frames, load_potential(options.doubted_by))
    return steepness(frames, load_potential(options.steep_for)) if options.steep_for else None


def variances(frames: Sequence[Atoms], potential: Potential) -> Array:
    """The largest of the states' energies [n_frames], eV^2, as a calibrated potential gives it."""
    return potential.uncertainties([Structure.from_ase(frame) for frame in frames]).max(axis=1) ** 2


def steepness(frames: Sequence[Atoms], potential: Potential) -> Array:
    """Fourth power of the largest force on an atom in the highest state [n_frames], (eV/angstrom)^4.

    Errors of forces grow with forces: those of S2 are the largest where the double bond is short.
    """
    highest, found = potential.n_states - 1, []
    for begin in range(0, len(frames), AT_ONCE):
        structures = [Structure.from_ase(frame) for frame in frames[begin : begin + AT_ONCE]]
        found += [one.forces[0] for one in potential.evaluate(structures, states=[highest])]
    return np.linalg.norm(np.stack(found), axis=-1).max(axis=-1) ** 4


def on_lines(landmarks: Sequence[Atoms], n: int, *, seed: int) -> Iterator[Atoms]:
    """Between two of those that are usable; geometries in which atoms meet are drawn again."""
    usable = [one for one in landmarks if one.info.get("is_usable", True) and one.info.get("name") not in SHIFTED]
    rng, numbers = np.random.default_rng(seed), usable[0].numbers
    tree = zmatrix_of(numbers, [frame.positions for frame in usable])
    made = 0
    while made < n:
        one, other = rng.choice(len(usable), 2, replace=False)
        share = rng.uniform(size=1)
        places = interpolated(tree, usable[one].positions, usable[other].positions, share)[0]
        frame = _frame(numbers, places + NOISE * rng.normal(size=places.shape), "line")
        if frame.get_all_distances()[np.triu_indices(len(numbers), 1)].min() > LEAST_DISTANCE:
            made += 1
            yield frame


def _frame(numbers: np.ndarray, positions: np.ndarray, kind: str) -> Atoms:
    return Atoms(numbers, positions, info={"config_type": kind})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--runs", type=Path, nargs="*", default=[])
    parser.add_argument("--landmarks", type=Path, default=Path(__file__).with_name("landmarks.xyz"))
    parser.add_argument("--lines", type=int, default=0)
    parser.add_argument(
        "--kinds", nargs="*", default=[], help="frames of the runs: S0, S1, S2 (active), near; all if none"
    )
    parser.add_argument("--most", type=int, help="frames of the runs, drawn at random")
    shares = parser.add_mutually_exclusive_group()
    shares.add_argument("--doubted-by", metavar="POTENTIAL", help="draw frames of runs in proportion to its variances")
    shares.add_argument("--steep-for", metavar="POTENTIAL", help="draw frames of runs where its highest state is steep")
    parser.add_argument("--starts", type=Path, nargs="*", default=[])
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    options = parser.parse_args()
    if (options.doubted_by or options.steep_for) and not options.most:
        parser.error("--doubted-by and --steep-for say which frames are drawn; say how many with --most")
    return options


if __name__ == "__main__":
    main()
