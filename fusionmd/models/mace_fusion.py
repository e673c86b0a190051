"""`mace_fusion`: MACE whose messages and products are fusion blocks.

Messages gain the diagram ((Y, h_j), h_i), products a channel matrix on every internal leg, and internal labels are
truncated (Li, Pengmei et al., Mach. Learn.: Sci. Technol. 5, 025044 (2024), section 4). With unit matrices on the
internal legs of products and no weight on the added message it is `mace` with the same `inner_l_max`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from fusionmd.models.mace import MaceConfig, layers_of, network
from fusionmd.nn.atomic_network import AtomicNetwork
from fusionmd.nn.fusion_product import FusionProduct


class MaceFusionConfig(MaceConfig):
    """MACE with fusion blocks: the centre is a leg of messages, and internal legs of products mix channels."""

    inner_l_max: int | None = Field(default=2, ge=0, description="internal legs of products: l <= this, natural parity")
    message_inner_l_max: int = Field(default=2, ge=0, description="internal leg of ((Y, h_j), h_i): l <= this")

    @property
    def messages(self) -> tuple[str, str]:
        """The two edge diagrams."""
        out = f"@{self.l_max}+"
        return f"(Y, h_j){out}", f"((Y, h_j)@{self.message_inner_l_max}+, h_i){out}"


def mace_fusion(config: MaceFusionConfig, *, elements: Sequence[int], statistics: Mapping[str, Any]) -> AtomicNetwork:
    """The network for `elements` with random weights."""
    layers = layers_of(config, config.messages, FusionProduct, len(elements), statistics)
    return network(config, layers, elements, statistics)
