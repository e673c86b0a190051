"""sum_j (Y_ij, h_j) as one native operation on edges: nothing but the sums is written to memory."""

from typing import List

import numpy as np
import torch
from torch import Tensor, nn

from fusionmd.fusion.basis import n_components
from fusionmd.native import schemas  # noqa: F401  defines the operations
from fusionmd.nn.leaves import component_range
from fusionmd.nn.message import NeighborSum
from fusionmd.nn.native.tables import linear


class NativeNeighborSum(nn.Module):
    """`NeighborSum` on edges sorted by receiver; its paths are those of the radial weights, in their order."""

    paths: Tensor

    def __init__(self, source: NeighborSum, n_channels: int) -> None:
        super().__init__()
        basis = source.groups[0].basis
        self.rows_in: List[int] = [n_components(irrep, basis) for irrep in source.carried["h_j"]]
        self.n_channels = n_channels
        self.rows: List[int] = list(source.rows)
        paths, columns, start = [], [], 0
        for group in source.groups:
            h_j = component_range(source.carried["h_j"], group.irrep, group.basis)
            for y, out in group.columns:
                paths.append((*component_range(source.carried["Y"], y, group.basis), *h_j))
                columns.append(start + group.rows_of(y, out).ravel())
            start += group.n_rows()
        self.register_buffer("paths", torch.from_numpy(np.array(paths, dtype=np.int32)), persistent=False)
        # The source's table reads its own order of (path, m1, m2); here paths come one after the other.
        self.tables = linear(source.exact("table")[0][:, np.concatenate(columns)])

    def forward(
        self, harmonics: Tensor, weights: Tensor, features: Tensor, senders: Tensor, offsets: Tensor, centers: Tensor
    ) -> Tensor:
        """harmonics: [n_edges, m].  weights: [n_edges, n_paths * c].  features: Of all nodes, a flat line.

        offsets: First edge of each of the n receivers, and the end [n + 1].  centers: Not read by this diagram.
        Returns the rows of each outgoing irrep as a flat line of n nodes.
        """
        return torch.ops.fusionmd.neighbor_sum(
            harmonics, weights, features, senders, offsets, self.paths, self.tables.packed(), self.tables.values(),
            self.rows, self.rows_in, self.n_channels,
        )  # fmt: skip
