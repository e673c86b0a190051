"""Graphs of moving atoms are those made from scratch: molecules, crystals, cells that change, bad positions."""

import numpy as np
import pytest
import torch

from fusionmd.errors import UnsupportedStructureError
from fusionmd.graph import graph_of
from fusionmd.moving_graph import MovingGraph
from fusionmd.structure import Structure
from tests.potential.conftest import random_structure

ELEMENTS, CUTOFF = (1, 6, 8), 3.0
STARTS = {
    "one atom": Structure([8], [[0.1, 0.2, 0.3]]),
    "molecule": random_structure(9, edge=5.0, seed=3),
    "cluster": random_structure(40, edge=8.0, seed=3),
    "crystal": random_structure(24, edge=7.0, seed=2, pbc=True),
    "smaller than the cutoff": random_structure(3, edge=2.9, seed=5, pbc=True),
}


def moving(start, skin=1.0):
    return MovingGraph(start.numbers, ELEMENTS, CUTOFF, pbc=start.is_periodic, skin=skin)


def assert_same(found, expected):
    for name, ours, theirs in zip(found._fields, found, expected, strict=True):
        if isinstance(ours, torch.Tensor):
            assert ours.dtype == theirs.dtype and torch.equal(ours, theirs) if "vector" not in name else True, name
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
        else:
            assert ours == theirs


@pytest.mark.parametrize("skin", [0.0, 0.4])
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_every_step_is_as_from_scratch(start, skin):
    """Edges come and go, the skin is left again and again, and the cell breathes."""
    rng, graphs = np.random.default_rng(0), moving(start, skin)
    positions, cell, kinds = start.positions.copy(), start.cell.copy(), set()
    for step in range(40):
        positions += rng.normal(0.0, 0.06, positions.shape)
        if start.is_periodic and step % 4 == 3:
            strain = np.eye(3) + rng.normal(0.0, 0.003, (3, 3))
            positions, cell = positions @ strain, cell @ strain
        now = Structure(start.numbers, positions, cell, start.pbc)
        found = graphs.at(positions.copy(), cell.copy() if start.is_periodic else None)
        assert_same(found, graph_of(now, ELEMENTS, CUTOFF))
        kinds.add(found.n_edges)
    if start.n_atoms > 8:
        assert len(kinds) > 1
    if skin and start.n_atoms > 8:
        assert graphs.n_searches < 30


def test_earlier_graphs_stay_what_they_were():
    start = STARTS["molecule"]
    graphs, moved = moving(start), start.positions * 1.2
    first = graphs.at(start.positions)
    graphs.at(moved)
    assert_same(first, graph_of(start, ELEMENTS, CUTOFF))


BAD = {"no number": np.nan, "nowhere": np.inf}


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_positions_that_are_no_numbers(start, value):
    graphs, positions = moving(start), start.positions.copy()
    cell = start.cell if start.is_periodic else None
    graphs.at(positions, cell)
    bad = positions.copy()
    bad[-1, 1] = value
    with pytest.raises(UnsupportedStructureError, match="NaN or infinite"):
        graphs.at(bad, cell)
    assert_same(graphs.at(positions, cell), graph_of(start, ELEMENTS, CUTOFF))


@pytest.mark.parametrize("name", ["molecule", "cluster", "crystal"])
def test_atoms_on_top_of_each_other(name):
    start = STARTS[name]
    graphs, cell = moving(start), start.cell if start.is_periodic else None
    graphs.at(start.positions, cell)
    positions = start.positions.copy()
    positions[1] = positions[0] + [0.0, 0.0, 0.05]
    with pytest.raises(UnsupportedStructureError, match=r"0\.05 angstrom apart"):
        graphs.at(positions, cell)


def test_an_unknown_element_is_told():
    with pytest.raises(UnsupportedStructureError, match="Au"):
        MovingGraph(np.array([79, 8]), ELEMENTS, CUTOFF).at(np.array([[0.0, 0, 0], [2.0, 0, 0]]))
