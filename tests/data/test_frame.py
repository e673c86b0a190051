"""Frames, data sets, E0, statistics."""

import numpy as np
import pytest

from fusionmd.data.dataset import Dataset, graphs
from fusionmd.data.frame import Frame
from fusionmd.data.references import fitted_energies, isolated_atom_energies, reference_energies
from fusionmd.data.statistics import interaction_energy, statistics
from fusionmd.data.synthetic import E0, synthetic_frames
from fusionmd.errors import DataError
from fusionmd.structure import Structure

CELL = 4.0 * np.eye(3)


def molecule(numbers, energy=None, **options):
    positions = np.arange(len(numbers))[:, None] * [1.1, 0.0, 0.0]
    return Frame(Structure(numbers, positions), energy, **options)


def test_labels_of_the_wrong_shape_are_refused():
    for wrong in ({"energy": [[1.0]]}, {"forces": np.zeros((2, 3))}, {"forces": np.zeros(9)}):
        with pytest.raises(DataError, match=r"x, frame 4: .* has shape"):
            molecule([1, 1, 1], source="x, frame 4", **wrong)
    with pytest.raises(DataError, match="numbers of states differ: {'energy': 2, 'forces': 3}"):
        molecule([1], [1.0, 2.0], forces=np.zeros((3, 1, 3)))
    with pytest.raises(DataError, match="a stress is given but nothing is periodic"):
        molecule([1], 1.0, stress=np.eye(3))


def test_isolated_atoms_are_recognised():
    periodic = Structure([1], [[0, 0, 0]], CELL, True)
    assert molecule([1], -13.6).is_isolated_atom and not molecule([1, 1]).is_isolated_atom
    assert not Frame(periodic).is_isolated_atom
    assert Frame(periodic, config_type="IsolatedAtom").is_isolated_atom


def test_e0_of_isolated_atoms():
    frames = [molecule([1], -13.6), molecule([8], [-2040.0, -2038.0]), molecule([1, 8], -2060.0)]
    assert isolated_atom_energies(frames) == {1: -13.6, 8: -2040.0}
    assert reference_energies(frames, "isolated") == {1: -13.6, 8: -2040.0}
    with pytest.raises(DataError, match="isolated H has -13.5 eV, an earlier frame says -13.6"):
        isolated_atom_energies([*frames, molecule([1], -13.5)])
    with pytest.raises(DataError, match="no E0 for O"):
        reference_energies(frames, {1: -13.6})


def test_e0_of_a_fit():
    exact = {1: -13.0, 6: -1030.0, 8: -2041.0}
    frames = [molecule(n, sum(exact[z] for z in n)) for n in ([1, 1], [1, 8], [6, 1, 1, 8], [6, 6])]
    assert fitted_energies(frames) == pytest.approx(exact)
    assert reference_energies([*frames, molecule([1], -99.0)], "fitted") == pytest.approx(exact)


def test_e0_of_one_composition_cannot_be_fitted():
    frames = [molecule([6, 1, 8], -3084.0)] * 3
    with pytest.raises(
        DataError, match="E0 of H, C, O cannot be fitted: the 3 frames have only 1 independent composition"
    ):
        fitted_energies(frames)
    assert sum(fitted_energies(frames, smallest=True).values()) == pytest.approx(-3084.0)
    with pytest.raises(DataError, match="no frame has an energy"):
        fitted_energies([molecule([1])])


def test_statistics_of_a_known_case():
    forces = np.array([[3.0, 0, 0], [0, 0, 0], [0, 0, 0]])
    frames = [molecule([8, 1, 1], -10.0, forces=forces), molecule([1], -1.0), molecule([1, 1], -4.0)]
    found = statistics(frames, {1: -1.0, 8: -5.0}, 1.5)
    assert found.mean_energy_per_atom == pytest.approx((-3.0 / 3 + -2.0 / 2) / 2)
    assert found.rms_force == pytest.approx(1.0) and found.rms_force_by_element == pytest.approx({1: 0.0, 8: 3**0.5})
    assert found.mean_degree == pytest.approx(6 / 5)  # chains O-H-H and H-H
    assert found.mean_degree_by_element == pytest.approx({1: 5 / 4, 8: 1.0}) and found.n_atoms_by_element == {
        1: 4,
        8: 1,
    }


def test_interaction_energy_wants_label_and_e0():
    assert interaction_energy(synthetic_frames(1, 0)[0], E0) > -60.0
    with pytest.raises(DataError, match="no energy label"):
        interaction_energy(molecule([1]), E0)
    with pytest.raises(DataError, match=r"no E0 for O"):
        interaction_energy(molecule([8], 1.0), {1: 0.0})


def test_data_set_and_its_graphs():
    data = Dataset(synthetic_frames(3, 0))
    assert data.elements == [1, 6, 8] and len(data[1:]) == 2 and data.subset([2])[0] is data[2]
    made = graphs(data, data.elements, 4.0)
    assert [graph.n_nodes for graph in made] == [9, 9, 9]
    assert "3 frames" in repr(data) and "3 forces" in repr(data)
    with pytest.raises(DataError, match="no frames"):
        Dataset([])


def test_graphs_name_the_frame_that_fails():
    near = Frame(Structure([1, 1], [[0, 0, 0], [0, 0, 0.05]]), source="b.xyz, frame 7")
    with pytest.raises(DataError, match=r"b\.xyz, frame 7: atoms 0 and 1 are 0\.05 angstrom apart"):
        graphs([near], [1], 4.0)
    with pytest.raises(DataError, match=r"b\.xyz, frame 7: element H is not among"):
        graphs([Frame(near.structure.with_positions([[0, 0, 0], [0, 0, 1]]), source=near.source)], [8], 4.0)


def test_synthetic_frames_depend_on_the_seed_alone():
    assert Dataset(synthetic_frames(2, 1)).data_hash == Dataset(synthetic_frames(2, 1)).data_hash
    assert Dataset(synthetic_frames(2, 1)).data_hash != Dataset(synthetic_frames(2, 2)).data_hash
