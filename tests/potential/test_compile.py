"""The interpreter that traces a file, and the compiled form it leads to."""

import numpy as np
import pytest
import torch

from fusionmd.errors import PotentialFormatError
from fusionmd.potential import cache, load_potential, passes
from fusionmd.potential import compile as compiling
from fusionmd.potential.interpreter import interpreted
from fusionmd.potential.tracing import traced
from fusionmd.structure import Structure
from tests.potential.conftest import random_structure


class EveryConstruct(torch.nn.Module):
    """Branches, loops, lists, tuples, optional values: what TorchScript has beside tensor operations."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.arange(3.0))
        self.rounds: int = 3

    def forward(self, x: torch.Tensor, n: int) -> torch.Tensor:
        parts: list[torch.Tensor] = []
        for i in range(self.rounds):
            if i % 2 == 0 and n >= 1:
                parts.append(x * float(i + 1))
            else:
                parts.append(x[:n].sum(0, keepdim=True) + self.weight)
        pair = self.pick(parts, None)
        total = pair[0]
        while total.size(0) < n:
            total = torch.cat([total, pair[1]])
        return total / max(n, 1) + len(parts) - min(n, 2) ** 2

    def pick(self, parts: list[torch.Tensor], bias: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        first = parts[0] if bias is None else parts[0] + bias
        return first, parts[-1].view(-1, x_size(parts[1]))


def x_size(x: torch.Tensor) -> int:
    return x.shape[1]


@pytest.mark.parametrize("n", [0, 1, 5])
def test_interpreter_agrees_with_torchscript(n):
    module = torch.jit.script(EveryConstruct())
    x = torch.randn(3, 3)
    torch.testing.assert_close(interpreted(module)(x, n), module(x, n))


def test_interpreter_traces_with_free_sizes(two_hop, molecule, crystal):
    graph = traced(two_hop, 0)
    for structure in (molecule, crystal):
        inputs = passes.inputs(two_hop.graph(structure), two_hop.device)
        weights = torch.rand(structure.n_atoms, 2, dtype=torch.float64)
        values, slopes = graph(*inputs, weights)
        expected = two_hop.core.differentiate(*inputs, structure.n_atoms, weights[None, None])
        references = two_hop.core.atomic_energies[inputs[-1]]
        torch.testing.assert_close(values + references, expected[0][0])
        torch.testing.assert_close(slopes, expected[1][0, 0])


def test_unknown_operation_is_named():
    class Splits(torch.nn.Module):
        def forward(self, text: str) -> list[str]:
            return text.upper().split(",")

    with pytest.raises(PotentialFormatError, match="aten::upper"):
        interpreted(torch.jit.script(Splits()))("a,b")


def test_nothing_in_the_cache(two_hop, files, tmp_path, monkeypatch):
    monkeypatch.setenv("FUSIONMD_CACHE", str(tmp_path))
    assert compiling.compiled_differentiate(two_hop) is None
    assert load_potential(files / "two.pt", compiled="auto").compiled is None
    assert not list(tmp_path.iterdir())


def test_key_depends_on_what_matters(one_hop, two_hop, monkeypatch):
    keys = {cache.cache_key(one_hop), cache.cache_key(two_hop)}
    monkeypatch.setattr(torch, "__version__", "9.9")
    keys.add(cache.cache_key(two_hop))
    monkeypatch.setattr(cache, "_processor", lambda device: "another")
    keys.add(cache.cache_key(two_hop))
    monkeypatch.setitem(cache.INDUCTOR_SETTINGS, "max_pointwise_cat_inputs", 8)
    keys.add(cache.cache_key(two_hop))
    assert len(keys) == 5


def test_a_compiler_that_fails_leaves_nothing(two_hop, tmp_path, monkeypatch):
    def fails(*args, **kwargs):
        raise RuntimeError("no compiler")

    monkeypatch.setenv("FUSIONMD_CACHE", str(tmp_path))
    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", fails)
    with pytest.raises(PotentialFormatError, match="no compiler.*compiled='no'"):
        compiling.compile_potential(two_hop)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def eager_member(potential, factor):
    """What a compiled member computes, times a factor."""

    def member(edge_vectors, senders, receivers, slots, species, weights):
        assert all(t.is_contiguous() for t in (edge_vectors, senders, receivers, slots, species, weights))
        assert edge_vectors.dtype == torch.float64 and senders.dtype == torch.int64
        inputs = (edge_vectors, senders, receivers, slots, species)
        values, slopes = potential.core.differentiate(*inputs, len(species), weights[None, None])
        return (values[0] - potential.core.atomic_energies[species]) * factor, slopes[0, 0] * factor

    return member


def test_a_wrong_compiled_form_is_refused(two_hop, tmp_path, monkeypatch):
    monkeypatch.setenv("FUSIONMD_CACHE", str(tmp_path))
    path = cache.compiled_files(two_hop)[0]
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    monkeypatch.setattr(compiling, "_loaded", lambda path: eager_member(two_hop, 1.0))
    assert compiling.compiled_differentiate(two_hop) is not None
    monkeypatch.setattr(compiling, "_loaded", lambda path: eager_member(two_hop, 1.01))
    with pytest.raises(PotentialFormatError, match="differs from TorchScript"):
        compiling.compiled_differentiate(two_hop)


def test_strides_and_dtypes_are_settled_before_the_call(two_hop, crystal):
    compiled = compiling.CompiledDifferentiate(two_hop.core, (eager_member(two_hop, 1.0),))
    edge_vectors, senders, receivers, slots, species = passes.inputs(two_hop.graph(crystal), two_hop.device)
    weights = torch.rand(2, 24, 1, 1, dtype=torch.float64).permute(3, 2, 1, 0)
    expected = two_hop.core.differentiate(edge_vectors, senders, receivers, slots, species, 24, weights)
    twisted = (edge_vectors.T.contiguous().T, senders.int(), receivers[:, None].expand(-1, 2)[:, 0])
    for a, b in zip(compiled(*twisted, slots.T.contiguous().T, species, 24, weights), expected, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.slow
def test_compiled_equals_torchscript(files, two_hop, molecule, crystal, tmp_path, monkeypatch):
    """The real thing: batches, blocks, small sizes, several states, and the cache found again."""
    monkeypatch.setenv("FUSIONMD_CACHE", str(tmp_path))
    fast = load_potential(files / "two.pt", compiled="yes")
    assert fast.compiled is not None and load_potential(files / "two.pt", compiled="auto").compiled is not None
    large = random_structure(60, edge=10.0, seed=8, pbc=True)
    structures = [molecule, crystal, Structure([6], [[0, 0, 0]]), Structure([6, 1], [[0, 0, 0], [0, 0, 1.1]]), large]
    for chosen in (structures, *[[structure] for structure in structures]):
        for a, b in zip(fast.evaluate(chosen, states=[1, 0]), two_hop.evaluate(chosen, states=[1, 0]), strict=True):
            np.testing.assert_allclose(a.energies, b.energies, rtol=1e-13)
            np.testing.assert_allclose(a.forces, b.forces, atol=1e-12)
            np.testing.assert_allclose(a.atomic_energies, b.atomic_energies, rtol=1e-12)
    in_blocks = fast.evaluate([large], memory_GB=2e-4)[0]
    np.testing.assert_allclose(in_blocks.forces, two_hop.evaluate([large])[0].forces, atol=1e-12)
