"""Irreducible representations of O(3) as values: `Irrep` is one of them, `Irreps` a direct sum with multiplicities.

>>> Irreps("32x0e + 1o").dim
35
>>> [str(irrep) for irrep in Irrep.parse("1o").product(Irrep.parse("1o"))]
['0e', '1e', '2e']
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from fusionmd.errors import IrrepsError


class _Labels(NamedTuple):
    l: int
    p: int


class Irrep(_Labels):
    """Irreducible representation (l, p) of O(3): dimension 2l+1, parity p = +1 (`e`) or -1 (`o`).

    >>> Irrep(2, 1), Irrep.parse("1o").dim
    (2e, 3)
    """

    __slots__ = ()

    def __new__(cls, l: int, p: int) -> Irrep:
        if not (isinstance(l, int) and l >= 0 and p in (-1, 1)):
            raise IrrepsError(f"got irrep (l={l!r}, p={p!r}); l must be an integer >= 0 and p must be +1 or -1")
        return super().__new__(cls, l, p)

    @classmethod
    def parse(cls, text: str | Irrep) -> Irrep:
        """Read `1o`, `2e`, ...; an `Irrep` comes back unchanged."""
        if isinstance(text, Irrep):
            return text
        match = re.fullmatch(r"\s*(\d+)([eo])\s*", text)
        if match is None:
            raise IrrepsError(f"cannot read {text!r} as an irrep; write l, then e (even) or o (odd), for example '1o'")
        return cls(int(match[1]), 1 if match[2] == "e" else -1)

    @property
    def dim(self) -> int:
        return 2 * self.l + 1

    @property
    def is_natural(self) -> bool:
        """Parity (-1)^l, that of a spherical harmonic."""
        return self.p == (-1) ** self.l

    def product(self, other: Irrep) -> list[Irrep]:
        """Irreps in the tensor product: |l1 - l2| <= l <= l1 + l2, p = p1 p2."""
        return [Irrep(l, self.p * other.p) for l in range(abs(self.l - other.l), self.l + other.l + 1)]

    def __str__(self) -> str:
        return f"{self.l}{'e' if self.p == 1 else 'o'}"

    __repr__ = __str__


class Irreps(tuple[tuple[int, Irrep], ...]):
    """Direct sum of irreps with multiplicities, an immutable tuple of (multiplicity, Irrep); order is kept.

    >>> Irreps("32x0e + 1o")
    32x0e + 1x1o
    >>> Irreps([(2, "1o")]) == Irreps("2x1o")
    True
    """

    __slots__ = ()

    def __new__(cls, blocks: str | Irrep | Iterable[tuple[int, str | Irrep]] = ()) -> Irreps:
        if isinstance(blocks, Irrep):
            return super().__new__(cls, ((1, blocks),))
        if isinstance(blocks, str):
            return super().__new__(cls, tuple(_blocks_of(blocks)))
        return super().__new__(cls, tuple((_multiplicity(mul), Irrep.parse(irrep)) for mul, irrep in blocks))

    @classmethod
    def parse(cls, irreps: str | Irrep | Irreps) -> Irreps:
        """Read `32x0e + 1o`; a single `Irrep` becomes a sum of one, an `Irreps` comes back unchanged."""
        return irreps if isinstance(irreps, Irreps) else cls(irreps)

    @classmethod
    def spherical_harmonics(cls, l_max: int) -> Irreps:
        """Irreps of Y_0 ... Y_lmax.

        >>> Irreps.spherical_harmonics(2)
        1x0e + 1x1o + 1x2e
        """
        return cls([(1, Irrep(l, (-1) ** l)) for l in range(l_max + 1)])

    @property
    def dim(self) -> int:
        return sum(mul * irrep.dim for mul, irrep in self)

    @property
    def n_irreps(self) -> int:
        return sum(mul for mul, _ in self)

    @property
    def l_max(self) -> int:
        """Largest l; -1 for an empty sum."""
        return max((irrep.l for _, irrep in self), default=-1)

    def slices(self) -> list[slice]:
        """Where each block lies in a vector of length `dim`.

        >>> Irreps("2x0e + 1o").slices()
        [slice(0, 2, None), slice(2, 5, None)]
        """
        ends = [0]
        for mul, irrep in self:
            ends.append(ends[-1] + mul * irrep.dim)
        return [slice(start, stop) for start, stop in pairwise(ends)]

    def merged(self) -> Irreps:
        """Sorted by (l, p), equal irreps added up, empty blocks dropped.

        >>> Irreps("1o + 2x0e + 3x1o").merged()
        2x0e + 4x1o
        """
        count: dict[Irrep, int] = {}
        for mul, irrep in self:
            count[irrep] = count.get(irrep, 0) + mul
        return Irreps([(mul, irrep) for irrep, mul in sorted(count.items()) if mul])

    def __add__(self, other: Iterable[tuple[int, Irrep]]) -> Irreps:  # type: ignore[override]
        return Irreps([*self, *Irreps(other)])

    def __str__(self) -> str:
        return " + ".join(f"{mul}x{irrep}" for mul, irrep in self)

    __repr__ = __str__


def _blocks_of(text: str) -> Iterator[tuple[int, Irrep]]:
    if not text.strip():
        return
    for term in text.split("+"):
        match = re.fullmatch(r"\s*(?:(\d+)\s*x\s*)?(\d+[eo])\s*", term)
        if match is None:
            raise IrrepsError(f"cannot read {term!r} in irreps {text!r}; write terms such as '32x0e' joined by '+'")
        yield int(match[1] or 1), Irrep.parse(match[2])


def _multiplicity(mul: int) -> int:
    if not isinstance(mul, int) or mul < 0:
        raise IrrepsError(f"got multiplicity {mul!r}; it must be an integer >= 0")
    return mul
