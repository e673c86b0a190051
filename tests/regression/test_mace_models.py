"""Converted weights of `mace-torch` models reproduce their energies and forces in float64 (make_mace_models.py)."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from fusionmd.cli.main import run
from fusionmd.errors import ConfigError
from fusionmd.models import build_model
from fusionmd.potential import load_potential
from fusionmd.structure import Structure
from fusionmd.workflows.convert_mace import MaceDump, converted
from tests.models.nets import energy_and_forces

FOLDER = Path(__file__).resolve().parent


def dump(name: str, **changes) -> MaceDump:
    with np.load(FOLDER / f"mace_model_{name}.npz") as file:
        arrays = {key.removeprefix("weights/"): file[key] for key in file if key.startswith("weights/")}
        return MaceDump(arrays, json.loads(str(file["description"])) | changes)


def references(name: str):
    with np.load(FOLDER / f"mace_model_{name}.npz") as file:
        for k, pbc in enumerate((False, True)):
            cell = file[f"{k}/cell"] if pbc else None
            structure = Structure(file[f"{k}/numbers"], file[f"{k}/positions"], cell, pbc)
            yield structure, float(file[f"{k}/energy"]), file[f"{k}/forces"]


@pytest.mark.parametrize("name", ["residual", "plain", "density"])
def test_energies_and_forces_are_those_of_mace_torch(name) -> None:
    model, e0, _ = converted(dump(name), head=dump(name).told["heads"][-1])
    for structure, energy, forces in references(name):
        found, ours = energy_and_forces(model, structure)
        reference = sum(e0[int(z)] for z in structure.numbers)
        assert abs(found + reference - energy) <= 1e-9 * structure.n_atoms
        assert np.abs(forces).max() > 1e-3
        np.testing.assert_allclose(ours, forces, rtol=0, atol=1e-9)


def test_heads_differ() -> None:
    (structure, *_), _ = references("residual")
    one, two = (energy_and_forces(converted(dump("residual"), head=head)[0], structure)[0] for head in ("one", "two"))
    assert abs(one - two) > 0.1


@pytest.fixture
def written(tmp_path) -> Path:
    """OUT.json and OUT.safetensors as mace_dump.py leaves them."""
    found = dump("density")
    save_file({name: np.ascontiguousarray(value) for name, value in found.arrays.items()}, tmp_path / "a.safetensors")
    (tmp_path / "a.json").write_text(json.dumps(found.told | {"licence": "CC-BY-4.0"}))
    return tmp_path / "a.json"


def test_the_verb_writes_a_potential(written) -> None:
    assert run(["convert", "mace", str(written), "-o", str(written.with_suffix(".pt"))]) == 0
    potential = load_potential(written.with_suffix(".pt"))
    assert potential.metadata.licence_weights == "CC-BY-4.0" and potential.metadata.dtype == "float64"
    for structure, energy, forces in references("density"):
        (evaluation,) = potential.evaluate([structure])
        assert evaluation.energy == pytest.approx(energy, abs=1e-9)
        np.testing.assert_allclose(evaluation.forces[0], forces, rtol=0, atol=1e-9)
    rebuilt = build_model(potential.metadata.config[0]["model"], elements=[1, 6, 8])
    assert {name for name, _ in rebuilt.named_parameters()} == set(converted(dump("density"))[0].state_dict())


UNSUPPORTED = {
    "interaction": ({"interactions": ["RealAgnosticAttResidualInteractionBlock"] * 2}, "interaction RealAgnosticAtt"),
    "version": ({"mace_torch": "0.4.1"}, "mace-torch 0.4.1"),
    "format": ({"format": 2}, "description of format 2, wanted 1"),
    "radial basis": ({"radial": "GaussianBasis"}, "radial basis GaussianBasis"),
    "transform": ({"transform": "SoftTransform"}, "distance transform SoftTransform"),
    "class": ({"model": "AtomicDipolesMACE"}, "model class AtomicDipolesMACE"),
    "gate": ({"gates": ["", "tanh"]}, "readout gate tanh"),
    "parity": ({"hidden_irreps": ["3x0e+3x1o+3x1e", "3x0e"]}, "unnatural parity"),
    "head": ({"heads": ["one", "two"]}, "has the heads one, two, not None; choose one with --head"),
    "what it forgot": ({"n_basis": None}, "n_basis"),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_is_not_supported_is_named(name) -> None:
    changes, message = UNSUPPORTED[name]
    with pytest.raises(ConfigError, match=message):
        converted(dump("density", **changes))


def test_bessel_functions_that_were_trained_are_refused() -> None:
    found = dump("density")
    name = "radial_embedding.bessel_fn.bessel_weights"
    with pytest.raises(ConfigError, match=name):
        converted(MaceDump({**found.arrays, name: found.arrays[name] * 1.01}, found.told))


def test_an_array_that_is_missing_is_named() -> None:
    found = dump("density")
    arrays = {name: value for name, value in found.arrays.items() if name != "interactions.1.linear.weight"}
    with pytest.raises(ConfigError, match="interactions.1.linear.weight"):
        converted(MaceDump(arrays, found.told))


def test_files_that_are_no_dump(written, tmp_path, capsys) -> None:
    content = written.with_suffix(".safetensors").read_bytes()
    (tmp_path / "model.model").write_bytes(b"pickle")
    cases = {
        "not what": (written, content[: len(content) // 2]),
        "no such file": (tmp_path / "b.json", content),
        "runs code when it is opened": (tmp_path / "model.model", content),
    }
    for said, (path, bytes_) in cases.items():
        written.with_suffix(".safetensors").write_bytes(bytes_)
        assert run(["convert", "mace", str(path), "-o", str(tmp_path / "no.pt")]) == 2
        assert said in capsys.readouterr().err.lower()
    assert not (tmp_path / "no.pt").exists()


def test_an_interpreter_that_is_not_there(tmp_path, capsys) -> None:
    (tmp_path / "a.model").write_bytes(b"pickle")
    arguments = ["convert", "mace", str(tmp_path / "a.model"), "-o", str(tmp_path / "no.pt")]
    assert run([*arguments, "--trust-pickle", "--python", str(tmp_path / "python")]) == 2
    assert "could not run mace_dump.py" in capsys.readouterr().err
