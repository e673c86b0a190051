"""A layer as one native operation, on edges instead of padded slots."""

from typing import List, cast

import torch
from torch import Tensor, nn

from fusionmd.nn.centered_sum import CenteredSum
from fusionmd.nn.layer import Layer
from fusionmd.nn.linear import ChannelMixing
from fusionmd.nn.message import NeighborSum
from fusionmd.nn.native.parts import rows_of, write_message, write_mixing, write_product
from fusionmd.nn.native.program import CENTERS, TARGET, Line, ProgramWriter
from fusionmd.nn.native.turned import turned
from fusionmd.nn.native.weights import LayerWeights


def has_native_form(layer: Layer) -> bool:
    """Whether there are native operations for all that the layer does."""
    return isinstance(layer.message_sum, (NeighborSum, CenteredSum)) and layer.has_mixing


class NativeLayer(LayerWeights):
    """`Layer` for edges sorted by receiver and features on flat lines, with the parameters of its source."""

    turned: List[Tensor]

    def __init__(self, source: Layer) -> None:
        super().__init__(source)
        self.n_channels = source.n_channels
        self.rows_in: List[int] = rows_of(source.carried["h_i"], source.product_plan.basis)
        n_hidden = len(source.radial.hidden)
        writer = ProgramWriter(self.n_channels, n_hidden, self.rows_in, self.matrices(), self.scales())
        program = program_of(source, writer)
        self.program: List[int] = program.numbers()
        self.tables = nn.ModuleList(program.tables)
        self.turned = []

    def forward(
        self,
        h: Tensor,
        features: Tensor,
        species: Tensor,
        senders: Tensor,
        offsets: Tensor,
        harmonics: Tensor,
        basis: Tensor,
        envelope: Tensor,
        pairs: Tensor,
    ) -> Tensor:
        """One step for n centres.

        h: Features of the centres, a flat line of n nodes.  features: Mixed features of all nodes, flat.
        species: [n].  senders, harmonics, basis, envelope, pairs: per edge [n_edges, ...].
        offsets: First edge of each centre, and the end [n + 1].  Returns the target, a flat line of n nodes.
        """
        matrices = self.matrices()
        self.turned = turned(matrices, self.turned)
        packed: List[Tensor] = []
        values: List[Tensor] = []
        for table in self.tables:
            packed.append(table.packed)  # type: ignore[arg-type]
            values.append(table.values)  # type: ignore[arg-type]
        scales: List[Tensor] = []
        for scale in self.scales():
            scales.append(scale.view(scale.size(0), -1, self.n_channels))
        return torch.ops.fusionmd.layer(
            h, features, harmonics, basis, envelope, species, senders, offsets, pairs, self.radial.pair_shift,
            matrices, self.turned, scales, packed, values, self.program,
        )  # fmt: skip


def program_of(source: Layer, program: ProgramWriter) -> ProgramWriter:
    """The steps of a layer; its first tables sum over neighbours."""
    plan, rows = source.product_plan, program.feature_rows
    h, target = program.line(CENTERS, rows), program.line(TARGET, source.out.dims)
    centers = write_mixing(program, h, cast(ChannelMixing, source.center)) if source.reads_centers else h
    paths = write_message(program, source.message_sum, centers)
    lines = {"A": write_mixing(program, paths, source.mixing), "h_i": centers}
    carried = {name: (line, source.carried[name]) for name, line in lines.items()}
    program.mix(write_product(program, plan, source.product, carried), list(source.out.weights), target)
    if source.n_skip > 0:
        write_skip(program, source, h, target)
    return program


def write_skip(program: ProgramWriter, source: Layer, h: Line, target: Line) -> None:
    """Old features, scaled by species and mixed, are added to the new ones of the same irreps, which come first."""
    skip = cast(ChannelMixing, source.skip)
    scaled = program.scratch(skip.dims)
    for piece, out in zip(h, scaled):
        program.weigh(piece, source.skip_scale, 1, 0, out)
    program.mix(scaled, list(skip.weights), target[: len(scaled)])
