"""What a potential says about structures: sums, symmetries, derivatives, and structures at the edge of sense."""

import numpy as np
import pytest
import torch

from fusionmd.errors import MissingQuantityError, UnsupportedStructureError
from fusionmd.potential import load_potential, passes
from fusionmd.potential.checks import double_precision
from fusionmd.potential.finite_differences import forces_error, virials_error
from fusionmd.structure import Structure
from tests.potential.conftest import E0, random_structure
from tests.toy_model import TwoHopToyModel


def test_energy_is_model_plus_references(two_hop, molecule):
    graph = two_hop.graph(molecule)
    model = TwoHopToyModel(n_outputs=2).double()
    expected = model(*passes.inputs(graph, torch.device("cpu")), graph.n_nodes).sum(0).detach().numpy()
    expected = expected + sum(np.broadcast_to(E0[z], 2) for z in molecule.numbers)
    np.testing.assert_allclose(two_hop.evaluate([molecule])[0].energies, expected, rtol=1e-13)


@pytest.mark.parametrize("which", ["molecule", "crystal"])
def test_forces_and_virial_are_derivatives(two_hop, which, request):
    structure, bare = request.getfixturevalue(which), double_precision(two_hop)  # E0 would only add rounding
    assert forces_error(bare, [structure]) < 1e-8
    assert virials_error(bare, [structure]) < 1e-7


def test_stress_is_energy_slope_under_strain(one_hop, crystal):
    step, strain = 1e-4, np.zeros((3, 3))
    strain[0, 1] = strain[1, 0] = 0.5
    up, down, here = one_hop.evaluate([crystal.strained(step * strain), crystal.strained(-step * strain), crystal])
    slope = (up.energy - down.energy) / (2 * step) / crystal.volume
    assert here.stresses[0, 0, 1] == pytest.approx(slope, rel=1e-4)
    assert abs(slope) > 1e-5


def test_batch_equals_one_by_one(two_hop, molecule, crystal):
    structures = [molecule, crystal, Structure([6], [[0, 0, 0]]), molecule]
    together = two_hop.evaluate(structures, states=[1, 0])
    for structure, result in zip(structures, together, strict=True):
        (alone,) = two_hop.evaluate([structure], states=[1, 0])
        for name in ("energies", "forces", "virials", "atomic_energies"):
            np.testing.assert_allclose(getattr(result, name), getattr(alone, name), atol=1e-12, err_msg=name)


def test_small_batches_give_the_same(two_hop, molecule, monkeypatch):
    structures = [molecule] * 5
    expected = two_hop.evaluate(structures)
    two_molecules = 2 * two_hop.graph(molecule).n_edges * two_hop.metadata.bytes_per_edge
    monkeypatch.setattr("fusionmd.potential.potential.CPU_PASS_BYTES", two_molecules)
    for before, after in zip(expected, two_hop.evaluate(structures), strict=True):
        np.testing.assert_allclose(after.forces, before.forces, atol=1e-14)


def test_any_atom_order(two_hop, crystal):
    order = np.random.default_rng(0).permutation(crystal.n_atoms)
    shuffled = Structure(crystal.numbers[order], crystal.positions[order], crystal.cell, crystal.pbc)
    before, after = two_hop.evaluate([crystal, shuffled])
    assert after.energy == pytest.approx(before.energy, abs=1e-11)
    np.testing.assert_allclose(after.forces, before.forces[:, order], atol=1e-12)
    np.testing.assert_allclose(after.atomic_energies, before.atomic_energies[:, order], atol=1e-12)


def test_states_choose_their_forces(two_hop, molecule):
    (both,) = two_hop.evaluate([molecule], states=[0, 1])
    assert both.forces.shape == (2, molecule.n_atoms, 3)
    assert np.abs(both.forces[0] - both.forces[1]).max() > 1e-3
    np.testing.assert_allclose(both.atomic_energies.sum(axis=1), both.energies, rtol=1e-13)
    per_structure = two_hop.evaluate([molecule, molecule], states=[[1, 0]])
    np.testing.assert_allclose(per_structure[0].forces[0], both.forces[1], atol=1e-14)
    np.testing.assert_allclose(per_structure[1].forces[0], both.forces[0], atol=1e-14)
    assert per_structure[0].energy == both.energies[1]


