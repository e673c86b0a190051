"""Potential files that run in native operations: built, found again, compared, and refused when they are wrong."""

import os

import numpy as np
import pytest
import torch

from fusionmd.errors import CompilerError, PotentialFormatError
from fusionmd.native import compiler, library
from fusionmd.potential import fast, load_potential
from fusionmd.potential.archive import NATIVE, NATIVE_EXCHANGE, unpack
from fusionmd.potential.export import potential_bytes
from tests.models.nets import ELEMENTS, molecule, net


def file_of(*models, **settings):
    references = {z: -10.0 * z for z in ELEMENTS}
    return potential_bytes(models or net(**settings), atomic_energies=references, name="n", frames=())[0]


@pytest.fixture(scope="module")
def content():
    return file_of()


def assert_equal(ours, theirs, tolerance=1e-11):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.energies, b.energies, atol=tolerance)
        np.testing.assert_allclose(a.forces, b.forces, atol=tolerance)
        np.testing.assert_allclose(a.atomic_energies, b.atomic_energies, atol=tolerance)
        np.testing.assert_allclose(a.virials, b.virials, atol=tolerance)


def test_compiled_potential(content):
    plain, native = load_potential(content), load_potential(content, compiled="yes")
    assert native.native is not None and not plain.is_compiled and "compiled" in repr(native)
    structures = [molecule(n, seed=n) for n in (1, 2, 5, 9)]
    assert_equal(native.evaluate(structures), plain.evaluate(structures))
    assert_equal(native.evaluate([molecule(40)], memory_GB=1e-3), plain.evaluate([molecule(40)]))
    assert load_potential(content, compiled="auto").native is not None


def test_committee_and_states():
    models = [net(seed=seed, n_outputs=2) for seed in (0, 1, 2)]
    content, structures = file_of(*models), [molecule(5), molecule(7)]
    found = load_potential(content, compiled="yes").evaluate(structures, states=[1, 0])
    wanted = load_potential(content).evaluate(structures, states=[1, 0])
    assert_equal(found, wanted)
    np.testing.assert_allclose(found[0].forces_std, wanted[0].forces_std, atol=1e-11)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_other_precision(dtype):
    content = file_of(net().float())
    native, plain = load_potential(content, compiled="yes", dtype=dtype), load_potential(content, dtype=dtype)
    assert native.native.model_dtype.dtype == dtype
    tolerance = 1e-4 if dtype == torch.float32 else 1e-6
    assert_equal(native.evaluate([molecule(6)]), plain.evaluate([molecule(6)]), tolerance)


def test_entries_carry_no_second_copy_of_the_weights(content):
    entries = unpack(content)
    assert {NATIVE, NATIVE_EXCHANGE} <= set(entries)
    large = unpack(file_of(n_channels=48))
    assert abs(len(large[NATIVE]) - len(entries[NATIVE])) < 1000 < len(large["weights.safetensors"]) / 10


def test_without_library_auto_runs_torchscript(content, tmp_path, monkeypatch):
    monkeypatch.setenv("FUSIONMD_CACHE", str(tmp_path))
    assert not load_potential(content, compiled="auto").is_compiled
    assert not list(tmp_path.iterdir())


def test_no_compiler(content, tmp_path, monkeypatch):
    monkeypatch.setenv("FUSIONMD_CACHE", str(tmp_path))
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(CompilerError, match="no C.. compiler .no-such-compiler.*compiled='no'"):
        load_potential(content, compiled="yes")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_compiler_that_fails(tmp_path):
    source = tmp_path / "a.cpp"
    source.write_text("int main() { return nothing; }")
    with pytest.raises(CompilerError, match="cannot build a.so .*nothing"):
        compiler.build_shared([source], tmp_path / "a.so")
    assert [path.name for path in tmp_path.iterdir()] == ["a.cpp"]


def test_wrong_native_form_is_refused(content, monkeypatch):
    def wrong(potential):
        core = right(potential)
        with torch.no_grad():
            next(core.parameters()).data = next(core.parameters()) * 1.01
        return core

    right = fast.native_core
    monkeypatch.setattr(fast, "native_core", wrong)
    with pytest.raises(PotentialFormatError, match="native form of 'n' differs from TorchScript"):
        load_potential(content, compiled="yes")


def test_entry_of_another_version_runs_in_torchscript(content, monkeypatch):
    entries = {**unpack(content), NATIVE: b"operations that nobody knows"}
    monkeypatch.setattr("fusionmd.potential.native.unpack", lambda content: entries)
    with pytest.warns(UserWarning, match="written by another version .*; it runs in TorchScript"):
        assert not load_potential(content, compiled="auto").is_compiled
    with pytest.raises(PotentialFormatError, match="export the potential again"):
        load_potential(content, compiled="yes")


def test_library_of_somebody_else_is_not_run(monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(CompilerError, match="belongs to another user"):
        library.load_library()


def test_damaged_library(content, tmp_path, monkeypatch):
    monkeypatch.setenv("FUSIONMD_CACHE", str(tmp_path))
    library.library_file().parent.mkdir(parents=True)
    library.library_file().write_bytes(b"nothing")
    with pytest.raises(CompilerError, match="does not load"):
        load_potential(content, compiled="auto")
