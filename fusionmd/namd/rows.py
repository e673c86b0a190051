"""Rows of nested dataclasses of arrays, all with the same leading axis: one row, one trajectory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Tree = TypeVar("Tree")


def take(tree: Tree, rows: NDArray[Any]) -> Tree:
    """The chosen rows (a mask or indices) of every array."""
    return _mapped(lambda array: array[rows], tree)


def put(tree: Tree, rows: NDArray[Any], new: Tree) -> Tree:
    """`tree` with the chosen rows of every array replaced by the rows of `new`."""

    def merged(old: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
        result = old.copy()
        result[rows] = values
        return result

    return _mapped(merged, tree, new)


def concatenate(trees: Sequence[Tree]) -> Tree:
    """All rows of all trees, in order."""
    return _mapped(lambda *arrays: np.concatenate(arrays), *trees)


def _mapped(function: Callable[..., NDArray[Any]], *trees: Any) -> Any:
    """Apply `function` to corresponding arrays; None stays None."""
    if trees[0] is None:
        return None
    if is_dataclass(trees[0]):
        names = [field.name for field in fields(trees[0])]
        return replace(
            trees[0], **{name: _mapped(function, *(getattr(tree, name) for tree in trees)) for name in names}
        )  # type: ignore[type-var]
    return function(*trees)
