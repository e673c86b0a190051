"""Heads: energies, their first and second derivatives, per-atom shares, couplings, and a potential with them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fusionmd.errors import MissingQuantityError, PotentialFormatError
from fusionmd.potential import export_potential, load_potential
from fusionmd.potential.heads import CharacteristicHead, DiabaticHead, build_head
from fusionmd.structure import Structure
from tests.toy_model import ToyModel

E0 = {1: -1.0, 8: -5.0}


def totals_of(n_outputs: int) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(n_outputs).normal(size=(5, n_outputs)), requires_grad=True)


def by_eigh(head: DiabaticHead, totals: torch.Tensor) -> torch.Tensor:
    return torch.linalg.eigvalsh(head.matrix(totals))


@pytest.mark.parametrize("n_outputs", [3, 6, 10])
def test_diabatic_energies_have_the_derivatives_of_eigenvalues(n_outputs):
    head, totals = torch.jit.script(DiabaticHead(n_outputs)), totals_of(n_outputs)
    energies, rows = head(totals)
    assert torch.allclose(energies, by_eigh(head, totals), rtol=0, atol=1e-13)
    for state in range(head.n_states):
        (slope,) = torch.autograd.grad(energies[:, state].sum(), totals, retain_graph=True)
        assert torch.allclose(slope, rows[:, state], rtol=0, atol=1e-13)
        ours, exact = (
            torch.autograd.functional.hessian(lambda x, f=f, k=state: f(x)[:, k].sum(), totals.detach())
            for f in (lambda x: head(x)[0], lambda x: by_eigh(head, x))
        )
        assert torch.allclose(ours, exact, rtol=1e-9, atol=1e-9)


def test_second_derivatives_stay_finite_where_states_meet():
    totals = torch.zeros(1, 6, dtype=torch.float64)
    found = torch.autograd.functional.hessian(lambda x: DiabaticHead(6)(x)[0].pow(2).sum(), totals)
    assert torch.isfinite(found).all()
    outputs = torch.tensor([[0.3, 0.0, 0.4]], dtype=torch.float64)
    assert torch.isfinite(torch.autograd.functional.hessian(lambda x: CharacteristicHead(3)(x)[0][0, 1], outputs)).all()


@pytest.mark.parametrize("n_outputs", [3, 4])
def test_characteristic_energies(n_outputs):
    head = torch.jit.script(CharacteristicHead(n_outputs))
    apart = 0.3 * torch.arange(n_outputs - 1)
    energies = torch.sort(totals_of(n_outputs)[:, : n_outputs - 1].detach())[0] + apart
    totals = CharacteristicHead(n_outputs).outputs_of(energies)
    totals = (
        totals * torch.tensor([1.0, 1.25, 0.8, 0.64], dtype=torch.float64)[:n_outputs]
    )  # other factors, the same p and q
    totals.requires_grad_()
    found, rows = head(totals)
    assert torch.allclose(found, energies, rtol=0, atol=1e-6)
    assert torch.allclose((rows * totals[:, None]).sum(-1), found, rtol=0, atol=1e-12)
    for state in range(n_outputs - 1):
        (slope,) = torch.autograd.grad(found[:, state].sum(), totals, retain_graph=True)
        assert torch.allclose(slope, rows[:, state], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("totals", "gap"), [((0.0, 1.0, 1e-8), 5e-3), ((0.0, 1.0, -0.2), 1e-3), ((0.0, 1.0, 1.0, 0.5), 3e-3)]
)
def test_characteristic_states_that_would_cross_meet(totals, gap):
    energies, rows = CharacteristicHead(len(totals))(torch.tensor(totals, dtype=torch.float64))
    assert torch.isfinite(rows).all() and (energies.diff() >= 0).all() and energies.diff().min() <= gap


@pytest.mark.parametrize(("kind", "n_outputs"), [("diabatic", 4), ("diabatic", 1), ("characteristic", 6), ("other", 3)])
def test_heads_that_cannot_be(kind, n_outputs):
    with pytest.raises(PotentialFormatError, match=kind):
        build_head(kind, n_outputs)


@pytest.fixture(scope="module")
def potentials(tmp_path_factory):
    folder, found = tmp_path_factory.mktemp("heads"), {}
    for kind, n_outputs in (("diabatic", 6), ("characteristic", 3)):
        torch.manual_seed(3)
        model = ToyModel(elements=[1, 8], n_outputs=n_outputs).double()
        export_potential(model, folder / f"{kind}.pt", atomic_energies=E0, head=kind)
        found[kind] = load_potential(folder / f"{kind}.pt")
    return found


WATER = Structure([8, 1, 1], [[0, 0, 0], [0.96, 0, 0.1], [-0.24, 0.93, 0]])


@pytest.mark.parametrize("kind", ["diabatic", "characteristic"])
def test_a_potential_with_a_head(kind, potentials):
    potential = potentials[kind]
    (found,) = potential.evaluate([WATER], states=potential.all_states)
    assert np.allclose(found.atomic_energies.sum(1), found.energies, rtol=0, atol=1e-12)
    (blocks,) = potential.evaluate([WATER], states=potential.all_states, memory_GB=1e-9)
    assert np.allclose(blocks.forces, found.forces, rtol=0, atol=1e-12)
    hessian = potential.hessian(WATER, state=1)
    step = 1e-4 * np.eye(9)[4].reshape(3, 3)
    ahead, behind = (
        potential.evaluate([Structure(WATER.numbers, WATER.positions + s * step)], states=1)[0].forces for s in (1, -1)
    )
    assert np.allclose(hessian[4], -(ahead - behind).ravel() / 2e-4, rtol=0, atol=1e-6)


def test_couplings_are_those_of_the_diabatic_matrix(potentials):
    potential = potentials["diabatic"]
    (found,) = potential.evaluate([WATER], states=[0, 2], couplings=True)
    assert found.forces.shape == (2, 3, 3) and found.couplings.shape == (3, 3, 3)
    values, states = np.linalg.eigh(found.diabatic)
    assert np.allclose(values, found.energies, rtol=0, atol=1e-12)
    assert found.diabatic.trace() == pytest.approx(found.energies.sum())
    slopes = np.empty((3, 3, 3, 3))
    for atom, axis in np.ndindex(3, 3):
        step = np.zeros((3, 3))
        step[atom, axis] = 1e-4
        ahead, behind = (
            potential.evaluate([Structure(WATER.numbers, WATER.positions + s * step)])[0].diabatic for s in (1, -1)
        )
        slopes[:, :, atom, axis] = (ahead - behind) / 2e-4
    wanted = np.einsum("ia,ijxy,jb->abxy", states, slopes, states)[np.triu_indices(3, 1)]
    signs = np.sign((wanted * found.interstate).sum((1, 2)))[:, None, None]
    assert np.abs(wanted).max() > 1e-2 and np.allclose(found.interstate, signs * wanted, rtol=0, atol=1e-6)


class Crossing(torch.nn.Module):
    """Two states of W = [[a, b], [b, -a]], a and b of first degree in r - 1: they meet in the frames below."""

    def __init__(self) -> None:
        super().__init__()
        self.cutoff, self.n_hops, self.n_outputs, self.supports_exchange = 3.0, 1, 3, False
        self.elements = [1, 8]
        self.weight = torch.nn.Parameter(torch.tensor([0.3, -0.3, 0.2], dtype=torch.float64))

    def forward(
        self,
        edge_vectors: torch.Tensor,
        senders: torch.Tensor,
        receivers: torch.Tensor,
        slots: torch.Tensor,
        species: torch.Tensor,
        n_local: int,
    ) -> torch.Tensor:
        r = torch.sqrt((edge_vectors * edge_vectors).sum(1, keepdim=True))
        ends = torch.exp(-1.0 / (3.001 - r).clamp(min=1e-3))
        values = (r - 1.0) * ends * self.weight
        return torch.zeros(n_local, 3, dtype=values.dtype).index_add(0, receivers, values)


def test_a_potential_with_an_intersection_in_its_frames_is_exported(tmp_path):
    bond = Structure([8, 1], [[0.0, 0, 0], [1.0 + 1e-4, 0, 0]])
    export_potential(Crossing(), tmp_path / "crossing.pt", atomic_energies=E0, head="diabatic", frames=[bond])
    (found,) = load_potential(tmp_path / "crossing.pt").evaluate([bond])
    assert np.ptp(found.energies) < 1e-3


def test_couplings_nobody_knows(potentials):
    with pytest.raises(MissingQuantityError, match="no couplings"):
        potentials["characteristic"].evaluate([WATER], couplings=True)
