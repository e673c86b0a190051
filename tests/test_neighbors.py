"""Neighbour lists: every backend finds the edges of the brute-force oracle, and the oracle those of a lattice."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fusionmd.errors import UnsupportedStructureError
from fusionmd.neighbors import neighbor_list, padded_degree, slots
from fusionmd.skin import SkinNeighbors
from fusionmd.structure import Structure, axis_heights

CUTOFF = 3.0
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def structures(draw, max_atoms=6):
    """Triclinic cells from a tenth to thrice the cutoff, any pbc, atoms in and far outside the cell."""
    generator = np.random.default_rng(draw(SEEDS))
    n_atoms, pbc = draw(st.integers(1, max_atoms)), draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
    cell = generator.normal(size=(3, 3)) * draw(st.sampled_from([0.7, 3.0, 8.0]))
    assume(axis_heights(cell, pbc).min() > 0.3)
    cell[np.logical_not(pbc)] *= draw(st.sampled_from([0.0, 1.0]))
    positions = generator.normal(size=(n_atoms, 3)) * draw(st.sampled_from([1.0, 20.0]))
    return Structure(generator.integers(1, 9, n_atoms), positions, cell, pbc)


def edges_or_none(structure, cutoff=CUTOFF, **options):
    try:
        return neighbor_list(structure, cutoff, **options)
    except UnsupportedStructureError:
        return None


@settings(max_examples=150, deadline=None)
@given(structures())
def test_vesin_finds_what_brute_force_finds(structure):
    expected = edges_or_none(structure, backend="brute_force")
    assume(expected is not None)
    found = neighbor_list(structure, CUTOFF)
    for name in expected._fields:
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name


@settings(max_examples=60, deadline=None)
@given(structures())
def test_edges_are_a_symmetric_sorted_set(structure):
    edges = edges_or_none(structure)
    assume(edges is not None)
    forward = list(zip(edges.receivers, edges.senders, map(tuple, edges.shifts), strict=True))
    backward = {(sender, receiver, tuple(-x for x in shift)) for receiver, sender, shift in forward}
    assert forward == sorted(set(forward)) and backward == set(forward)
    vectors = structure.positions[edges.senders] - structure.positions[edges.receivers] + edges.shifts @ structure.cell
    assert np.array_equal(vectors, edges.vectors)
    assert (np.linalg.norm(vectors, axis=1) < CUTOFF).all()
    assert not edges.shifts[:, np.logical_not(structure.pbc)].any()


def test_all_backends_agree_on_a_molecule():
    structure = Structure([6] * 20, np.random.default_rng(0).uniform(0, 6, (20, 3)))
    lists = [neighbor_list(structure, CUTOFF, backend=name) for name in ("vesin", "all_pairs", "brute_force")]
    assert len(lists[0].senders) > 40
    for edges in lists[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(edges, lists[0], strict=True))


def test_shells_of_the_simple_cubic_lattice():
    """One atom in a cell of 1 angstrom has 6 + 12 + 8 + 6 + 24 neighbours within 2.3: itself in other cells."""
    edges = neighbor_list(Structure([1], [[0.2, 0.1, 7.0]], np.eye(3), True), 2.3)
    shells = np.unique(np.round((edges.vectors**2).sum(1)), return_counts=True)
    assert shells[0].tolist() == [1, 2, 3, 4, 5] and shells[1].tolist() == [6, 12, 8, 6, 24]
    assert (edges.senders == 0).all() and edges.shifts.any(axis=1).all()


def test_cutoff_is_open():
    structure = Structure([1, 1], [[0, 0, 0], [0, 0, 2.0]])
    assert len(neighbor_list(structure, 2.0).senders) == 0
    assert len(neighbor_list(structure, np.nextafter(2.0, 3.0)).senders) == 2


@pytest.mark.parametrize("pbc", [False, True])
def test_an_atom_alone_has_no_edges(pbc):
    edges = neighbor_list(Structure([1], [[0, 0, 0]], 20 * np.eye(3), pbc), 5.0)
    assert edges.vectors.shape == (0, 3) and edges.shifts.shape == (0, 3)
    assert slots(edges.receivers, 1).tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize("pbc", [False, True])
def test_atoms_closer_than_a_tenth_are_refused(pbc):
    positions = np.array([[0, 0, 0], [0, 0, 0.05], [3, 0, 0]]) + [0, 0, 0.0]
    structure = Structure([1, 1, 1], positions, 30 * np.eye(3), pbc)
    with pytest.raises(UnsupportedStructureError, match=r"atoms 0 and 1 are 0\.05 angstrom apart"):
        neighbor_list(structure, CUTOFF)


TINY = {
    "short vector": (np.diag([20.0, 0.05, 20.0]), True),
    "small volume, long vectors": (np.array([[3.0, 0, 0], [3.0, 0.01, 0], [3.0, 0, 0.01]]), True),
    "flat": (np.diag([0.05, 0.05, 0.0]), (True, True, False)),
    "all": (0.002 * np.eye(3), True),
}


@pytest.mark.parametrize("cell, pbc", TINY.values(), ids=TINY)
def test_cells_that_put_atoms_on_their_images_are_refused_at_once(cell, pbc):
    """With a cutoff of 5 angstrom the search itself would take gigabytes."""
    with pytest.raises(UnsupportedStructureError, match="closer than 0.1 angstrom to their own images.*unit"):
        neighbor_list(Structure([1], [[0, 0, 0]], cell, pbc), 5.0)


def test_a_tenth_itself_is_accepted():
    assert len(neighbor_list(Structure([1, 1], [[0, 0, 0], [0, 0, 0.1001]]), CUTOFF).senders) == 2


def test_wrong_arguments_are_named():
    structure = Structure([1], [[0, 0, 0]], np.eye(3), True)
    for cutoff in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(UnsupportedStructureError, match="cutoff is"):
            neighbor_list(structure, cutoff)
    with pytest.raises(UnsupportedStructureError, match="unknown neighbour list backend 'fast'"):
        neighbor_list(structure, CUTOFF, backend="fast")
    with pytest.raises(UnsupportedStructureError, match="no periodic images"):
        neighbor_list(structure, CUTOFF, backend="all_pairs")


@given(st.lists(st.integers(0, 6), max_size=40))
def test_slots_hold_every_edge_of_each_receiver(receivers):
    receivers = np.array(receivers, dtype=np.int64)
    table = slots(receivers, 8)
    assert table.shape[1] % 4 == 0 and table.shape[1] >= 4
    for node, row in enumerate(table):
        assert [e for e in row if e < len(receivers)] == np.flatnonzero(receivers == node).tolist()
        assert set(row[row >= len(receivers)]) <= {len(receivers)}


def test_slots_of_nothing():
    assert slots(np.zeros(0, dtype=np.int64), 0).shape == (0, 4)
    assert [padded_degree(n) for n in (0, 4, 5, 8)] == [4, 4, 8, 8]


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.sampled_from([(False, False, False), (True, True, False), (True, True, True)]))
def test_skin_gives_the_exact_list_while_atoms_and_cell_move(seed, pbc):
    generator = np.random.default_rng(seed)
    structure = Structure([1] * 12, 2.0 * np.argwhere(np.ones((2, 2, 3))) + 0.2, np.diag([4.0, 4.0, 6.0]), pbc)
    kept = SkinNeighbors(CUTOFF, skin=0.8)
    for _ in range(12):
        strain = 0.01 * generator.normal(size=(3, 3)) * np.outer(pbc, pbc)
        moved = structure.strained(strain)
        structure = moved.with_positions(moved.positions + generator.normal(scale=0.04, size=(12, 3)) + 0.3)
        expected, found = neighbor_list(structure, CUTOFF), kept.edges(structure)
        assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    assert 1 <= kept.n_searches < 12


def test_skin_searches_again_for_another_structure():
    kept = SkinNeighbors(CUTOFF, skin=1.0)
    two = Structure([1, 1], [[0, 0, 0], [0, 0, 1.0]])
    assert len(kept.edges(two).senders) == 2
    assert len(kept.edges(two.with_positions([[0, 0, 0], [0, 0, 9.0]])).senders) == 0
    assert len(kept.edges(Structure([1], [[0, 0, 0]], np.eye(3), True)).senders) > 0
    assert kept.n_searches == 3
