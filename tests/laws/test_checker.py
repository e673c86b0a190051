"""The checker itself: it passes what obeys the law, and fails what breaks it in any one way."""

import numpy as np
import pytest
import torch

from fusionmd.o3 import Irrep, assert_equivariant
from fusionmd.o3.laws import assert_permutation_equivariant, assert_translation_invariant


def cross(a, b):
    return torch.linalg.cross(a, b)


def distances(positions):
    return torch.cdist(positions, positions)


def test_lawful_functions_pass():
    assert_equivariant(lambda x: x, "2x1o + 3e", "2x1o + 3e")
    assert_equivariant(lambda a: a[:, [1, 2, 0]], "xyz", "1o")
    assert_equivariant(lambda a, b: cross(a, b)[:, [1, 2, 0]], ["xyz", "xyz"], "1e")
    assert_equivariant(lambda s, v: (s * v, v.norm(dim=1, keepdim=True)), ["0o", "1o"], ["1e", "0e"])
    assert_equivariant(lambda x: x, Irrep(2, 1), Irrep(2, 1))
    assert_equivariant(lambda x: np.linalg.norm(x, axis=1, keepdims=True), "3o", "0e", convert=np.asarray)


def test_channels_come_last():
    mix = torch.arange(8.0).reshape(4, 2).double()
    assert_equivariant(lambda x: (x.reshape(-1, 3, 4) @ mix).flatten(1), "4x1o", "2x1o")
    with pytest.raises(AssertionError, match="not equivariant"):
        assert_equivariant(lambda x: (mix.T @ x.reshape(-1, 4, 3)).flatten(1), "4x1o", "2x1o")


def test_a_wrong_degree_is_caught():
    with pytest.raises(AssertionError, match="proper rotation 0"):
        assert_equivariant(lambda x: x, "1o + 2x0e", "5x0e")


def test_a_wrong_parity_is_caught_by_an_improper_rotation():
    with pytest.raises(AssertionError, match="improper rotation 0"):
        assert_equivariant(lambda x: x, "1o", "1e")
    with pytest.raises(AssertionError, match="improper"):
        assert_equivariant(cross, ["xyz", "xyz"], "xyz")


def test_a_small_breach_is_caught():
    with pytest.raises(AssertionError, match="relative error"):
        assert_equivariant(lambda x: x + 1e-8, "1o", "1o")
    assert_equivariant(lambda x: x + 1e-8, "1o", "1o", tolerance=1e-6)


def test_nan_shape_and_count_are_caught():
    with pytest.raises(AssertionError, match="nan"):
        assert_equivariant(lambda x: x * float("nan"), "1o", "1o")
    with pytest.raises(AssertionError, match=r"dimensions \[3, 3\]"):
        assert_equivariant(lambda x: (x, x), "1o", "1o")
    with pytest.raises(AssertionError, match=r"dimensions \[2\]"):
        assert_equivariant(lambda x: x[:, :2], "1o", "1o")


def test_given_inputs_are_used():
    seen = []
    points = np.array([[1.0, 2.0, 3.0]])
    assert_equivariant(lambda x: seen.append(x.clone()) or x, "xyz", "xyz", inputs=[points])
    np.testing.assert_array_equal(seen[0], points)


def test_permutations():
    inputs = [np.random.default_rng(1).normal(size=(6, 3))]
    assert_permutation_equivariant(lambda x: x**2, inputs)
    with pytest.raises(AssertionError, match="permutation"):
        assert_permutation_equivariant(lambda x: x.cumsum(0), inputs)


def test_translations():
    positions = np.random.default_rng(1).normal(size=(6, 3))
    assert_translation_invariant(distances, positions)
    with pytest.raises(AssertionError, match="translation"):
        assert_translation_invariant(lambda x: x.norm(dim=1), positions)
