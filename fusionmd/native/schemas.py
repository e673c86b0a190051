"""What the native operations are called and take: so that models that use them can be scripted without the library.

Lines are flat: irrep after irrep, each [n_nodes, rows, n_channels]; `rows` lists the rows of each irrep. `turned` are
transposed weights, for the backward pass. The library (`fusionmd.native.library`) supplies the kernels and their first
derivatives.
"""

from __future__ import annotations

import torch

SCHEMAS = {
    "mix": "(Tensor line, Tensor[] weights, Tensor[] turned, int[] rows, int n_channels) -> Tensor",
    "layer": "(Tensor h, Tensor features, Tensor harmonics, Tensor basis, Tensor envelope, Tensor species, "
    "Tensor senders, Tensor offsets, Tensor pairs, Tensor pair_shift, Tensor[] matrices, Tensor[] turned, "
    "Tensor[] scales, Tensor[] tables, Tensor[] values, int[] program) -> Tensor",
    "edge_basis": "(Tensor vectors, Tensor coefficients, Tensor frequencies, float cutoff, int power) -> "
    "(Tensor, Tensor, Tensor)",
}


def _define() -> None:
    """Once per process; the library, or an engine that loaded it, may have been there first."""
    for name, schema in SCHEMAS.items():
        if not hasattr(torch.ops.fusionmd, name):
            torch.library.define(f"fusionmd::{name}", schema)


_define()
