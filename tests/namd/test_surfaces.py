"""A potential file as surfaces: units, gradients of the states asked for, any batch, energy along trajectories."""

import numpy as np
import pytest

from fusionmd.errors import MissingQuantityError, UnsupportedStructureError
from fusionmd.namd.chunks import EDGES, chunks
from fusionmd.namd.config import method_of, parts_of
from fusionmd.namd.driver import start
from fusionmd.namd.ensemble import run_ensemble
from fusionmd.namd.sampling import adiabatic_start
from fusionmd.namd.surfaces import PotentialSurfaces
from fusionmd.potential import export_potential, load_potential
from fusionmd.structure import Structure
from fusionmd.units import ANGSTROM_PER_BOHR, ELECTRON_MASS_PER_AMU, HARTREE_PER_EV
from tests.toy_model import ToyModel

NUMBERS = [6, 8, 1, 1, 1]
PLACES = np.array([[0.0, 0, 0], [1.3, 0.1, 0], [-0.6, 0.9, 0.2], [-0.6, -0.9, 0.1], [1.7, 0.9, -0.3]])


@pytest.fixture(scope="module")
def potential(tmp_path_factory):
    path = tmp_path_factory.mktemp("namd") / "two.pt"
    export_potential(
        ToyModel(n_outputs=2).double(), path, atomic_energies={1: -13.6, 6: -1030.0, 8: (-2040.0, -2039.0)}
    )
    return load_potential(path)


@pytest.fixture
def positions():
    jitter = np.random.default_rng(0).normal(size=(9, 5, 3)) * 0.05
    return ((PLACES + jitter) / ANGSTROM_PER_BOHR).reshape(9, 15)


def test_units_and_gradients_by_finite_differences(potential, positions):
    surfaces = PotentialSurfaces(potential, NUMBERS)
    asked = np.ones((9, 2), dtype=bool)
    found = surfaces.evaluate(positions, asked)
    (direct,) = potential.evaluate(
        [surfaces._frame.with_positions(positions[4].reshape(5, 3) * ANGSTROM_PER_BOHR)], states=[0, 1]
    )
    np.testing.assert_allclose(found.energies[4], direct.energies * HARTREE_PER_EV, rtol=1e-14)
    step = np.zeros(15)
    step[7] = 1e-3
    ahead, behind = (surfaces.evaluate(positions + sign * step, asked).energies for sign in (1, -1))
    np.testing.assert_allclose(found.gradients[..., 7], (ahead - behind) / 2e-3, atol=1e-6)
    assert surfaces.masses[0] == pytest.approx(12.011 * ELECTRON_MASS_PER_AMU)


def test_gradients_are_those_of_the_states_asked_for(potential, positions):
    surfaces = PotentialSurfaces(potential, NUMBERS)
    whole = surfaces.evaluate(positions, np.ones((9, 2), dtype=bool))
    asked = np.zeros((9, 2), dtype=bool)
    asked[:4, 0] = asked[2:7, 1] = True
    found = surfaces.evaluate(positions, asked)
    np.testing.assert_allclose(found.gradients[asked], whole.gradients[asked], atol=1e-13)
    assert np.isnan(found.gradients[~asked]).all()


def test_chunks_of_one_are_equal_bit_for_bit_in_any_batch(potential, positions):
    surfaces = PotentialSurfaces(potential, NUMBERS, chunk=1)
    asked = np.eye(2, dtype=bool)[np.arange(9) % 2]
    whole, alone = surfaces.evaluate(positions, asked), surfaces.evaluate(positions[5:6], asked[5:6])
    assert (whole.energies[5] == alone.energies[0]).all()
    assert np.array_equal(whole.gradients[5], alone.gradients[0], equal_nan=True)
    together = PotentialSurfaces(potential, NUMBERS).evaluate(positions, asked)
    np.testing.assert_allclose(together.energies, whole.energies, rtol=0, atol=1e-10)


