"""The network in its other forms: scripted, traced for training, and in another precision."""

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from fusionmd.graph import graph_of
from fusionmd.models import build_model
from tests.models.nets import ELEMENTS, KINDS, SMALL, STATISTICS, atomic_energies, energy_and_forces, molecule, of_kind


@pytest.mark.parametrize("kind", KINDS)
def test_scripted_is_eager(kind: str) -> None:
    model, structure = of_kind(kind), molecule()
    scripted = torch.jit.script(model)
    expected, forces = energy_and_forces(model, structure)
    found, scripted_forces = energy_and_forces(scripted, structure)
    assert abs(found - expected) <= 1e-13 * abs(expected)
    assert (scripted_forces - forces).abs().max() <= 1e-13 * forces.abs().max()
    graph = graph_of(structure, ELEMENTS, model.cutoff)
    arguments = (graph.edge_vectors, graph.senders, graph.receivers, graph.slots, graph.species, 4)
    described = model.descriptors(*arguments)
    assert described.shape == (4, model.n_hops * SMALL["n_channels"])
    torch.testing.assert_close(scripted.descriptors(*arguments), described, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("kind", ["default", "centre on edges", "centre everywhere, cartesian"])
def test_a_training_step_traces(kind: str) -> None:
    """What training does: the gradient by parameters of a loss on forces, as one graph of fixed sizes."""
    model = of_kind(kind, 1)
    names = [name for name, _ in model.named_parameters()]

    def slopes(vectors, *rest):
        (senders, receivers, slots, species), values = rest[:4], rest[4:]
        vectors = vectors.detach().requires_grad_(True)
        parameters = [value.detach().requires_grad_(True) for value in values]
        arguments = (vectors, senders, receivers, slots, species, species.shape[0])
        energies = torch.func.functional_call(model, dict(zip(names, parameters, strict=True)), arguments)
        (forces,) = torch.autograd.grad(energies.sum(), vectors, create_graph=True)
        loss = energies.square().sum() + forces.square().sum()
        return torch.autograd.grad(loss, [p for p in parameters if p.numel()], allow_unused=True)

    values = [parameter.detach() for parameter in model.parameters()]
    inputs = graph_of(molecule(), ELEMENTS, model.cutoff)[:5]
    traced = make_fx(slopes)(*inputs, *values)
    changed = [value * 1.1 for value in values]
    found, expected = traced(*inputs, *changed), slopes(*inputs, *changed)
    assert sum(x is not None and bool(x.any()) for x in expected) > len(names) / 2
    for x, y in zip(found, expected, strict=True):
        assert (x is None) == (y is None)
        if y is not None:
            assert (x - y).abs().max() <= 1e-10 * max(1.0, float(y.abs().max()))


@pytest.mark.parametrize("kind", ["default", "no internal mixing", "cartesian", "repulsion"])
def test_tables_stay_exact_through_single_precision(kind: str) -> None:
    """Weights round to float32, tables do not: a model that went through float32 is the one made in float64."""
    torch.manual_seed(4)
    single = build_model({**SMALL, **KINDS[kind]}, elements=ELEMENTS, statistics=STATISTICS)
    assert all(x.dtype == torch.float32 for x in single.parameters())
    state = {name: value.double() for name, value in single.state_dict().items()}
    double = build_model({**SMALL, **KINDS[kind]}, elements=ELEMENTS, statistics=STATISTICS).double()
    double.load_state_dict(state)
    back = single.double().float().double()
    tables = dict(double.named_buffers())
    assert len(tables) > 4 and all(torch.equal(x, tables[name]) for name, x in back.named_buffers())
    assert torch.equal(atomic_energies(back, molecule()), atomic_energies(double, molecule()))


def test_single_precision_is_near() -> None:
    torch.manual_seed(4)
    model = build_model(SMALL, elements=ELEMENTS, statistics=STATISTICS)
    graph = graph_of(molecule(), ELEMENTS, model.cutoff, dtype=torch.float32)
    values = model(graph.edge_vectors, graph.senders, graph.receivers, graph.slots, graph.species, graph.n_nodes)
    assert values.dtype == torch.float32
    expected = atomic_energies(model.double(), molecule())
    assert (values - expected).abs().max() <= 1e-5 * expected.abs().max()
