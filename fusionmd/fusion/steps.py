"""The parts of a plan: lines that carry irreps, and steps, one a vertex, with their coupling matrices.

Parts are data. They know irreps and the basis of the components, never tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fusionmd.fusion.basis import Basis, coupling, n_components
from fusionmd.o3.irreps import Irrep

Kernel = Literal["dense", "sparse"]
BYTES = 4
_GEMM_FLOP_PER_SECOND = 5e10
_STREAM_BYTES_PER_SECOND = 5e9


@dataclass(frozen=True)
class Line:
    """One line of the diagrams: the irreps it carries, one after the other along the component axis."""

    name: str
    irreps: tuple[Irrep, ...]
    basis: Basis = "spherical"

    @property
    def dim(self) -> int:
        """Number of components."""
        return sum(self.sizes)

    @property
    def sizes(self) -> list[int]:
        """Number of components of each irrep."""
        return [n_components(irrep, self.basis) for irrep in self.irreps]

    @property
    def distinct(self) -> tuple[Irrep, ...]:
        """The irreps without repetition (a resolved line carries one copy per coupling)."""
        return tuple(dict.fromkeys(self.irreps))

    @property
    def distinct_sizes(self) -> list[int]:
        """Number of components of each of `distinct`."""
        return [n_components(irrep, self.basis) for irrep in self.distinct]

    @property
    def parity_ranges(self) -> dict[int, range]:
        """Components of even and of odd irreps; irreps of one parity are neighbours on every line."""
        found: dict[int, range] = {}
        for k, irrep in enumerate(self.irreps):
            start = found[irrep.p].start if irrep.p in found else self.offsets[k]
            found[irrep.p] = range(start, self.components(k).stop)
        return found

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """First component of each irrep."""
        return tuple(accumulate(self.sizes, initial=0))[:-1]

    def components(self, k: int) -> range:
        """The components of the k-th irrep."""
        return range(self.offsets[k], self.offsets[k] + n_components(self.irreps[k], self.basis))


@dataclass(frozen=True)
class Path:
    """One Clebsch-Gordan coupling inside a vertex: positions of the irreps on the legs, and the irrep that leaves."""

    left: int
    right: int
    out: Irrep


@dataclass(frozen=True)
class Block:
    """One outer product of neighbouring components of the legs, and the irreps it feeds."""

    left: range
    right: range
    outs: tuple[Irrep, ...]

    @property
    def n_pairs(self) -> int:
        """Number of products."""
        return len(self.left) * len(self.right)


@dataclass(frozen=True)
class Step:
    """One vertex for all its labellings; legs and result are positions in `Plan.lines`."""

    name: str
    left: int
    right: int
    out: int
    paths: tuple[Path, ...]
    is_symmetric: bool
    kernel: Kernel = "dense"
    n_pairs: int = 0
    n_rows: int = 0
    n_nonzero: int = 0
    n_multiply_adds: int = 0

    def paths_to(self, irrep: Irrep) -> tuple[Path, ...]:
        """The couplings that end in `irrep`, in the order of their weights."""
        return tuple(path for path in self.paths if path.out == irrep)

    def flop(self, n_channels: int) -> int:
        """Floating point operations per node: products of pairs, then the Clebsch-Gordan contraction."""
        return n_channels * (self.n_pairs + 2 * (self.n_multiply_adds if self.kernel == "dense" else self.n_nonzero))

    def bytes(self, n_channels: int) -> int:
        """What it writes per node in float32: pairs, rows, and products one by one where the kernel is sparse."""
        intermediate = self.n_nonzero if self.kernel == "sparse" else 0
        return (self.n_pairs + self.n_rows + intermediate) * n_channels * BYTES


def blocks_of(step: Step, lines: Sequence[Line]) -> tuple[Block, ...]:
    """The products of components that `step` needs: one outer product per pair of parities, unordered pairs once."""
    left, right = lines[step.left].parity_ranges, lines[step.right].parity_ranges
    blocks = []
    for p, a in left.items():
        for q, b in right.items():
            outs = tuple(irrep for irrep in lines[step.out].distinct if irrep.p == p * q)
            if outs and not (step.is_symmetric and p < q):
                blocks.append(Block(a, b, outs))
    return tuple(blocks)


def coupling_matrix(step: Step, lines: Sequence[Line], out: Irrep, block: Block) -> NDArray[np.float64]:
    """Coupling matrix [n_components * n_paths, n_left * n_right] of the paths to `out`.

    Rows run over (m, path), path fastest.
    """
    paths = step.paths_to(out)
    left, right = lines[step.left], lines[step.right]
    n_rows = n_components(out, left.basis)
    matrix = np.zeros((n_rows, len(paths), len(block.left), len(block.right)))
    for p, path in enumerate(paths):
        table = coupling(left.irreps[path.left].l, right.irreps[path.right].l, out.l, left.basis).transpose(2, 0, 1)
        a, b = left.components(path.left), right.components(path.right)
        if a[0] in block.left and b[0] in block.right:
            matrix[:, p, _within(a, block.left), _within(b, block.right)] += table
        elif step.is_symmetric and b[0] in block.left and a[0] in block.right:
            matrix[:, p, _within(b, block.left), _within(a, block.right)] += table.transpose(0, 2, 1)
    return matrix.reshape(len(paths) * n_rows, -1)


def costed(step: Step, lines: Sequence[Line]) -> Step:
    """The step with its sizes, and the kernel that the cost model prefers."""
    blocks = blocks_of(step, lines)
    matrices = [coupling_matrix(step, lines, out, block) for block in blocks for out in block.outs]
    n_nonzero = int(sum(np.count_nonzero(m) for m in matrices))
    n_multiply_adds = sum(m.size for m in matrices)
    dense_s = 2 * n_multiply_adds / _GEMM_FLOP_PER_SECOND
    sparse_s = 4 * n_nonzero * BYTES / _STREAM_BYTES_PER_SECOND
    return replace(
        step,
        kernel="dense" if dense_s <= sparse_s else "sparse",
        n_pairs=sum(block.n_pairs for block in blocks),
        n_rows=sum(n_components(path.out, lines[step.out].basis) for path in step.paths),
        n_nonzero=n_nonzero,
        n_multiply_adds=n_multiply_adds,
    )


def _within(part: range, whole: range) -> slice:
    return slice(part[0] - whole[0], part[-1] + 1 - whole[0])
