"""Weights that do not fit a model are refused with a reason, never half copied silently."""

import pytest
import torch
from torch import nn

from fusionmd.errors import PotentialFormatError
from fusionmd.training.trained import fill_


def test_fill_copies_by_name():
    weights = {"weight": torch.full((1, 2), 3.0), "bias": torch.zeros(1)}
    assert torch.equal(fill_(nn.Linear(2, 1), weights).weight, weights["weight"])


@pytest.mark.parametrize("weights, said", [({"weight": torch.zeros(2, 2)}, "weight are of shape"), ({}, "are missing")])
def test_fill_refuses_what_does_not_fit(weights, said):
    with pytest.raises(PotentialFormatError, match=said):
        fill_(nn.Linear(2, 1), weights)


def test_tables_that_the_code_makes_are_not_weights():
    model = nn.Linear(2, 1)
    model.register_buffer("table", torch.ones(3), persistent=False)
    weights = {"weight": torch.zeros(1, 2), "bias": torch.zeros(1), "table": torch.zeros(7)}
    assert torch.equal(fill_(model, weights).table, torch.ones(3))
