"""The parts of a layer as steps of a native program: sums over neighbours, vertices, path weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from fusionmd.fusion.basis import Basis, n_components
from fusionmd.fusion.contraction import Contraction, PathMixing, VertexStep
from fusionmd.fusion.plan import Plan
from fusionmd.fusion.steps import coupling_matrix
from fusionmd.nn.centered_sum import CenteredSum
from fusionmd.nn.leaves import component_range, leaf_name
from fusionmd.nn.linear import ChannelMixing
from fusionmd.nn.message import NeighborSum
from fusionmd.nn.message_sum import MessageSum
from fusionmd.nn.native.program import Line, ProgramWriter
from fusionmd.nn.native.tables import Terms, linear, trilinear
from fusionmd.nn.product import Product
from fusionmd.o3.irreps import Irrep


def write_message(program: ProgramWriter, source: MessageSum, centers: Line) -> Line:
    """The message of each node, paths not yet mixed."""
    if not isinstance(source, CenteredSum):
        return write_neighbor_sum(program, cast(NeighborSum, source))
    summed = write_mixing(program, write_neighbor_sum(program, source.neighbor_sum), cast(PathMixing, source.mixing))
    above, irreps = source.above, source.carried["h_i"]
    leaves = [part_of(centers, irreps, line.irreps) for line in above.leaf_lines[:-1]]
    return write_contraction(program, above, source.contraction, [*leaves, summed])[-1]


def write_neighbor_sum(program: ProgramWriter, source: NeighborSum) -> Line:
    """sum_j (Y_ij, h_j); its paths are those of the radial weights, in their order."""
    columns, start = [], 0
    for group in source.groups:
        h_j = component_range(source.carried["h_j"], group.irrep, group.basis)
        for y, out in group.columns:
            program.paths += [*component_range(source.carried["Y"], y, group.basis), *h_j]
            columns.append(start + group.rows_of(y, out).ravel())
        start += group.n_rows()
    # The source's table reads its own order of (path, m1, m2); here paths come one after the other.
    program.tables += linear(source.exact("table")[0][:, np.concatenate(columns)])
    program.summed = program.scratch(source.rows)
    return program.summed


def write_mixing(program: ProgramWriter, paths: Line, source: PathMixing | ChannelMixing) -> Line:
    """A new line of channel matrices times paths."""
    out = program.scratch(source.dims)
    program.mix(paths, list(source.weights), out)
    return out


def write_contraction(program: ProgramWriter, plan: Plan, source: Contraction, leaves: Sequence[Line]) -> list[Line]:
    """Leaf lines -> the same, followed by the paths of every vertex."""
    lines, found = list(leaves), list(leaves)
    for k, vertex in enumerate(cast(Sequence[VertexStep], source.steps)):
        step = plan.steps[k]
        line = plan.lines[step.out]
        paths = program.scratch([n_components(i, plan.basis) * len(step.paths_to(i)) for i in line.distinct])
        terms, values = vertex_terms(plan, k)
        sizes = [
            sum(program.pieces[piece][1] for piece in each) for each in (paths, lines[step.left], lines[step.right])
        ]
        tables = trilinear(terms, values, sizes, square=step.left == step.right)
        program.couple(lines[step.left], lines[step.right], tables, paths)
        found.append(paths)
        lines.append(write_mixing(program, paths, cast(PathMixing, vertex.mixing)) if vertex.is_internal else paths)
    return found


def vertex_terms(plan: Plan, k: int) -> tuple[Terms, np.ndarray]:
    """Non-zero couplings of a vertex: (row, component of the left leg, of the right leg) [n, 3], and values [n]."""
    step, start = plan.steps[k], 0
    terms, values = [np.zeros((0, 3), dtype=np.int64)], [np.zeros(0)]
    for out in plan.lines[step.out].distinct:
        n_rows = n_components(out, plan.basis) * len(step.paths_to(out))
        for block in step.blocks:
            if out in block.outs:
                matrix = coupling_matrix(step, plan.lines, out, block)
                row, pair = np.nonzero(matrix)
                left, right = divmod(pair, len(block.right))
                terms.append(np.stack([start + row, block.left[0] + left, block.right[0] + right], 1))
                values.append(matrix[row, pair])
        start += n_rows
    return np.concatenate(terms), np.concatenate(values)


def write_product(
    program: ProgramWriter, plan: Plan, source: Product, carried: Mapping[str, tuple[Line, Sequence[Irrep]]]
) -> Line:
    """Many-body products of named lines with their path weights: the target, channels not yet mixed."""
    leaves = [part_of(*carried[leaf_name(line)], line.irreps) for line in plan.leaf_lines]
    found, contraction = write_contraction(program, plan, source.contraction, leaves), source.contraction
    out = program.scratch(contraction.dims)
    scales = list(source.weights)
    first = [0] * len(out)
    for piece, n_paths, target in _outputs(plan, contraction, found):
        program.weigh(piece, scales[target], n_paths, first[target], out[target])
        first[target] += n_paths
    return out


def _outputs(plan: Plan, source: Contraction, found: Sequence[Line]) -> list[tuple[int, int, int]]:
    """(piece, number of paths, irrep of the target), as the source orders its paths."""
    wanted = []
    for line, start, target in source.bare:
        starts = np.cumsum([0, *(n_components(irrep, plan.basis) for irrep in plan.lines[line].irreps)]).tolist()
        wanted.append((found[line][starts.index(start)], 1, target))
    for k, targets in enumerate(source.slots):
        step, paths = plan.steps[k], found[len(plan.leaf_lines) + k]
        for irrep, piece, target in zip(plan.lines[step.out].distinct, paths, targets, strict=True):
            if target >= 0:
                wanted.append((piece, len(step.paths_to(irrep)), target))
    return wanted


def part_of(line: Line, irreps: Sequence[Irrep], wanted: Sequence[Irrep]) -> Line:
    """The pieces of a line that carries `irreps` which a leaf reads."""
    return [line[list(irreps).index(irrep)] for irrep in wanted]


def rows_of(irreps: Sequence[Irrep], basis: Basis) -> list[int]:
    """Components of each irrep."""
    return [n_components(irrep, basis) for irrep in irreps]
