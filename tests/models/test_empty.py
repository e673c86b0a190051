"""A rank or block may own nothing, and have no nodes at all."""

import pytest
import torch

from fusionmd.models import build_model
from fusionmd.potential.contract import GhostExchange, with_ghost_exchange


class Counting(GhostExchange):
    """Counts its calls and keeps the width of what passes."""

    def __init__(self):
        super().__init__()
        self.widths = []

    def forward(self, h):
        self.widths.append(h.shape[1])
        return super().forward(h)


@pytest.mark.parametrize("n_nodes", [0, 3])
def test_nothing_owned(n_nodes):
    settings = {"name": "fusion_net", "n_channels": 4, "l_max": 1, "n_layers": 3, "radial_widths": [4]}
    model = with_ghost_exchange(build_model(settings, elements=[1, 8], statistics={}))
    model.exchange = Counting()
    senders = torch.tensor([1, 0], dtype=torch.int64)[: 2 if n_nodes else 0]
    vectors = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])[: len(senders)]
    slots = torch.full((n_nodes, 4), len(senders))
    species = torch.zeros(n_nodes, dtype=torch.int64)
    values = model(vectors, senders, senders.flip(0), slots, species, 0)
    assert values.shape == (0, 1)
    assert model.exchange.widths == [16, 16]  # (0e + 1o) x 4 channels, once before each later layer
