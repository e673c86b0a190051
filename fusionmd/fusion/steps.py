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

from fusionmd.errors import DiagramError
from fusionmd.fusion.basis import Basis, coupling, n_components
from fusionmd.o3.irreps import Irrep

Kernel = Literal["dense", "gathered", "sparse"]
BYTES = 4
_MAX_ENTRIES = 2**27
_GEMM_FLOP_PER_SECOND = 5e10
_STREAM_BYTES_PER_SECOND = 5e9
_PASSES: dict[Kernel, int] = {"dense": 6, "gathered": 10, "sparse": 12}
"""How often a product goes through memory, forward and backward."""


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
    """Products of components of the legs, one parity each, and the irreps they feed.

    kernel: `dense` makes the whole outer product, `gathered` the pairs that some coupling needs; both then multiply by
    the coupling matrix. `sparse` goes through the non-zero couplings one by one.
    """

    left: range
    right: range
    outs: tuple[Irrep, ...]
    kernel: Kernel = "dense"
    n_rows: int = 0
    n_needed: int = 0
    n_nonzero: int = 0

    @property
    def n_pairs(self) -> int:
        """Number of products of two components."""
        every = len(self.left) * len(self.right)
        return {"dense": every, "gathered": self.n_needed, "sparse": self.n_nonzero}[self.kernel]

    @property
    def n_multiply_adds(self) -> int:
        """Multiplications by coupling coefficients."""
        return self.n_nonzero if self.kernel == "sparse" else self.n_rows * self.n_pairs

    @property
    def seconds(self) -> float:
        """Rough time per node and channel, by which kernels are chosen."""
        streamed = _PASSES[self.kernel] * self.n_pairs * BYTES / _STREAM_BYTES_PER_SECOND
        gemm = 0.0 if self.kernel == "sparse" else 6 * self.n_multiply_adds / _GEMM_FLOP_PER_SECOND
        return streamed + gemm


@dataclass(frozen=True)
class Step:
    """One vertex for all its labellings; legs and result are positions in `Plan.lines`."""

    name: str
    left: int
    right: int
    out: int
    paths: tuple[Path, ...]
    is_symmetric: bool
    blocks: tuple[Block, ...] = ()
    n_rows: int = 0

    def paths_to(self, irrep: Irrep) -> tuple[Path, ...]:
        """The couplings that end in `irrep`, in the order of their weights."""
        return tuple(path for path in self.paths if path.out == irrep)

    @property
    def kernel(self) -> str:
        """The kernels of its blocks."""
        return "+".join(sorted({block.kernel for block in self.blocks}))

    @property
    def n_pairs(self) -> int:
        """Number of products of two components."""
        return sum(block.n_pairs for block in self.blocks)

    def flop(self, n_channels: int) -> int:
        """Floating point operations per node: products of pairs, then the Clebsch-Gordan contraction."""
        return n_channels * sum(block.n_pairs + 2 * block.n_multiply_adds for block in self.blocks)

    def bytes(self, n_channels: int) -> int:
        """What it writes per node in float32: products and rows."""
        return sum(block.n_pairs + block.n_rows for block in self.blocks) * n_channels * BYTES


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


def block_matrix(step: Step, lines: Sequence[Line], block: Block) -> NDArray[np.float64]:
    """The coupling matrices of all irreps that `block` feeds, one below the other."""
    return np.concatenate([coupling_matrix(step, lines, out, block) for out in block.outs])


def costed(step: Step, lines: Sequence[Line]) -> Step:
    """The step with its blocks: one per pair of parities, unordered pairs once, each with the cheapest kernel.

    Raises DiagramError where a coupling matrix would fill gigabytes.
    """
    left, right = lines[step.left].parity_ranges, lines[step.right].parity_ranges
    blocks = []
    for p, a in left.items():
        for q, b in right.items():
            outs = tuple(irrep for irrep in lines[step.out].distinct if irrep.p == p * q)
            if outs and not (step.is_symmetric and p < q):
                blocks.append(_cheapest(step, lines, Block(a, b, outs)))
    n_rows = sum(n_components(path.out, lines[step.out].basis) for path in step.paths)
    # The truncations may leave no path between two parities although an irrep of their product is wanted.
    return replace(step, blocks=tuple(block for block in blocks if block.n_needed), n_rows=n_rows)


def _cheapest(step: Step, lines: Sequence[Line], block: Block) -> Block:
    _demand_room(step, lines[step.out].basis, block)
    matrix = block_matrix(step, lines, block)
    needed = int(np.count_nonzero(np.any(matrix != 0, axis=0)))
    sized = replace(block, n_rows=len(matrix), n_needed=needed, n_nonzero=int(np.count_nonzero(matrix)))
    return min((replace(sized, kernel=kernel) for kernel in _PASSES), key=lambda choice: choice.seconds)


def _demand_room(step: Step, basis: Basis, block: Block) -> None:
    n_rows = sum(n_components(out, basis) * len(step.paths_to(out)) for out in block.outs)
    n_entries = n_rows * len(block.left) * len(block.right)
    if n_entries > _MAX_ENTRIES:
        raise DiagramError(
            f"the vertex {step.name} needs a coupling matrix of {n_entries:.0e} numbers in the {basis} basis; "
            "truncate lines with '@n'" + (", or use the spherical basis" if basis == "cartesian" else "")
        )


def _within(part: range, whole: range) -> slice:
    return slice(part[0] - whole[0], part[-1] + 1 - whole[0])
