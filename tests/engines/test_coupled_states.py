"""States that a head makes of several outputs, in LAMMPS and OpenMM: the whole system's sums decide, on every rank."""

import pytest

from fusionmd.potential import export_potential
from fusionmd_openmm import create_system
from tests.engines.lammps_case import ask
from tests.engines.openmm_systems import ase_of, assert_same, context_of, topology_of
from tests.engines.test_lammps_agrees import SYSTEMS, check
from tests.toy_model import TwoHopToyModel

HEADS = {"diabatic": 3, "characteristic": 4}
E0 = {1: -13.6, 6: -1030.0, 8: -2040.0}


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("heads")
    for kind, n_outputs in HEADS.items():
        model = TwoHopToyModel(n_outputs=n_outputs).double()
        export_potential(model, folder / f"{kind}.pt", atomic_energies=E0, head=kind)
    return {kind: folder / f"{kind}.pt" for kind in HEADS}


@pytest.mark.usefixtures("lammps_plugin")
@pytest.mark.parametrize(("n_ranks", "mode"), [(1, "expand"), (2, "expand"), (2, "exchange")])
@pytest.mark.parametrize(("kind", "state"), [("diabatic", 0), ("diabatic", 1), ("characteristic", 2)])
def test_lammps(kind, state, n_ranks, mode, paths, tmp_path):
    structure = SYSTEMS["triclinic"]
    style = f"state {state} mode {mode}"
    check(structure, paths[kind], ask(structure, paths[kind], tmp_path, n_ranks=n_ranks, style=style), state)


@pytest.mark.usefixtures("lammps_plugin")
def test_lammps_in_blocks(paths, tmp_path):
    structure = SYSTEMS["triclinic"]
    answer = ask(structure, paths["diabatic"], tmp_path, style="state 1 mode expand memory_GB 0.00005 compiled no")
    assert "fusionmd: works in" in answer.output
    check(structure, paths["diabatic"], answer, 1)


@pytest.mark.parametrize(("kind", "state"), [("diabatic", 1), ("characteristic", 2)])
def test_openmm(kind, state, paths):
    structure = SYSTEMS["molecule"]
    system = create_system(topology_of(structure), paths[kind], state=state)
    assert_same(context_of(system, structure.positions), ase_of(structure, paths[kind], state=state))
