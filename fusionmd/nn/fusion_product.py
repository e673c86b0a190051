"""Many-body products with channel matrices on their internal legs: the fusion block of a resolved plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import List

from torch import Tensor, nn

from fusionmd.fusion.contraction import PathCopies
from fusionmd.fusion.plan import Plan
from fusionmd.nn.linear import ChannelMixing
from fusionmd.nn.product import Product
from fusionmd.o3.irreps import Irrep


class MixedCopies(nn.Module):
    """Every path is a copy of its irrep on the line, as in `PathCopies`, and each copy has a channel matrix."""

    def __init__(self, copies: PathCopies, irreps: Sequence[Irrep], n_channels: int, plan: Plan) -> None:
        super().__init__()
        self.copies = copies
        self.mixing = ChannelMixing(irreps, n_channels, n_channels, basis=plan.basis)

    def forward(self, paths: List[Tensor]) -> Tensor:
        """For each irrep [n, m * n_paths, c] -> [n, sum(n_paths * m), c]."""
        return self.mixing(self.copies(paths))


class FusionProduct(Product):
    """`Product` over full labellings with a learnable matrix on every internal leg; with unit matrices it is `Product`.

    B_i^L = sum w_{z_i} (W_(l1 l2 l12) (A_l1, A_l2)^l12, A_l3)^L. Li, Pengmei et al., Mach. Learn.: Sci. Technol. 5,
    025044 (2024), section 3.
    """

    def __init__(
        self,
        plan: Plan,
        carried: Mapping[str, Sequence[Irrep]],
        target: Sequence[Irrep],
        n_channels: int,
        n_species: int,
        *,
        mixing: bool = False,
    ) -> None:
        super().__init__(plan, carried, target, n_channels, n_species, mixing=mixing)
        for k, step in enumerate(self.contraction.steps):
            if step.is_internal:
                irreps = plan.lines[plan.steps[k].out].irreps
                step.mixing = MixedCopies(step.mixing, irreps, n_channels, plan)  # type: ignore[arg-type]
