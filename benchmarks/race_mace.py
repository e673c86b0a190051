"""The peer's side of the race: train MACE for a budget of CPU time on the frames that our own training used.

    MACE_PYTHON -m benchmarks.race_mace --data acac/train_300K.xyz --split run/split.json -o race

Runs in the peer's environment, from the root of the checkout. The learning rate follows a half cosine over the spent
part of the budget. The budget counts CPU seconds of the process, validation included, compilation excluded. Checkpoints
are written every few minutes; the same command goes on where they end. One JSON line per validation in `log.jsonl`,
the last of them with the figures of the end. Loss, optimiser and averaging: Batatia et al., NeurIPS 2022, appendix.
"""

import argparse
import json
import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import torch

from benchmarks import mace_peer as peer
from benchmarks.mace_training import Recipe, Trainer, interaction_energy, labelled_graphs
from benchmarks.machine import provenance
from fusionmd.files import atomic_write

E0 = {"H": -13.568422178253735, "C": -1026.8538996116154, "O": -2037.796869412825}


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    arguments.output.mkdir(parents=True, exist_ok=True)
    race = Race(arguments, Frames.read(arguments.data, arguments.split))
    race.restore()
    race.run()


@dataclass(frozen=True)
class Frames:
    """Positions with interaction energies (E - sum(E0), eV, formed in float64) and forces (eV/angstrom)."""

    train: list[ase.Atoms]
    valid: list[ase.Atoms]

    @classmethod
    def read(cls, data: Path, split: Path) -> "Frames":
        """The frames that a split file of ours names."""
        frames, parts = ase.io.read(data, ":"), json.loads(split.read_text())
        return cls([frames[i] for i in parts["train"]], [frames[i] for i in parts["valid"]])

    def settings(self, n_channels: int) -> peer.Settings:
        """Sizes of the benchmark; scale, shift and number of neighbours of the training frames."""
        energies = np.array([interaction_energy(atoms, E0) / len(atoms) for atoms in self.train])
        forces = np.concatenate([atoms.get_forces() for atoms in self.train])
        plain = peer.Settings(n_channels=n_channels)
        degrees = [graph.edge_index.shape[1] / len(graph.positions) for graph in labelled_graphs(self.train, plain, E0)]
        return peer.Settings(
            n_channels=n_channels,
            avg_num_neighbors=float(np.mean(degrees)),
            scale=float(np.sqrt(np.mean(forces**2))),
            shift=float(energies.mean()),
        )