@pytest.mark.parametrize("states", [2, -1, [0, 5], [[0, 1, 0]], [], [[[0]]]])
def test_unknown_states_are_refused(two_hop, molecule, states):
    with pytest.raises(MissingQuantityError, match="state"):
        two_hop.evaluate([molecule], states=states)


def test_no_structures_no_results(two_hop):
    assert two_hop.evaluate([]) == []


def test_lone_atom_has_its_reference_and_no_forces(two_hop):
    structure = Structure([8], [[1.0, 2.0, 3.0]])
    lone, periodic = two_hop.evaluate([structure, Structure([8], [[0, 0, 0]], 20 * np.eye(3), True)])
    assert np.all(lone.forces == 0) and np.all(lone.virials == 0)
    np.testing.assert_allclose(lone.energies, periodic.energies)
    assert abs(lone.energies[0] - E0[8][0]) < 10


def test_one_atom_in_a_cell_far_smaller_than_the_cutoff(two_hop):
    cell = 1.3 * np.array([[1.0, 0.1, 0.0], [0.0, 1.0, 0.2], [0.0, 0.0, 1.0]])
    small = Structure([6], [[0.3, 0.4, 0.5]], cell, True)
    n = np.stack(np.meshgrid(*[np.arange(2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    large = Structure([6] * 8, small.positions + n @ cell, 2 * cell, True)
    one, eight = two_hop.evaluate([small, large])
    assert 8 * one.energy == pytest.approx(eight.energy, rel=1e-13)
    np.testing.assert_allclose(one.forces, 0, atol=1e-12)
    np.testing.assert_allclose(one.stresses, eight.stresses, atol=1e-12)


def test_atom_without_neighbours_beside_others(two_hop, molecule):
    far = Structure([*molecule.numbers, 1], np.vstack([molecule.positions, [[100.0, 0, 0]]]))
    alone, together, lone = two_hop.evaluate([molecule, far, Structure([1], [[0, 0, 0]])])
    assert together.energy == pytest.approx(alone.energy + lone.energy, rel=1e-13)
    np.testing.assert_allclose(together.forces[0, -1], 0)


def test_empty_rank(two_hop, molecule):
    """n_local = 0 with and without context, and no nodes at all."""
    edge_vectors, senders, receivers, slots, species = passes.inputs(two_hop.graph(molecule), torch.device("cpu"))
    weights = torch.zeros(1, 1, 0, 2, dtype=torch.float64)
    values, slopes = two_hop.core.differentiate(edge_vectors, senders, receivers, slots, species, 0, weights)
    assert values.shape == (1, 0, 2) and slopes.shape == (1, 1, len(senders), 3) and not slopes.any()
    empty = (edge_vectors[:0], senders[:0], receivers[:0], slots[:0], species[:0], 0)
    values, slopes = two_hop.core.differentiate(*empty, weights)
    assert values.shape == (1, 0, 2) and slopes.shape == (1, 1, 0, 3)


def test_unknown_element(two_hop):
    with pytest.raises(UnsupportedStructureError, match=r"element Au is not among .*H, C, O.*another potential"):
        two_hop.evaluate([Structure([6, 79], [[0, 0, 0], [0, 0, 1.5]])])


def test_atoms_on_top_of_each_other(two_hop):
    with pytest.raises(UnsupportedStructureError, match="closer than 0.1"):
        two_hop.evaluate([Structure([6, 6], [[0, 0, 0], [0, 0, 0.05]])])


def test_one_structure_instead_of_a_sequence(two_hop, molecule):
    with pytest.raises(UnsupportedStructureError, match=r"\[structure\]"):
        two_hop.evaluate(molecule)


def test_no_stress_without_a_cell(two_hop, molecule):
    with pytest.raises(MissingQuantityError, match="not periodic"):
        _ = two_hop.evaluate([molecule])[0].stresses


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_forces_whatever_the_callers_gradient_mode(two_hop, molecule, mode):
    expected = two_hop.evaluate([molecule])[0].forces
    with mode():
        np.testing.assert_allclose(two_hop.evaluate([molecule])[0].forces, expected, atol=1e-14)


def test_committee_is_the_mean_of_its_members(committee, molecule):
    result = committee.evaluate([molecule])[0]
    graph = committee.graph(molecule)
    inputs = [t.float() if t.is_floating_point() else t for t in passes.inputs(graph, torch.device("cpu"))]
    offset = sum(np.broadcast_to(E0[z], 2)[0] for z in molecule.numbers)
    energies = [
        float(TwoHopToyModel(seed=s)(*inputs, graph.n_nodes).double().sum().detach()) + offset for s in range(3)
    ]
    assert result.energies[0] == pytest.approx(np.mean(energies), abs=1e-5)
    assert result.energies_std[0] == pytest.approx(np.std(energies), rel=1e-4)
    assert result.forces_std.shape == (1, molecule.n_atoms, 3) and result.forces_std.max() > 1e-3


def test_single_model_has_no_spread(two_hop, molecule):
    result = two_hop.evaluate([molecule])[0]
    assert not result.forces_std.any() and not result.energies_std.any()


def test_results_are_float64(committee, molecule):
    result = committee.evaluate([molecule])[0]
    assert {a.dtype for a in (result.energies, result.forces, result.virials, result.atomic_energies)} == {
        np.dtype("f8")
    }


def test_float64_sums_keep_what_float32_loses(committee):
    """E0 of many atoms is beyond float32; forces along a line still integrate to the energy."""
    base = random_structure(27, edge=6.5, seed=5)
    moves = np.linspace(0, 0.02, 3)
    frames = [base.with_positions(base.positions + s * np.eye(27, 3)) for s in moves]
    energies = [result.energy for result in committee.evaluate(frames)]
    middle = committee.evaluate([frames[1]])[0].forces[0]
    slope = -(middle * np.eye(27, 3)).sum()
    assert (energies[2] - energies[0]) / 0.02 == pytest.approx(slope, abs=2e-3)


def test_a_float32_potential_can_compute_in_float64(files, committee, molecule):
    """More digits, the same references: forces are then derivatives to far below single precision."""
    double = load_potential(files / "committee.pt", dtype=torch.float64)
    before, after = committee.evaluate([molecule])[0], double.evaluate([molecule])[0]
    assert (committee.dtype, double.dtype) == ("float32", "float64") and "float64" in repr(double)
    assert after.energy == pytest.approx(before.energy, abs=1e-4) and after.energy != before.energy
    np.testing.assert_allclose(after.forces, before.forces, atol=1e-5)
    assert double.core.atomic_energies.tolist() == committee.core.atomic_energies.tolist()
    assert forces_error(double, [molecule]) < 1e-8 < forces_error(committee, [molecule])
    back = load_potential(files / "one.pt", dtype=torch.float32)
    assert back.core.atomic_energies.dtype == torch.float64 and back.core.model_dtype.dtype == torch.float32


def test_descriptors(one_hop, two_hop, molecule):
    (values,) = one_hop.descriptors([molecule])
    turned = Structure(molecule.numbers, molecule.positions[:, [1, 2, 0]] * [-1, 1, 1])
    assert values.shape == (molecule.n_atoms, 8) and values.dtype == np.float64
    np.testing.assert_allclose(one_hop.descriptors([turned])[0], values, atol=1e-12)
    with pytest.raises(MissingQuantityError, match="no descriptors"):
        two_hop.descriptors([molecule])
