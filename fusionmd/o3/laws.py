"""Checks of the symmetries a function claims: rotation, inversion, permutation, translation.

>>> assert_equivariant(lambda v: torch.linalg.vector_norm(v, dim=-1, keepdim=True), "xyz", "0e")
>>> assert_equivariant(lambda a, b: torch.linalg.cross(a, b), ["xyz", "xyz"], "1e")
Traceback (most recent call last):
...
AssertionError: output 0 (1x1e) is not equivariant: ...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fusionmd.o3.irreps import Irrep, Irreps
from fusionmd.o3.wigner import random_rotation, representation

Array = NDArray[np.float64]
# What a function takes or gives: a sum of irreps, or "xyz" for polar vectors in Cartesian order ("1o" is y, z, x).
Space = Irreps | Irrep | str


def assert_equivariant(
    fn: Callable[..., Any],
    irreps_in: Space | Sequence[Space],
    irreps_out: Space | Sequence[Space],
    *,
    tolerance: float = 1e-10,
    n_rows: int = 5,
    n_rotations: int = 3,
    seed: int = 0,
    inputs: Sequence[Array] | None = None,
    convert: Callable[[Array], Any] = torch.from_numpy,
) -> None:
    """Raise AssertionError unless fn(D_in x) = D_out fn(x) for proper and improper rotations, relative to max|fn(x)|.

    fn: takes one array [n_rows, dim] for each space in, returns one [n_rows, dim] (or a tuple) for each space out.
    Within a block of irreps channels come last (`representation`).
    inputs: used instead of normally distributed random numbers.
    convert: what makes float64 arrays into arguments of fn; `numpy.asarray` for a NumPy function.
    """
    rng = np.random.default_rng(seed)
    spaces_in, spaces_out = _spaces(irreps_in), _spaces(irreps_out)
    if inputs is None:
        inputs = [rng.normal(size=(n_rows, _dim(space))) for space in spaces_in]
    expected = _call(fn, inputs, convert)
    dims, declared = [y.shape[-1] for y in expected], [_dim(space) for space in spaces_out]
    if dims != declared:
        raise AssertionError(f"the function returns arrays of dimensions {dims}; the declared spaces have {declared}")
    for k in range(2 * n_rotations):
        matrix = random_rotation(rng, is_improper=bool(k % 2))
        turned = [x @ _matrix(space, matrix).T for x, space in zip(inputs, spaces_in, strict=True)]
        for i, (got, y, space) in enumerate(zip(_call(fn, turned, convert), expected, spaces_out, strict=True)):
            law = f"output {i} ({space}) is not equivariant: {'im' * (k % 2)}proper rotation {k // 2}"
            assert_close(got, y @ _matrix(space, matrix).T, tolerance, law)


def assert_permutation_equivariant(
    fn: Callable[..., Any],
    inputs: Sequence[Array],
    *,
    tolerance: float = 1e-10,
    seed: int = 0,
    convert: Callable[[Array], Any] = torch.from_numpy,
) -> None:
    """Raise AssertionError unless a permutation of the rows of all inputs permutes the rows of all outputs."""
    order = np.random.default_rng(seed).permutation(len(inputs[0]))
    expected = _call(fn, inputs, convert)
    for i, (got, y) in enumerate(zip(_call(fn, [x[order] for x in inputs], convert), expected, strict=True)):
        assert_close(got, y[order], tolerance, f"output {i} does not follow a permutation of the rows")


def assert_translation_invariant(
    fn: Callable[[Any], Any],
    positions: Array,
    *,
    tolerance: float = 1e-10,
    seed: int = 0,
    convert: Callable[[Array], Any] = torch.from_numpy,
) -> None:
    """Raise AssertionError unless outputs stay the same when all positions [n_atoms, 3] move by one random vector."""
    shift = np.random.default_rng(seed).normal(size=3)
    expected = _call(fn, [positions], convert)
    for i, (got, y) in enumerate(zip(_call(fn, [positions + shift], convert), expected, strict=True)):
        assert_close(got, y, tolerance, f"output {i} changes with a translation")


def assert_close(got: Array, expected: Array, tolerance: float, law: str) -> None:
    """Raise AssertionError, naming the law, unless max|got - expected| <= tolerance max|expected|; NaN fails."""
    if got.shape != expected.shape:
        raise AssertionError(f"{law}: shape {got.shape} instead of {expected.shape}")
    scale = max(float(np.abs(expected).max(initial=0.0)), np.finfo(np.float64).tiny)
    error = float(np.abs(got - expected).max(initial=0.0)) / scale
    if not error <= tolerance:
        raise AssertionError(f"{law}: relative error {error:.1e}, tolerance {tolerance:.1e}")


def _spaces(spaces: Space | Sequence[Space]) -> list[Space]:
    several = [spaces] if isinstance(spaces, str | Irreps | Irrep) else list(spaces)
    return [space if space == "xyz" else Irreps.parse(space) for space in several]


def _dim(space: Space) -> int:
    return 3 if space == "xyz" else Irreps.parse(space).dim


def _matrix(space: Space, matrix: Array) -> Array:
    return matrix if space == "xyz" else representation(Irreps.parse(space), matrix)


def _call(fn: Callable[..., Any], inputs: Sequence[Array], convert: Callable[[Array], Any]) -> list[Array]:
    outputs = fn(*(convert(x.copy()) for x in inputs))
    several = outputs if isinstance(outputs, tuple | list) else (outputs,)
    return [np.asarray(y.detach() if isinstance(y, torch.Tensor) else y, dtype=np.float64) for y in several]
