"""Small data, and one run trained on it by the command itself, shared by the tests of all verbs."""

from types import SimpleNamespace

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from fusionmd.cli.main import run

CONFIG = """\
data: {train: frames.xyz, valid_count: 3}
model:
  name: fusion_net
  cutoff: 3.5
  n_layers: 1
  n_channels: 4
  l_max: 1
  message: (Y, h_j)@1+
  product: [A, "(A, A)@1+"]
  radial_widths: [8]
training: {epochs: 2, compile: false, batch_size: 4}
"""


@pytest.fixture
def fusionmd(capsys):
    """Run the command in this process: fusionmd("inspect", path).code, .out, .err."""

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return call


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Folder with frames.xyz (12 labelled copper cells), start.xyz (one of them, unlabelled) and train.yaml."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    frames = []
    for _ in range(12):
        atoms = bulk("Cu", "fcc", a=3.6, cubic=True)
        atoms.positions += rng.normal(scale=0.1, size=(4, 3))
        atoms.calc = EMT()
        labels = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces(), "stress": atoms.get_stress()}
        atoms.calc = SinglePointCalculator(atoms, **labels)
        frames.append(atoms)
    write(folder / "frames.xyz", frames, format="extxyz")
    write(folder / "start.xyz", bulk("Cu", "fcc", a=3.6, cubic=True), format="extxyz")
    (folder / "train.yaml").write_text(CONFIG)
    return folder


@pytest.fixture(scope="session")
def trained(data, tmp_path_factory):
    """Run folder of `fusionmd train`, with potential.pt."""
    folder = tmp_path_factory.mktemp("runs") / "copper"
    assert run(["train", str(data / "train.yaml"), "-o", str(folder)]) == 0
    return folder


def is_one_line(result):
    """Whether the command failed as the user's fault, and said so in one line."""
    return result.code == 2 and result.err.startswith("fusionmd: ") and result.err.count("\n") == 1
