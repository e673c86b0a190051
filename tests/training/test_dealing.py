"""Batches of all sizes: every sample once an epoch, common shapes that hold, less padding than any random batch."""

from types import SimpleNamespace

import numpy as np
import pytest

from fusionmd.training.batches import shapes_of
from fusionmd.training.dealing import dealt, rounds_by_size, shapes_of_rounds


def samples_of(n_atoms):
    """What dealing looks at: numbers of atoms and edges (7 an atom), and the width of the slots."""
    slots = SimpleNamespace(slots=np.zeros((1, 8)))
    return [SimpleNamespace(n_atoms=n, n_edges=7 * n, graph=slots) for n in n_atoms]


# An alloy's data: a few large frames, many of a middle size, some tiny ones.
SAMPLES = samples_of(np.random.default_rng(0).permutation([54] * 8 + [16] * 37 + [2] * 5))


@pytest.mark.parametrize("batch_size", [1, 4, 7, 50, 60])
def test_every_sample_is_dealt_once(batch_size):
    rounds = rounds_by_size(SAMPLES, batch_size)
    for generator in (None, np.random.default_rng(1)):
        batches = dealt(rounds, generator)
        assert len(batches) == -(-len(SAMPLES) // batch_size)
        assert sorted(np.concatenate(batches)) == list(range(len(SAMPLES)))
        assert max(map(len, batches)) - min(map(len, batches)) <= 1


@pytest.mark.parametrize("n_ranks", [1, 2, 3])
def test_shapes_hold_every_batch_and_are_tight(n_ranks):
    rounds = rounds_by_size(SAMPLES, 7)
    shapes = shapes_of_rounds(SAMPLES, rounds, n_ranks)
    sizes = [
        [sum(SAMPLES[i].n_atoms for i in batch[rank::n_ranks]) for rank in range(n_ranks)]
        for seed in range(20)
        for batch in dealt(rounds, np.random.default_rng(seed))
    ]
    assert shapes.n_nodes == np.max(sizes) + 1 and shapes.n_edges == 7 * np.max(sizes) + 1
    assert n_ranks > 1 or shapes.n_nodes < 0.5 * shapes_of(SAMPLES, 7).n_nodes


def test_all_batches_have_their_share_of_the_large_samples():
    batches = dealt(rounds_by_size(SAMPLES, 7), np.random.default_rng(2))
    assert [sum(SAMPLES[i].n_atoms == 54 for i in batch) for batch in batches] == [1] * 8


def test_the_order_is_random_but_repeatable():
    rounds = rounds_by_size(SAMPLES, 7)
    orders = [np.concatenate(dealt(rounds, np.random.default_rng(seed))).tolist() for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
