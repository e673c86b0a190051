"""What a layer does as a list of numbers for the native operation `layer` (format: fusionmd/native/src/program.h)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from fusionmd.nn.native.tables import CouplingTable

CENTERS, TARGET, KEPT, SCRATCH = range(4)
MIX, WEIGH, COUPLE = range(3)

Line = list[int]
"""Numbers of the pieces of a line, one an irrep."""


class ProgramWriter:
    """Collects pieces, steps and their constants in the order in which a layer needs them."""

    def __init__(
        self,
        n_channels: int,
        n_hidden: int,
        feature_rows: Sequence[int],
        matrices: Sequence[Tensor],
        scales: Sequence[Tensor],
    ) -> None:
        self.n_channels, self.n_hidden = n_channels, n_hidden
        self.feature_rows = list(feature_rows)
        self.pieces: list[tuple[int, int]] = []
        self.paths: list[int] = []
        self.summed: Line = []
        self.steps: list[list[int]] = []
        self.matrices = {id(matrix): k for k, matrix in enumerate(matrices)}
        self.scales = {id(scale): k for k, scale in enumerate(scales)}
        self.tables: list[CouplingTable] = []

    def line(self, kind: int, rows: Sequence[int]) -> Line:
        """New pieces with so many rows a node."""
        start = len(self.pieces)
        self.pieces += [(kind, n) for n in rows]
        return list(range(start, len(self.pieces)))

    def scratch(self, rows: Sequence[int]) -> Line:
        """New pieces that nobody reads later, unless `keep` is told."""
        return self.line(SCRATCH, rows)

    def n_rows(self, line: Line) -> int:
        """Of a node."""
        return sum(self.pieces[k][1] for k in line)

    def keep(self, line: Line) -> Line:
        """Remember scratch pieces of this line for the way back, as legs of a vertex have to be."""
        for k in line:
            kind, rows = self.pieces[k]
            self.pieces[k] = (KEPT if kind == SCRATCH else kind, rows)
        return line

    def mix(self, paths: Line, weights: Sequence[Tensor], out: Line) -> None:
        """out += paths @ matrix, irrep by irrep."""
        for source, weight, target in zip(paths, weights, out, strict=True):
            self.steps.append([MIX, source, target, self.matrices[id(weight)]])

    def couple(self, a: Line, b: Line, tables: Sequence[CouplingTable], out: Line) -> None:
        """One vertex, all its paths."""
        lists = [number for line in (self.keep(a), self.keep(b), out) for number in (len(line), *line)]
        self.steps.append([COUPLE, len(self.tables), len(tables), *lists])
        self.tables += tables

    def weigh(self, paths: int, scale: Tensor, n_paths: int, first: int, out: int) -> None:
        """out += sum over paths of path times scale[species], which begins with path `first`."""
        self.steps.append([WEIGH, paths, out, self.scales[id(scale)], n_paths, first])

    def numbers(self) -> list[int]:
        """The program."""
        pieces = [number for piece in self.pieces for number in piece]
        lists = [self.feature_rows, pieces, self.paths, self.summed, *self.steps]
        return [self.n_channels, self.n_hidden, *(number for each in lists for number in (len(each), *each))]
