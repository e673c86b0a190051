"""Trains the toy in a process of its own and kills it with SIGKILL after a number of steps."""

import os
import signal
import sys

from fusionmd.training import Hooks, train
from tests.training import toy


def main(frames: str, folder: str, last_step: int) -> None:
    toy.register()

    def kill(state: object) -> None:
        if state.step == last_step:  # type: ignore[attr-defined]
            os.kill(os.getpid(), signal.SIGKILL)

    settings = toy.config(frames, training={"checkpoint_minutes": 0.0, "epochs": 4}, **toy.RESUME_SECTIONS)
    train(settings, folder, hooks=Hooks(on_step=kill))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
