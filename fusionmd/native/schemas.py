"""What the native operations are called and take: so that models that use them can be scripted without the library.

Lines are flat: irrep after irrep, each [n_nodes, rows, n_channels]; `rows` lists the rows of each irrep. `turned` are
transposed weights, for the backward pass. The library (`fusionmd.native.library`) supplies the kernels and their first
derivatives.
"""

from __future__ import annotations

import torch

SCHEMAS = {
    "couple": "(Tensor a, Tensor b, Tensor[] tables, Tensor[] values, int[] rows_out, int[] rows_a, int[] rows_b, "
    "int n_channels) -> Tensor",
    "mix": "(Tensor paths, Tensor[] weights, Tensor[] turned, int[] rows_in, int[] rows_out, int n_channels) -> Tensor",
    "weigh": "(Tensor[] lines, Tensor[] weights, Tensor species, int[] sources, int[] rows, int n_channels) -> Tensor",
    "neighbor_sum": "(Tensor harmonics, Tensor weights, Tensor features, Tensor senders, Tensor offsets, "
    "Tensor paths, Tensor[] tables, Tensor[] values, int[] rows, int[] rows_in, int n_channels) -> Tensor",
    "radial": "(Tensor basis, Tensor envelope, Tensor pairs, Tensor pair_shift, Tensor[] hidden, Tensor last, "
    "Tensor[] turned) -> Tensor",
    "edge_basis": "(Tensor vectors, Tensor coefficients, Tensor frequencies, float cutoff, int power) -> "
    "(Tensor, Tensor, Tensor)",
}


def _define() -> None:
    """Once per process; the library, or an engine that loaded it, may have been there first."""
    for name, schema in SCHEMAS.items():
        if not hasattr(torch.ops.fusionmd, name):
            torch.library.define(f"fusionmd::{name}", schema)


_define()
