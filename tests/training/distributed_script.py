"""One rank of a data-parallel run of the toy: `torchrun --nproc-per-node 2 distributed_script.py FRAMES FOLDER`."""

import sys

from fusionmd.training import train
from tests.training import toy


def main(frames: str, folder: str) -> None:
    toy.register()
    settings = toy.config(frames, training={"epochs": 2, "batch_size": 5, "threads": 1}, optimizer={"ema": 0.5})
    train(settings, folder)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
