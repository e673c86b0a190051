"""All admissible labellings of a fusion diagram: which irrep flows through which line.

A vertex admits (l1, p1) x (l2, p2) -> (l3, p3) when |l1 - l2| <= l3 <= l1 + l2 and p3 = p1 p2.

    >>> from fusionmd.o3.irreps import Irrep
    >>> A = [Irrep(0, 1), Irrep(1, -1)]
    >>> for labelling in enumerate_labellings(Diagram.parse("(A, A)"), {"A": A}, target=[Irrep(0, 1)]):
    ...     print(labelling)
    (0e, 0e)0e
    (1o, 1o)0e
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fusionmd.errors import DiagramError
from fusionmd.fusion.diagram import Diagram, Leaf, Path
from fusionmd.o3.irreps import Irrep


@dataclass(frozen=True, repr=False)
class Labelling:
    """An irrep for every line of a tree: that of the outgoing line, and the labellings of its legs (none for a leaf).

    Addressed as the diagram is: `labelling[()]` is the irrep of the outgoing line, `labelling[(0, 1)]` that of (0, 1).
    """

    irrep: Irrep
    children: tuple[Labelling, ...] = ()

    def at(self, path: Path) -> Labelling:
        """The labelling of the sub-diagram that ends in the line `path`."""
        node = self
        for side in path:
            node = node.children[side]
        return node

    def __getitem__(self, path: Path) -> Irrep:
        return self.at(path).irrep

    def lines(self, path: Path = ()) -> Iterator[tuple[Path, Irrep]]:
        """Every line as (path, irrep), in the order of `Diagram.lines`."""
        for side, child in enumerate(self.children):
            yield from child.lines((*path, side))
        yield path, self.irrep

    @property
    def leaves(self) -> tuple[Irrep, ...]:
        """The irreps of the leaves from left to right."""
        if not self.children:
            return (self.irrep,)
        return tuple(irrep for child in self.children for irrep in child.leaves)

    @property
    def vertices(self) -> tuple[tuple[Irrep, Irrep, Irrep], ...]:
        """(left, right, outgoing) of every vertex, inner ones first."""
        if not self.children:
            return ()
        left, right = self.children
        return (*left.vertices, *right.vertices, (left.irrep, right.irrep, self.irrep))

    @property
    def n_odd_vertices(self) -> int:
        """Number of vertices with l1 + l2 + l3 odd: their real tensor has absorbed a factor i each."""
        return sum((left.l + right.l + out.l) % 2 for left, right, out in self.vertices)

    def __str__(self) -> str:
        if not self.children:
            return str(self.irrep)
        return f"({self.children[0]}, {self.children[1]}){self.irrep}"

    __repr__ = __str__


def enumerate_labellings(
    diagram: Diagram, leaf_irreps: Mapping[str, Sequence[Irrep]], target: Sequence[Irrep] | None = None
) -> list[Labelling]:
    """Every admissible labelling of `diagram`.

    leaf_irreps: What each named leaf offers (before the truncation of that leaf). Order and repetition do not matter.
    target: Irreps wanted on the outgoing line (None: all that its truncation allows).
    Sorted by outgoing irrep (l, then even before odd), then left leg, then right leg.
    """
    missing = [name for name in diagram.leaf_names if name not in leaf_irreps]
    if missing:
        raise DiagramError(
            f"no irreps were given for the leaves {missing} of {diagram} (given: {sorted(leaf_irreps)}); "
            "add them to leaf_irreps"
        )
    offers = {name: sorted(set(irreps), key=_order) for name, irreps in leaf_irreps.items()}
    found = _labellings(diagram, offers, None if target is None else set(target))
    return sorted(found, key=lambda labelling: _order(labelling.irrep))


def products(left: Irrep, right: Irrep) -> list[Irrep]:
    """The irreps in `left` (x) `right`, by increasing l."""
    parity = left.p * right.p
    return [Irrep(l, parity) for l in range(abs(left.l - right.l), left.l + right.l + 1)]


def by_output(labellings: Sequence[Labelling]) -> dict[Irrep, list[Labelling]]:
    """The labellings grouped by outgoing irrep."""
    groups: dict[Irrep, list[Labelling]] = {}
    for labelling in labellings:
        groups.setdefault(labelling.irrep, []).append(labelling)
    return groups


def _labellings(diagram: Diagram, offers: Mapping[str, Sequence[Irrep]], target: set[Irrep] | None) -> list[Labelling]:
    def wanted(irrep: Irrep) -> bool:
        return diagram.truncation.allows(irrep) and (target is None or irrep in target)

    if isinstance(diagram, Leaf):
        return [Labelling(irrep) for irrep in offers[diagram.name] if wanted(irrep)]
    lefts, rights = (_labellings(child, offers, None) for child in diagram.children)
    return [
        Labelling(irrep, (left, right))
        for left in lefts
        for right in rights
        for irrep in products(left.irrep, right.irrep)
        if wanted(irrep)
    ]


def _order(irrep: Irrep) -> tuple[int, int]:
    return irrep.l, -irrep.p