class Race:
    """A training run: model, optimiser, average of the weights, and the CPU time that they have had."""

    def __init__(self, arguments: argparse.Namespace, frames: Frames) -> None:
        self.arguments = arguments
        self.recipe = Recipe(learning_rate=arguments.learning_rate)
        self.settings = frames.settings(arguments.channels)
        self.train, self.valid = (labelled_graphs(part, self.settings, E0) for part in (frames.train, frames.valid))
        everything = [*self.train, *self.valid]
        self.trainer = Trainer(self.settings, arguments.mode, self.recipe, everything, seed=arguments.seed)
        self.step, self.spent, self.wall = 0, 0.0, 0.0

    def run(self) -> None:
        """Train until the budget is spent."""
        setup = self._set_up()
        clock, saved, budget = Clock(self.spent), time.monotonic(), self.arguments.budget
        validated = self.spent
        self._log("start", setup_cpu_s=setup, settings=self.settings.as_dict(), provenance=provenance())
        while self.spent < budget:
            self.update(self.spent / budget)
            self.spent, self.wall = clock.cpu, self.wall + clock.lap()
            if self.spent - validated >= self.arguments.validate_every:
                self._log("validation", **self.validate())
                validated = self.spent
            if time.monotonic() - saved >= self.arguments.checkpoint_every:
                self.save()
                saved = time.monotonic()
        self._log("end", **self.validate())
        self.save()

    def update(self, progress: float) -> None:
        """One optimiser step at the learning rate that `progress` in 0..1 asks for."""
        self.trainer.update(self._next_batch(), rate_factor=(1 + math.cos(math.pi * progress)) / 2)
        self.step += 1

    def validate(self) -> dict[str, float]:
        """RMSE of total energies (meV) and force components (meV/angstrom) with the averaged weights."""
        size = self.recipe.batch_size
        with self.trainer.average.average_parameters():
            pairs = [self.trainer.errors(self.valid[i : i + size]) for i in range(0, len(self.valid), size)]
        energies, forces = (torch.cat([pair[k].detach().reshape(-1) for pair in pairs]).double() for k in (0, 1))
        rmse = lambda errors: 1000 * float(errors.square().mean().sqrt())  # noqa: E731
        return {"energy_rmse_meV": rmse(energies), "forces_rmse_meV_A": rmse(forces)}

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state = {
            "model": self.trainer.model.state_dict(),
            "optimizer": self.trainer.optimizer.state_dict(),
            "average": self.trainer.average.state_dict(),
            "progress": (self.step, self.spent, self.wall),
        }
        with atomic_write(self.arguments.output / "checkpoint.pt") as path:
            torch.save(state, path)

    def restore(self) -> None:
        """Go on from the checkpoint, if there is one."""
        path = self.arguments.output / "checkpoint.pt"
        if path.exists():
            state = torch.load(path, weights_only=False)
            self.trainer.model.load_state_dict(state["model"])
            self.trainer.optimizer.load_state_dict(state["optimizer"])
            self.trainer.average.load_state_dict(state["average"])
            self.step, self.spent, self.wall = state["progress"]

    def _set_up(self) -> float:
        """Compile, outside the budget: one forward and backward pass. CPU seconds."""
        begin = time.process_time()
        wrong = self.trainer.errors(self.train[: self.recipe.batch_size])
        peer.loss(wrong, energy=0.0, forces=1.0).backward()
        return time.process_time() - begin

    def _next_batch(self) -> list[Any]:
        """The graphs of this step; the order of an epoch depends on (seed, epoch) alone."""
        size = self.recipe.batch_size
        epoch, index = divmod(self.step, len(self.train) // size)
        order = np.random.Generator(np.random.Philox(key=[self.arguments.seed, epoch])).permutation(len(self.train))
        return [self.train[i] for i in order[index * size : (index + 1) * size]]

    def _log(self, event: str, **entries: Any) -> None:
        """One JSON line."""
        epochs = self.step * self.recipe.batch_size / len(self.train)
        spent = {"cpu_s": round(self.spent, 1), "wall_s": round(self.wall, 1)}
        options = {k: v for k, v in vars(self.arguments).items() if not isinstance(v, Path)} | asdict(self.recipe)
        entry = {"event": event, "step": self.step, "epoch": epochs, **spent, "load": os.getloadavg()[0], **entries}
        if event != "validation":
            entry["options"] = options
            entry["n_parameters"] = sum(p.numel() for p in self.trainer.model.parameters())
        with (self.arguments.output / "log.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")


class Clock:
    """CPU seconds since `spent`, and wall time between two looks."""

    def __init__(self, spent: float) -> None:
        self.offset, self.last = spent - time.process_time(), time.monotonic()

    @property
    def cpu(self) -> float:
        return self.offset + time.process_time()

    def lap(self) -> float:
        now, before = time.monotonic(), self.last
        self.last = now
        return now - before


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="extended XYZ with all frames")
    parser.add_argument("--split", type=Path, required=True, help="split.json that our training wrote")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of log and checkpoint")
    parser.add_argument("--mode", default="compiled", help="eager or compiled (faster)")
    parser.add_argument("--budget", type=float, default=3600.0, help="CPU seconds")
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--validate-every", type=float, default=180.0, help="CPU seconds")
    parser.add_argument("--checkpoint-every", type=float, default=300.0, help="seconds")
    return parser.parse_args()


if __name__ == "__main__":
    main()
