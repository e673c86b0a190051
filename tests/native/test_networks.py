"""Networks in native operations against themselves in torch: energies and gradients, whole and in parts."""

import pytest
import torch

from fusionmd.graph import graph_of
from fusionmd.potential.contract import native_forms, with_ghost_exchange
from fusionmd.potential.torchscript import differentiable, scripted
from fusionmd.structure import Structure
from tests.models.nets import ELEMENTS, KINDS, molecule, net, of_kind

WITHOUT = {"no internal mixing", "bare edges", "centre on edges", "two harmonics", "centre everywhere, cartesian"}
NATIVE = [kind for kind in KINDS if kind not in WITHOUT]
ALONE = Structure([6], [[0.0, 0.0, 0.0]])


def contributions_and_gradients(model, structure, n_local):
    graph = graph_of(structure, ELEMENTS, model.cutoff)
    vectors = graph.edge_vectors.requires_grad_(True)
    with differentiable():
        values = model(vectors, graph.senders, graph.receivers, graph.slots, graph.species, n_local)
        weights = torch.linspace(0.5, 1.0, values.numel(), dtype=values.dtype).view(values.shape)
        (gradients,) = torch.autograd.grad((values * weights).sum(), vectors, allow_unused=True, materialize_grads=True)
    return values.detach(), gradients


def assert_equal(native, model, structure, n_local=None):
    n = structure.n_atoms if n_local is None else n_local
    found = contributions_and_gradients(native, structure, n)
    for ours, theirs in zip(found, contributions_and_gradients(model, structure, n), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("n_channels", [3, 8, 19, 43])  # fewer than a register, one, one and the rest, two to four
@pytest.mark.parametrize("kind", NATIVE)
def test_the_same_numbers(kind, n_channels):
    model = net(**KINDS[kind] | {"n_channels": n_channels})
    native = scripted(model.native())
    assert_equal(native, model, molecule(9))
    assert_equal(native, model, molecule(9), n_local=4)


@pytest.mark.parametrize("kind", sorted(WITHOUT))
def test_what_has_no_native_form_says_so(kind):
    assert of_kind(kind).native() is None
    assert native_forms([of_kind("default"), of_kind(kind)]) == []


@pytest.mark.parametrize(("l_max", "hidden_irreps"), [(0, "0e"), (1, "0e + 1o"), (3, "0e"), (2, "0e + 1o + 2e + 3o")])
def test_degrees(l_max, hidden_irreps):
    model = net(l_max=l_max, hidden_irreps=hidden_irreps)
    assert_equal(scripted(model.native()), model, molecule(6))


def test_high_degrees_have_no_native_form():
    assert net(l_max=4).native() is None


@pytest.mark.parametrize("kind", ["default", "one layer", "centre after the sum"])
def test_sizes(kind):
    """One atom, nobody owned, atoms without neighbours."""
    model = of_kind(kind)
    native = scripted(model.native())
    far = Structure([6, 1, 8], [[0.0, 0.0, 0.0], [0.0, 0.0, 1.1], [50.0, 0.0, 0.0]])
    for structure, n_local in ((ALONE, 1), (molecule(4), 0), (far, 3), (far, 2)):
        assert_equal(native, model, structure, n_local)


@pytest.mark.parametrize("kind", ["default", "tensors between layers"])
def test_exchange_sees_every_node(kind):
    model = with_ghost_exchange(of_kind(kind))
    native = model.native()
    assert native.exchanges and not of_kind(kind).native().exchanges
    assert_equal(scripted(native), model, molecule(7), n_local=5)


def test_threads_change_nothing():
    model, structure = of_kind("default"), molecule(24)
    native, n_threads = scripted(model.native()), torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert_equal(native, model, structure)
    finally:
        torch.set_num_threads(n_threads)


def test_float32():
    model = net(n_channels=32)
    exact = contributions_and_gradients(model, molecule(9), 9)
    single = model.float()
    graph = graph_of(molecule(9), ELEMENTS, model.cutoff)
    with differentiable():
        vectors = graph.edge_vectors.float()
        values = scripted(single.native())(vectors, graph.senders, graph.receivers, graph.slots, graph.species, 9)
    torch.testing.assert_close(values.double(), exact[0], rtol=1e-5, atol=1e-5)


def test_descriptors():
    model, graph = of_kind("default"), graph_of(molecule(6), ELEMENTS, 4.0)
    arguments = (graph.edge_vectors, graph.senders, graph.receivers, graph.slots, graph.species, 6)
    with torch.no_grad():
        torch.testing.assert_close(scripted(model.native()).descriptors(*arguments), model.descriptors(*arguments))


def test_weights_are_those_of_the_source():
    model = net()
    names = {name for name, _ in model.named_parameters()}
    native = dict(model.native().named_parameters())
    assert set(native) <= names and {"embedding", "layers.0.radial.last", "layers.1.product.weights.0"} <= set(native)
    assert all(tensor.data_ptr() == dict(model.named_parameters())[name].data_ptr() for name, tensor in native.items())