def test_chunks_of_one_shape_are_equal_bit_for_bit_in_any_batch(potential):
    """A thousand geometries, so spread that their graphs have different sizes."""
    jitter = np.random.default_rng(1).normal(size=(1000, 5, 3)) * np.linspace(0.05, 0.6, 1000)[:, None, None]
    positions = ((PLACES * 1.4 + jitter) / ANGSTROM_PER_BOHR).reshape(1000, 15)
    sizes = {potential.graph(one).n_edges for one in PotentialSurfaces(potential, NUMBERS)._structures(positions)}
    assert len(sizes) > 1
    surfaces = PotentialSurfaces(potential, NUMBERS, chunk=4)
    asked = np.eye(2, dtype=bool)[np.arange(1000) % 2]
    asked[::7] = True
    whole = surfaces.evaluate(positions, asked)
    mixed = np.random.default_rng(2).permutation(1000)
    for rows in (mixed[:1], mixed[1:8], mixed[8:400], mixed):
        part = surfaces.evaluate(positions[rows], asked[rows])
        assert (part.energies == whole.energies[rows]).all()
        assert np.array_equal(part.gradients, whole.gradients[rows], equal_nan=True)
    free = PotentialSurfaces(potential, NUMBERS).evaluate(positions, asked)
    np.testing.assert_allclose(whole.energies, free.energies, rtol=0, atol=1e-10)
    np.testing.assert_allclose(whole.gradients[asked], free.gradients[asked], atol=1e-10)


def test_chunks_have_one_shape_that_depends_on_each_graph_alone(potential):
    rng = np.random.default_rng(3)
    numbers, sides = np.tile([1, 6], 12), [2.6] * 5 + [3.6] * 6 + [9.0] * 2
    graphs = [potential.graph(Structure(numbers, side * place)) for side in sides for place in [spread(rng)]]
    found = list(chunks(graphs, 4, 10**6))
    assert sorted({int(row) for rows, _ in found for row in rows}) == list(range(13))
    shapes = {}
    for rows, grown in found:
        assert len(rows) == len(grown) == 4
        shape = {(graph.n_edges, graph.slots.shape[1]) for graph in grown}
        assert len(shape) == 1
        shapes |= dict.fromkeys(rows.tolist(), shape.pop())
    assert len(set(shapes.values())) >= 3 and all(n % EDGES == 0 for n, _ in shapes.values())
    for row in (0, 7, 12):
        ((alone, grown),) = chunks([graphs[row]], 4, 10**6)
        assert (grown[0].n_edges, grown[0].slots.shape[1]) == shapes[row] and alone.tolist() == [0] * 4
    dense = max(n for n, _ in shapes.values())
    assert max(len(rows) for rows, _ in chunks(graphs[:5], 4, 2 * dense)) == 2


def spread(rng):
    """24 points of a unit cube, none near another."""
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3), axis=-1).reshape(-1, 3)[:24] / 3
    return grid + rng.uniform(-0.04, 0.04, size=grid.shape)


def run(potential, positions, dt, n_steps, **method):
    surfaces = PotentialSurfaces(potential, NUMBERS)
    made = parts_of(method_of(**method), surfaces, dt)
    numbers = np.arange(len(positions))
    active, amplitudes = adiabatic_start(numbers, 1, 2)
    state = start(
        made,
        trajectory=numbers,
        positions=positions,
        velocities=np.zeros_like(positions),
        active=active,
        amplitudes=amplitudes,
    )
    return run_ensemble(state, made, n_steps=n_steps)


def test_total_energy_is_kept_to_the_square_of_the_step(potential, positions):
    coarse, fine = (run(potential, positions[:3], dt, round(160 / dt), hopping="lzsh") for dt in (8.0, 4.0))
    spans = [np.ptp(result.records.energies, axis=1) for result in (coarse, fine)]
    assert np.median(spans[0] / spans[1]) == pytest.approx(4.0, rel=0.3)


def test_all_gradients_where_the_method_needs_them(potential, positions):
    result = run(potential, positions[:2], 8.0, 4, hopping="fssh", amplitudes="curvature", substeps=4)
    assert np.isfinite(result.final.electronic.gradients).all()
    with pytest.raises(MissingQuantityError, match="lzsh works"):
        run(potential, positions[:2], 8.0, 4, hopping="fssh", amplitudes="diabatic")


def test_what_does_not_fit_is_refused(potential, tmp_path):
    with pytest.raises(UnsupportedStructureError, match="positive masses"):
        PotentialSurfaces(potential, NUMBERS, masses_amu=[1.0, 2.0])
    export_potential(ToyModel().double(), tmp_path / "one.pt", atomic_energies={1: -1.0, 6: -2.0, 8: -3.0})
    with pytest.raises(MissingQuantityError, match="several states"):
        PotentialSurfaces(load_potential(tmp_path / "one.pt"), NUMBERS)
