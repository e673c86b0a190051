"""Pruning: labellings that are linear combinations of others because leaves are identical.

Two lines are identical only if they carry the same tensor *and* the same channel matrix. A channel matrix on an inner
line cuts the tree: no permutation may move a leaf across it. So the tree falls into pieces at its mixing lines. In each
piece every labelling is recoupled to the left comb (((1 2) 3) ...) with untruncated inner lines, its ends are sorted
and equal ends symmetrised. What is left is linear algebra on small vectors: the first labellings that span are kept.

    >>> from fusionmd.fusion.enumerate import enumerate_labellings
    >>> from fusionmd.o3.irreps import Irrep
    >>> v = {"v": [Irrep(1, -1)]}
    >>> triple = Diagram.parse("((v, v), v)")
    >>> vectors = enumerate_labellings(triple, v, [Irrep(1, -1)])
    >>> vectors
    [((1o, 1o)0e, 1o)1o, ((1o, 1o)1e, 1o)1o, ((1o, 1o)2e, 1o)1o]
    >>> prune(triple, vectors)
    [((1o, 1o)0e, 1o)1o]
    >>> prune(triple, vectors, mixing=triple.inner_lines)
    [((1o, 1o)0e, 1o)1o, ((1o, 1o)2e, 1o)1o]
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from fusionmd.errors import DiagramError
from fusionmd.fusion.diagram import Diagram, Leaf, Path
from fusionmd.fusion.enumerate import Labelling
from fusionmd.fusion.recoupling import f_coefficient

_TOLERANCE = 1e-8
Comb = tuple[int, ...]
"""A left comb by the l of its partial couplings: (l1, l12, l123, ..., L)."""
Vector = Mapping[Comb, float]


def prune(
    diagram: Diagram,
    labellings: Sequence[Labelling],
    *,
    identical: Sequence[Collection[Path]] | None = None,
    mixing: Collection[Path] = (),
) -> list[Labelling]:
    """The first of `labellings` that span the same functions of the leaves as all of them.

    labellings: All those of the diagram, for any choice of outgoing irreps.
    identical: Groups of lines (leaves, or mixing inner lines) with the same tensor and the same channel matrix.
        Default: leaves of one name, which is right when no leaf has a channel matrix of its own.
    mixing: Inner lines that carry a channel matrix.
    What is kept is independent for generic matrices and at least as many channels as leaves.
    """
    groups = _leaves_by_name(diagram) if identical is None else identical
    for group in groups:
        _check_group(diagram, group, mixing)
    classes = {path: k for k, group in enumerate(groups) for path in group}
    return _Pruning(diagram, classes, frozenset(mixing)).kept((), list(labellings))


@dataclass(frozen=True)
class _Pruning:
    diagram: Diagram
    classes: Mapping[Path, int]
    mixing: frozenset[Path]

    def kept(self, top: Path, labellings: list[Labelling]) -> list[Labelling]:
        """Independent ones among labellings of the sub-diagram that ends in `top`."""
        ends = self.ends(top)
        allowed = self.allowed(top, ends, labellings)
        spaces: dict[object, list[dict[Comb, float]]] = {}
        return [
            labelling
            for labelling in labellings
            if all(labelling.at(end) in allowed[self.tensor((*top, *end))] for end in ends)
            and self.enlarges(spaces, top, ends, labelling)
        ]

    def ends(self, top: Path, path: Path = ()) -> list[Path]:
        """Where the piece below `top` ends, relative to `top`: leaves and mixing lines, left to right."""
        here = (*top, *path)
        if not self.diagram.at(here).children or (path and here in self.mixing):
            return [path]
        return [*self.ends(top, (*path, 0)), *self.ends(top, (*path, 1))]

    def tensor(self, path: Path) -> tuple[int, Path]:
        """Name of the tensor on a line: equal for identical lines."""
        return (self.classes[path], ()) if path in self.classes else (-1, path)

    def allowed(self, top: Path, ends: list[Path], labellings: list[Labelling]) -> dict[object, set[Labelling]]:
        """The independent labellings of what comes in at the ends, by tensor."""
        found: dict[object, dict[Labelling, Path]] = {}
        for end in ends:
            path = (*top, *end)
            found.setdefault(self.tensor(path), {}).update((labelling.at(end), path) for labelling in labellings)
        return {
            tensor: set(
                self.kept(next(iter(below.values())), list(below)) if below and next(iter(below)).children else below
            )
            for tensor, below in found.items()
        }

    def enlarges(
        self, spaces: dict[object, list[dict[Comb, float]]], top: Path, ends: list[Path], labelling: Labelling
    ) -> bool:
        """Whether the labelling leaves the space of those before it; if so the space grows."""
        contents = [(self.tensor((*top, *end)), str(labelling.at(end))) for end in ends]
        vector = _symmetrised(contents, *_comb(labelling, ends))
        basis = spaces.setdefault((labelling.irrep, tuple(sorted(contents))), [])
        for other in basis:
            vector = _add(vector, other, -sum(vector.get(key, 0.0) * c for key, c in other.items()))
        norm = sum(c * c for c in vector.values()) ** 0.5
        if norm < _TOLERANCE:
            return False
        basis.append({key: c / norm for key, c in vector.items()})
        return True


def _leaves_by_name(diagram: Diagram) -> list[list[Path]]:
    leaves = [(path, node.name) for path, node in diagram.lines() if isinstance(node, Leaf)]
    return [[path for path, name in leaves if name == wanted] for wanted in diagram.leaf_names]


def _check_group(diagram: Diagram, group: Collection[Path], mixing: Collection[Path]) -> None:
    nodes = [diagram.at(path) for path in group]
    tensors = {node.name if isinstance(node, Leaf) else str(node) for node in nodes}
    if len(tensors) > 1:
        raise DiagramError(
            f"the lines {list(group)} of {diagram} carry {sorted(tensors)}; identical lines carry one tensor"
        )
    inner = [path for path, node in zip(group, nodes, strict=True) if node.children and path not in mixing]
    if inner:
        raise DiagramError(
            f"the inner lines {inner} of {diagram} are no ends; list their leaves, or make them mixing lines"
        )


def _comb(labelling: Labelling, ends: Sequence[Path]) -> tuple[list[int], dict[Comb, float]]:
    """The l of the ends and the labelling as a vector over left combs of them."""
    if () in ends:
        return [labelling.irrep.l], {(labelling.irrep.l,): 1.0}
    (left_ls, left), (right_ls, right) = (
        _comb(child, [end[1:] for end in ends if end[0] == side]) for side, child in enumerate(labelling.children)
    )
    total: dict[Comb, float] = {}
    for x, a in left.items():
        for y, b in right.items():
            joined = {x + z: c for z, c in _joined(x[-1], tuple(right_ls), y, labelling.irrep.l).items()}
            total = _add(total, joined, a * b)
    return left_ls + right_ls, total


@cache
def _joined(x: int, ls: tuple[int, ...], comb: Comb, L: int) -> Vector:
    """(x, comb of ls)L as left combs that start from x: {(l after each of ls): coefficient}."""
    if len(ls) == 1:
        return {(L,): 1.0}
    part, last, whole = comb[-2], ls[-1], comb[-1]
    total: dict[Comb, float] = {}
    for j in _range(x, part, last, L):
        deeper = {z + (L,): c for z, c in _joined(x, ls[:-1], comb[:-1], j).items()}
        total = _add(total, deeper, f_coefficient(x, part, last, j, whole, L))
    return total


def _symmetrised(contents: Sequence[object], ls: list[int], vector: dict[Comb, float]) -> dict[Comb, float]:
    """Sort the ends by content, then average over permutations of equal ones."""
    contents, ls = list(contents), list(ls)
    for stop in range(len(ls) - 1, 0, -1):
        for k in range(stop):
            if contents[k] > contents[k + 1]:  # type: ignore[operator]
                vector = _transposed(vector, ls, k)
                contents[k : k + 2], ls[k : k + 2] = contents[k : k + 2][::-1], ls[k : k + 2][::-1]
    for last in range(1, len(ls)):
        first = contents.index(contents[last])
        moved, total = vector, vector
        for k in range(last - 1, first - 1, -1):  # cosets of the permutations of first..last-1 in those of first..last
            moved = _transposed(moved, ls, k)
            total = _add(total, moved, 1.0)
        vector = {key: c / (last - first + 1) for key, c in total.items()}
    return vector


def _transposed(vector: Vector, ls: Sequence[int], k: int) -> dict[Comb, float]:
    """The ends k and k+1 exchanged."""
    total: dict[Comb, float] = {}
    for comb, coefficient in vector.items():
        if k == 0:
            swapped = (ls[1], *comb[1:])
            total[swapped] = total.get(swapped, 0.0) + coefficient * (-1) ** (ls[0] + ls[1] + comb[1])
            continue
        x, old, J = comb[k - 1 : k + 2]
        for new in _range(x, ls[k + 1], ls[k], J):
            key = (*comb[:k], new, *comb[k + 1 :])
            total[key] = total.get(key, 0.0) + coefficient * _exchange(x, ls[k], ls[k + 1], old, new, J)
    return total


@cache
def _exchange(x: int, b: int, c: int, xb: int, xc: int, J: int) -> float:
    """Coefficient of ((x c)xc b)J in ((x b)xb c)J: F-move, R-move, F-move back."""
    terms = [
        f_coefficient(x, b, c, xb, bc, J) * (-1) ** (b + c + bc) * f_coefficient(x, c, b, xc, bc, J)
        for bc in _range(b, c, x, J)
    ]
    return sum(terms)


def _range(a: int, b: int, other: int, L: int) -> list[int]:
    """l in a (x) b that couple with `other` to L."""
    return [l for l in range(abs(a - b), a + b + 1) if abs(l - other) <= L <= l + other]


def _add(x: Vector, y: Vector, factor: float) -> dict[Comb, float]:
    return {key: x.get(key, 0.0) + factor * y.get(key, 0.0) for key in {**x, **y}}
