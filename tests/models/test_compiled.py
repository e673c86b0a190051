"""Networks of every kind as potential files: scripted, traced with free sizes, and compiled ahead of time."""

import numpy as np
import pytest
import torch

from fusionmd.fusion.contraction import Contraction
from fusionmd.fusion.plan import plan_of
from fusionmd.o3.irreps import Irrep
from fusionmd.potential import load_potential, passes
from fusionmd.potential.compile import compiled_differentiate
from fusionmd.potential.export import potential_bytes
from fusionmd.potential.inductor import INDUCTOR_SETTINGS
from fusionmd.potential.potential import Potential
from fusionmd.potential.tracing import traced
from tests.models.nets import ELEMENTS, KINDS, molecule, net

NATURAL = [Irrep(0, 1), Irrep(2, 1), Irrep(1, -1), Irrep(3, -1)]


def potential_of(kind: str) -> Potential:
    content, _ = potential_bytes(net(**KINDS[kind]), atomic_energies=dict.fromkeys(ELEMENTS, 0.0), name=kind, frames=())
    return load_potential(content)


@pytest.mark.parametrize("kind", KINDS)
def test_the_trace_is_the_potential(kind: str) -> None:
    """Other sizes than those it was traced at; what cannot be traced could not be compiled."""
    potential, structure = potential_of(kind), molecule(5)
    inputs = passes.inputs(potential.graph(structure), potential.device)
    weights = torch.rand(structure.n_atoms, potential.metadata.n_outputs, dtype=torch.float64)
    values, slopes = traced(potential, 0)(*inputs, weights)
    expected = potential.core.differentiate(*inputs, structure.n_atoms, weights[None, None])
    torch.testing.assert_close(values, expected[0][0], rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(slopes, expected[1][0, 0], rtol=1e-11, atol=1e-11)


@pytest.mark.slow
def test_a_compiled_network_gives_the_same(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("FUSIONMD_CACHE", str(tmp_path))
    plain = potential_of("default")
    fast = load_potential(plain.content)
    fast.compiled = compiled_differentiate(fast, build=True)
    assert fast.compiled is not None and plain.compiled is None
    structures = [molecule(n, seed=n) for n in (1, 4, 7)]
    for ours, theirs in zip(fast.evaluate(structures), plain.evaluate(structures), strict=True):
        assert ours.energy == pytest.approx(theirs.energy, abs=1e-11)
        np.testing.assert_allclose(ours.forces, theirs.forces, atol=1e-11)


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_compiled_contraction(tmp_path, dtype: torch.dtype, tolerance: float) -> None:
    """Law 5, relative to the largest value; dense, gathered and sparse blocks side by side."""
    plan = plan_of(["(A, A)@3+", "((A, A)@3+, A)"], {"A": NATURAL}, [Irrep(0, 1), Irrep(1, -1)])
    assert {block.kernel for step in plan.steps for block in step.blocks} == {"dense", "gathered", "sparse"}
    torch.manual_seed(0)
    module = Contraction(plan, 4, [Irrep(0, 1), Irrep(1, -1)]).double()
    leaf = torch.randn(5, 16, 4, dtype=torch.float64)
    expected = [value.detach() for value in module([leaf])]
    program = torch.export.export(module.to(dtype), ([leaf.to(dtype)],))
    package = torch._inductor.aoti_compile_and_package(
        program, package_path=str(tmp_path / "contraction.pt2"), inductor_configs=dict(INDUCTOR_SETTINGS)
    )
    compiled = torch._inductor.aoti_load_package(package)
    for found, wanted in zip(compiled([leaf.to(dtype)]), expected, strict=True):
        assert (found - wanted).abs().max() <= tolerance * wanted.abs().max()
