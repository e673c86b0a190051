import io

import numpy as np
import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from fusionmd.errors import IrrepsError
from fusionmd.o3 import Irreps, SphericalHarmonics, assert_equivariant

Z = [0.0, 0.0, 1.0]
POLES = torch.tensor([Z, [0.0, 0.0, -2.0], [1e-9, -1e-9, 1.5], [1e-4, 0.0, -1.0], [0.0, 1.0, 0.0], [-3.0, 0.0, 0.0]])
POLES = POLES.double()


@pytest.fixture
def vectors():
    return torch.randn(30, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("l_max", [0, 1, 2, 3, 4, 6, 8])
def test_against_e3nn(l_max, vectors):
    """e3nn takes y for the polar axis: its (x, y, z) are our (y, z, x)."""
    o3 = pytest.importorskip("e3nn.o3")
    vectors = torch.cat([vectors, POLES])
    theirs = o3.spherical_harmonics(list(range(l_max + 1)), vectors[:, [1, 2, 0]], True, "component")
    torch.testing.assert_close(SphericalHarmonics(l_max)(vectors), theirs, atol=1e-12, rtol=0)


@pytest.mark.parametrize("l_max", [3, 6])
def test_against_sympy(l_max):
    """Znm of sympy, normalised to 1 on the sphere; ours to 4 pi. Its real harmonics carry (-1)^m: undone here."""
    sympy = pytest.importorskip("sympy")
    theta, phi = 0.8, 2.3
    vector = [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)]
    expected = []
    for l in range(l_max + 1):
        for m in range(-l, l + 1):
            y = complex(sympy.Ynm(l, abs(m), theta, phi).expand(func=True).evalf())
            part = y.real if m >= 0 else y.imag
            expected.append(part * (np.sqrt(2) * (-1) ** m if m else 1.0) * np.sqrt(4 * np.pi))
    ours = SphericalHarmonics(l_max)(torch.tensor([vector], dtype=torch.float64))[0]
    np.testing.assert_allclose(ours, expected, atol=1e-12)


@pytest.mark.parametrize("l_max", [2, 3, 6])
def test_equivariance(l_max):
    assert_equivariant(SphericalHarmonics(l_max), "xyz", Irreps.spherical_harmonics(l_max), tolerance=1e-12)


def test_normalisation_and_independence_of_length(vectors):
    harmonics = SphericalHarmonics(6)
    values = harmonics(vectors)
    for l in range(7):
        sums = values[:, l * l : (l + 1) ** 2].square().sum(1)
        torch.testing.assert_close(sums, torch.full_like(sums, 2 * l + 1), atol=1e-12, rtol=0)
    torch.testing.assert_close(harmonics(1e-3 * vectors), values, atol=1e-12, rtol=0)
    units = vectors / vectors.norm(dim=1, keepdim=True)
    torch.testing.assert_close(harmonics.of_directions(units), values, atol=1e-12, rtol=0)


def test_orthonormal_on_the_sphere():
    """Gauss-Legendre x trapezoidal quadrature, exact for products of degree 12."""
    cosines, weights = np.polynomial.legendre.leggauss(8)
    phi = 2 * np.pi * np.arange(16) / 16
    sines = np.sqrt(1 - cosines**2)
    grid = np.stack([np.outer(sines, np.cos(phi)), np.outer(sines, np.sin(phi)), np.outer(cosines, phi**0)], -1)
    values = SphericalHarmonics(6)(torch.from_numpy(grid)).numpy()
    gram = np.einsum("apm,apn,a->mn", values, values, weights) / 32
    np.testing.assert_allclose(gram, np.eye(49), atol=1e-12)


@pytest.mark.parametrize("l_max", [2, 3, 5])
def test_first_and_second_derivatives_at_the_poles(l_max):
    harmonics = SphericalHarmonics(l_max)
    points = POLES.clone().requires_grad_()
    assert torch.autograd.gradcheck(harmonics, points, atol=1e-7)
    assert torch.autograd.gradgradcheck(harmonics, points[:3].detach().requires_grad_(), atol=1e-6)


def test_gradients_are_tangential(vectors):
    points = torch.cat([vectors, POLES]).requires_grad_()
    values = SphericalHarmonics(4)(points)
    (gradient,) = torch.autograd.grad((values * torch.randn_like(values)).sum(), points)
    torch.testing.assert_close((gradient * points).sum(1), torch.zeros(len(points)).double(), atol=1e-11, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_vector_of_length_zero_stays_finite(dtype):
    points = torch.tensor([[0.0, 0.0, 0.0], [1e-12, 0.0, 0.0], Z], dtype=dtype, requires_grad=True)
    values = SphericalHarmonics(6)(points)
    (gradient,) = torch.autograd.grad(values.square().sum() + values.sum(), points, create_graph=True)
    (second,) = torch.autograd.grad(gradient.sum(), points)
    assert all(torch.isfinite(t).all() for t in (values, gradient, second))
    assert values[0, 0] == 1
    assert not values[0, 1:].any()


@pytest.mark.parametrize("l_max", [0, 1, 3, 5])
def test_torchscript_is_equal_and_survives_a_file(l_max, vectors):
    harmonics = SphericalHarmonics(l_max)
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(harmonics), buffer)
    buffer.seek(0)
    loaded = torch.jit.load(buffer)
    expected = harmonics(vectors)
    assert torch.equal(loaded(vectors), expected)
    assert torch.equal(loaded(vectors.reshape(5, 6, 3)), expected.reshape(5, 6, -1))
    assert torch.equal(loaded.of_directions(vectors), harmonics.of_directions(vectors))


def test_traced_with_its_gradient_for_any_size(vectors):
    harmonics = SphericalHarmonics(4)

    def derivative(v, cotangent):
        v = v.detach().requires_grad_()
        return torch.autograd.grad(harmonics(v), v, cotangent)[0]

    cotangent = torch.ones(30, 25, dtype=torch.float64)
    graph = make_fx(derivative, tracing_mode="symbolic", _allow_non_fake_inputs=True)(vectors, cotangent)
    torch.testing.assert_close(graph(vectors[:7], cotangent[:7]), derivative(vectors[:7], cotangent[:7]))


@pytest.mark.parametrize("shape", [(3,), (0, 3), (4, 3), (2, 0, 3), (2, 5, 3)])
@pytest.mark.parametrize("l_max", [0, 3, 4])
def test_shapes(shape, l_max):
    assert SphericalHarmonics(l_max)(torch.ones(shape)).shape == (*shape[:-1], (l_max + 1) ** 2)


def test_dtype_follows_the_input_and_no_digits_are_lost(vectors):
    harmonics = SphericalHarmonics(5)
    expected = harmonics(vectors)
    single = harmonics.float()(vectors.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), expected, atol=2e-5, rtol=0)
    assert torch.equal(harmonics.double()(vectors), expected)
    assert not list(harmonics.parameters())
    assert not harmonics.state_dict()


def test_a_negative_degree_is_refused():
    with pytest.raises(IrrepsError, match="l_max = -1"):
        SphericalHarmonics(-1)
