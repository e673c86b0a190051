"""Fusion diagrams as immutable values with a text form that parses and prints to itself.

A diagram is a rooted binary tree. Leaves are named tensors, vertices couple two lines into one, and any line may be
truncated:

    >>> product = Diagram.parse("((A, A)@3, A)@1")
    >>> product
    ((A, A)@3, A)@1
    >>> [leaf.name for leaf in product.leaves]
    ['A', 'A', 'A']

`@3` keeps l <= 3 with both parities, `@3+` keeps natural parity p = (-1)^l only, no `@` keeps everything. Two leaves
with one name carry the same tensor. A line of the tree is addressed by its path from the root: `()` is the outgoing
line, `(0,)` its left leg, `(0, 1)` the right leg of that one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from fusionmd.errors import DiagramError
from fusionmd.o3.irreps import Irrep

Path = tuple[int, ...]
"""Address of a line: 0 = left, 1 = right, from the root downwards."""


@dataclass(frozen=True)
class Truncation:
    """Which irreps a line may carry: l <= l_max (None: any), and natural parity only if `natural`."""

    l_max: int | None = None
    natural: bool = False

    def __post_init__(self) -> None:
        if self.l_max is not None and self.l_max < 0:
            raise DiagramError(f"a line was truncated at l_max = {self.l_max}; l_max must be 0 or larger")
        if self.natural and self.l_max is None:
            raise DiagramError("natural parity was asked for without l_max; write '@n+' with a number n")

    def allows(self, irrep: Irrep) -> bool:
        """Whether `irrep` may live on the line."""
        if self.l_max is not None and irrep.l > self.l_max:
            return False
        return not self.natural or irrep.p == (-1) ** irrep.l

    def __str__(self) -> str:
        return "" if self.l_max is None else f"@{self.l_max}{'+' if self.natural else ''}"


class Diagram:
    """A fusion diagram, either a `Leaf` or a `Vertex`. Sub-diagrams are diagrams; equality and hash are structural."""

    truncation: Truncation

    @staticmethod
    def parse(text: str) -> Diagram:
        """The diagram written in `text`; `str` undoes it up to white space.

        >>> str(Diagram.parse("(Y@3,(h_j @1,h_i))@2+"))
        '(Y@3, (h_j@1, h_i))@2+'
        """
        return _Reader(text).read()

    @property
    def children(self) -> tuple[Diagram, ...]:
        """() for a leaf, (left, right) for a vertex."""
        return (self.left, self.right) if isinstance(self, Vertex) else ()

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """The leaves from left to right."""
        return tuple(node for _, node in self.lines() if isinstance(node, Leaf))

    @property
    def leaf_names(self) -> tuple[str, ...]:
        """The different leaf names, in order of first appearance."""
        return tuple(dict.fromkeys(leaf.name for leaf in self.leaves))

    @property
    def n_vertices(self) -> int:
        """Number of Clebsch-Gordan couplings, one less than the number of leaves."""
        return len(self.leaves) - 1

    @property
    def inner_lines(self) -> tuple[Path, ...]:
        """Paths of the lines between two vertices."""
        return tuple(path for path, node in self.lines() if path and isinstance(node, Vertex))

    def lines(self, path: Path = ()) -> Iterator[tuple[Path, Diagram]]:
        """Every line as (path, sub-diagram that ends in it): legs before the vertex that joins them, the root last."""
        for side, child in enumerate(self.children):
            yield from child.lines((*path, side))
        yield path, self

    def at(self, path: Path) -> Diagram:
        """The sub-diagram that ends in the line `path`."""
        node: Diagram = self
        for side in path:
            if side not in (0, 1) or not node.children:
                raise DiagramError(f"no line {path} in {self}; its lines are {[p for p, _ in self.lines()]}")
            node = node.children[side]
        return node


@dataclass(frozen=True, repr=False)
class Leaf(Diagram):
    """An incoming leg: the tensor `name`, of which only the irreps that `truncation` allows enter."""

    name: str
    truncation: Truncation = field(default_factory=Truncation)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise DiagramError(
                f"a leaf is called {self.name!r}; a name is a letter or _ followed by letters, digits or _"
            )

    def __str__(self) -> str:
        return f"{self.name}{self.truncation}"

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Vertex(Diagram):
    """A Clebsch-Gordan coupling of `left` and `right`; `truncation` is that of the line that leaves it."""

    left: Diagram
    right: Diagram
    truncation: Truncation = field(default_factory=Truncation)

    def __str__(self) -> str:
        return f"({self.left}, {self.right}){self.truncation}"

    __repr__ = __str__


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TRUNCATION = re.compile(r"@(\d+)(\+?)")


class _Reader:
    """Recursive descent over  line := (name | '(' line ',' line ')') ['@' digits ['+']]."""

    max_depth = 64

    def __init__(self, text: str) -> None:
        self.text, self.position, self.depth = text, 0, 0

    def read(self) -> Diagram:
        diagram = self.line()
        if self.peek():
            self.fail("the end, because the diagram is complete")
        return diagram

    def line(self) -> Diagram:
        if self.peek() == "(":
            return self.vertex()
        name = _NAME.match(self.text, self.position)
        if not name:
            self.fail("a leaf name or '('")
        self.position = name.end()
        return Leaf(name.group(), self.truncation())

    def vertex(self) -> Vertex:
        self.depth += 1
        if self.depth > self.max_depth:
            self.fail(f"at most {self.max_depth} nested vertices")
        self.take("(", "'('")
        left = self.line()
        self.take(",", "',' because a vertex joins exactly two lines, '(left, right)'")
        right = self.line()
        self.take(")", "')' because a vertex joins exactly two lines, '(left, right)'")
        self.depth -= 1
        return Vertex(left, right, self.truncation())

    def truncation(self) -> Truncation:
        if self.peek() != "@":
            return Truncation()
        match = _TRUNCATION.match(self.text, self.position)
        if not match:
            self.fail("a truncation '@n' or '@n+' with a number n")
        self.position = match.end()
        return Truncation(int(match.group(1)), bool(match.group(2)))

    def peek(self) -> str:
        """Next character that is no white space, '' at the end."""
        while self.position < len(self.text) and self.text[self.position].isspace():
            self.position += 1
        return self.text[self.position : self.position + 1]

    def take(self, character: str, wanted: str) -> None:
        if self.peek() != character:
            self.fail(wanted)
        self.position += 1

    def fail(self, wanted: str) -> NoReturn:
        found = repr(self.peek()) if self.peek() else "the end"
        raise DiagramError(
            f"diagram text, column {self.position + 1}: found {found}, wanted {wanted}\n"
            f"    {self.text}\n    {' ' * self.position}^"
        )
