"""Toy potentials, exported once: one hop and two hops, two states, float64; a committee in float32."""

import numpy as np
import pytest

from fusionmd.potential import export_potential, load_potential
from fusionmd.structure import Structure
from tests.toy_model import ToyModel, TwoHopToyModel

E0 = {1: -13.6, 6: -1030.0, 8: (-2040.0, -2039.0)}


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("potentials")
    export_potential(
        ToyModel(n_outputs=2).double(), folder / "one.pt", atomic_energies=E0, config=[{"model": {"a": 1}}]
    )
    export_potential(TwoHopToyModel(n_outputs=2).double(), folder / "two.pt", atomic_energies=E0)
    members = [TwoHopToyModel(seed=seed) for seed in range(3)]
    export_potential(members, folder / "committee.pt", atomic_energies={1: -13.6, 6: -1030.0, 8: -2040.0})
    return folder


@pytest.fixture(scope="session")
def one_hop(files):
    return load_potential(files / "one.pt")


@pytest.fixture(scope="session")
def two_hop(files):
    return load_potential(files / "two.pt")


@pytest.fixture(scope="session")
def committee(files):
    return load_potential(files / "committee.pt")


@pytest.fixture
def molecule():
    return random_structure(8, edge=4.0, seed=1)


@pytest.fixture
def crystal():
    return random_structure(24, edge=7.0, seed=2, pbc=True)


def random_structure(n_atoms, *, edge, seed, pbc=False):
    """Atoms on a jittered grid, so that none are too close; a skewed cell."""
    rng = np.random.default_rng(seed)
    n = int(np.ceil(n_atoms ** (1 / 3)))
    grid = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)[:n_atoms]
    fractional = (grid + 0.5 + rng.uniform(-0.2, 0.2, (n_atoms, 3))) / n
    cell = edge * np.array([[1.0, 0.0, 0.0], [0.1, 1.0, 0.0], [-0.05, 0.15, 1.1]])
    return Structure(rng.choice([1, 6, 8], n_atoms), fractional @ cell, cell if pbc else None, pbc)
