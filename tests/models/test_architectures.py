"""One test for all architectures: laws, locality, export, ASE, training. Whoever joins the registry is in it."""

import copy
import json

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from fusionmd.cli.main import run
from fusionmd.engines.ase import FusionCalculator
from fusionmd.graph import graph_of
from fusionmd.models import architectures
from fusionmd.potential import load_potential, passes
from fusionmd.potential.export import potential_bytes
from fusionmd.potential.tracing import traced
from fusionmd.structure import Structure
from tests.models import test_laws as laws
from tests.models.nets import ELEMENTS, atomic_energies, energy_and_forces, molecule
from tests.models.test_locality import chain
from tests.models.zoo import COMMON, ZOO, member

LAWS = [
    laws.test_rotation_inversion_and_translation,
    laws.test_the_shape_of_the_molecule_matters,
    laws.test_permutation,
    laws.test_forces_are_finite_differences,
    laws.test_forces_in_a_cell_smaller_than_the_cutoff,
    laws.test_structures_of_a_batch_do_not_see_each_other,
]


@pytest.fixture(params=ZOO)
def key(request) -> str:
    return request.param


def test_every_architecture_is_here() -> None:
    assert {settings["name"] for settings in ZOO.values()} == set(architectures())


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__.removeprefix("test_"))
def test_law(key, law) -> None:
    law(member(key))


def test_influence_goes_n_hops_edges_and_no_farther(key) -> None:
    model = member(key)
    structure = chain(model, model.n_hops + 3, 0.8)
    of_first = torch.zeros(structure.n_atoms, model.n_outputs, dtype=torch.float64)
    of_first[0] = 1.0
    felt = energy_and_forces(model, structure, of_first)[1].abs().sum(1)
    assert (felt[1 : model.n_hops + 1] > 0).all()
    assert not felt[model.n_hops + 1 :].any()


class FromElsewhere(torch.nn.Module):
    """What ranks do to each other: rows beyond the owned ones come from a run that saw everything."""

    def __init__(self, n_owned: int, known: list[torch.Tensor]) -> None:
        super().__init__()
        self.n_owned, self.known, self.n_calls = n_owned, known, 0

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        self.n_calls += 1
        return torch.cat([h[: self.n_owned], self.known[self.n_calls - 1][self.n_owned :]])


def test_what_passes_the_exchange_is_all_that_neighbours_read(key) -> None:
    """Ghosts without any edges: their features arrive through the exchange, or energies of owned atoms would differ."""
    if not member(key).supports_exchange:
        pytest.skip("features stay where they are")
    model, structure, n_owned = copy.deepcopy(member(key)), molecule(7), 3
    known: list[torch.Tensor] = []
    hook = model.exchange.register_forward_hook(lambda _, inputs, __: known.append(inputs[0]))
    expected = atomic_energies(model, structure)[:n_owned]
    hook.remove()
    graph = graph_of(structure, ELEMENTS, model.cutoff)
    n_edges = int((graph.receivers < n_owned).sum())
    slots = torch.where(graph.slots < n_edges, graph.slots, n_edges)
    model.exchange = FromElsewhere(n_owned, known)
    ends = graph.senders[:n_edges], graph.receivers[:n_edges]
    with torch.no_grad():
        found = model(graph.edge_vectors[:n_edges], *ends, slots, graph.species, n_owned)
    assert model.exchange.n_calls == len(known) == model.n_hops - 1
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-13)


def test_energy_is_smooth_where_a_neighbour_leaves(key) -> None:
    """The third atom passes the cutoff of the first; forces go to zero as the second derivative of the envelope."""
    model = member(key)
    jumps = []
    for inside in (1e-3, 1e-5):
        energies = []
        for sign in (-1, 1):
            far = model.cutoff * (1 + sign * inside)
            trio = Structure([1, 6, 8], [[0.0, 0.0, 0.0], [1.1, 0.3, 0.0], [0.0, 0.0, far]])
            energies.append(energy_and_forces(model, trio)[0])
        jumps.append(abs(energies[1] - energies[0]))
    assert jumps[1] <= 1e-3 * max(jumps[0], 1e-9) + 1e-11


def test_the_file_gives_the_energies_of_the_model(key) -> None:
    """Exported (with all its checks), loaded, traced with free sizes, and run by ASE."""
    model, structure = member(key), molecule(5)
    content, metadata = potential_bytes(model, atomic_energies=dict.fromkeys(ELEMENTS, 0.0), name="zoo", frames=())
    assert metadata.supports_exchange == model.supports_exchange and metadata.n_hops == model.n_hops
    potential = load_potential(content)
    expected, forces = energy_and_forces(model, structure, _first_output(model, structure))
    atoms = Atoms(structure.numbers, structure.positions)
    atoms.calc = FusionCalculator(potential)
    assert atoms.get_potential_energy() == pytest.approx(expected, abs=1e-10)
    np.testing.assert_allclose(atoms.get_forces(), forces, atol=1e-10)
    inputs = passes.inputs(potential.graph(structure), potential.device)
    values, _ = traced(potential, 0)(*inputs, torch.ones(5, model.n_outputs, dtype=torch.float64))
    torch.testing.assert_close(values, atomic_energies(model, structure), rtol=1e-11, atol=1e-11)


def test_two_epochs(key, tmp_path) -> None:
    """`fusionmd train` on a few frames of made-up springs; the run ends with a potential that was checked."""
    if "n_outputs" in ZOO[key]:
        pytest.skip("the frames have one state")
    write(tmp_path / "frames.xyz", springs(8))
    settings = {
        "model": {**COMMON, **ZOO[key]},
        "data": {"train": str(tmp_path / "frames.xyz"), "valid_count": 3},
        "training": {"epochs": 2, "batch_size": 4, "compile": False},
    }
    (tmp_path / "train.yaml").write_text(json.dumps(settings))
    assert run(["train", str(tmp_path / "train.yaml"), "-o", str(tmp_path / "run")]) == 0
    (evaluation,) = load_potential(tmp_path / "run" / "potential.pt").evaluate([molecule(5)])
    assert np.isfinite(evaluation.energy) and np.abs(evaluation.forces).max() > 0


def springs(n_frames: int) -> list[Atoms]:
    """Frames with energies and forces of springs between all atoms."""
    rng, frames = np.random.default_rng(0), []
    reference = molecule(5)
    rest = np.linalg.norm(reference.positions[:, None] - reference.positions[None], axis=2)
    for _ in range(n_frames):
        positions = reference.positions + rng.normal(scale=0.05, size=(5, 3))
        vectors = positions[:, None] - positions[None]
        lengths = np.linalg.norm(vectors, axis=2) + np.eye(5)
        stretch = lengths - rest - np.eye(5)
        atoms = Atoms(reference.numbers, positions)
        forces = -(stretch / lengths)[:, :, None] * vectors
        atoms.calc = SinglePointCalculator(atoms, energy=0.25 * (stretch**2).sum(), forces=forces.sum(1))
        frames.append(atoms)
    return frames


def _first_output(model: torch.nn.Module, structure: Structure) -> torch.Tensor:
    weights = torch.zeros(structure.n_atoms, model.n_outputs, dtype=torch.float64)
    weights[:, 0] = 1.0
    return weights
