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

import re
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

    @staticmethod
    def parse(text: str) -> Labelling:
        """The labelling written in `text`, as `str` writes it: `((1o, 1o)2e, 1o)1o`."""
        tokens = re.findall(r"\d+[eo]|\S", text)
        labelling = _read(tokens)
        if tokens:
            raise DiagramError(
                f"labelling {text!r} goes on after {labelling}; wanted a form such as '((1o, 1o)2e, 1o)1o'"
            )
        return labelling

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

    def fits(self, diagram: Diagram) -> bool:
        """Whether it labels this tree: same shape, truncations kept, every vertex admissible."""
        if len(self.children) != len(diagram.children) or not diagram.truncation.allows(self.irrep):
            return False
        if self.children and self.irrep not in self.children[0].irrep.product(self.children[1].irrep):
            return False
        return all(child.fits(node) for child, node in zip(self.children, diagram.children, strict=True))

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
    Sorted by outgoing irrep (l, then p), then left leg, then right leg.
    """
    missing = [name for name in diagram.leaf_names if name not in leaf_irreps]
    if missing:
        raise DiagramError(
            f"no irreps were given for the leaves {missing} of {diagram} (given: {sorted(leaf_irreps)}); "
            "add them to leaf_irreps"
        )
    offers = {name: sorted(set(irreps)) for name, irreps in leaf_irreps.items()}
    found = _labellings(diagram, offers, None if target is None else set(target))
    return sorted(found, key=lambda labelling: labelling.irrep)


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
        for irrep in left.irrep.product(right.irrep)
        if wanted(irrep)
    ]


def _read(tokens: list[str]) -> Labelling:
    """Consume one labelling from the front of `tokens`."""
    first = tokens.pop(0) if tokens else "the end"
    if first != "(":
        return Labelling(Irrep.parse(first))
    children = []
    for closing in (",", ")"):
        children.append(_read(tokens))
        found = tokens.pop(0) if tokens else "the end"
        if found != closing:
            raise DiagramError(
                f"labelling: found {found!r} after {children[-1]}, wanted {closing!r}, as in '(1o, 1o)2e'"
            )
    return Labelling(Irrep.parse(tokens.pop(0) if tokens else "the end"), tuple(children))
