"""The potential file: what it carries, how it fails, and that nothing half-written or foreign gets through."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import load as load_safetensors

from fusionmd.errors import PotentialFormatError
from fusionmd.potential import export_potential, load_exchange_core, load_potential, passes, read_metadata
from fusionmd.potential.archive import EXCHANGE, METADATA, SELF_TEST, WEIGHTS, unpack
from fusionmd.potential.metadata import FORMAT_VERSION
from tests.potential.conftest import E0
from tests.toy_model import ToyModel, TwoHopToyModel


@pytest.fixture(scope="module")
def content(files):
    return (files / "two.pt").read_bytes()


def edited(content, change):
    """The file with `change(name, bytes) -> bytes or None (dropped)` applied to every record."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(result, "w") as target:
        for record in source.infolist():
            new = change(record.filename, source.read(record))
            if new is not None:
                target.writestr(zipfile.ZipInfo(record.filename), new)
    return result.getvalue()


def test_bytes_and_path_load_the_same(files, content, molecule):
    expected = load_potential(files / "two.pt").evaluate([molecule])[0]
    assert load_potential(content).evaluate([molecule])[0].energy == pytest.approx(expected.energy, rel=1e-15)
    assert load_potential(content).content == content


def test_any_libtorch_program_can_load_it(files, two_hop, molecule):
    extra_files = {METADATA: ""}
    module = torch.jit.load(str(files / "two.pt"), _extra_files=extra_files)
    assert json.loads(extra_files[METADATA])["elements"] == [1, 6, 8]
    graph = two_hop.graph(molecule)
    states = torch.zeros(1, 1, dtype=torch.int64)
    inputs = passes.inputs(graph, torch.device("cpu"))
    energies, _, _ = module(*inputs, graph.n_nodes, graph.structure_index, 1, states)
    np.testing.assert_allclose(energies[0, 0].numpy(), two_hop.evaluate([molecule])[0].energies)


def test_metadata(files):
    metadata = read_metadata(files / "one.pt")
    assert (metadata.name, metadata.elements, metadata.cutoff, metadata.n_hops) == ("one", (1, 6, 8), 3.5, 1)
    assert (metadata.n_states, metadata.n_members, metadata.dtype, metadata.head) == (2, 1, "float64", "adiabatic")
    assert metadata.atomic_energies == ((-13.6, -13.6), (-1030.0, -1030.0), (-2040.0, -2039.0))
    assert metadata.config == ({"model": {"a": 1}},)
    assert metadata.bytes_per_edge > 200
    assert len(metadata.report["checks"]) == 8 and all(check["passed"] for check in metadata.report["checks"])


def test_weights_rebuild_the_model(content, molecule, two_hop):
    weights = load_safetensors(unpack(content)[WEIGHTS])
    model = TwoHopToyModel(n_outputs=2, seed=99).double()
    model.load_state_dict({key.removeprefix("members.0."): value for key, value in weights.items()})
    graph = two_hop.graph(molecule)
    values = model(*passes.inputs(graph, torch.device("cpu")), graph.n_nodes).sum(0).detach().numpy()
    offset = sum(np.broadcast_to(E0[z], 2) for z in molecule.numbers)
    np.testing.assert_allclose(values + offset, two_hop.evaluate([molecule])[0].energies)


def test_exchange_entry_agrees_and_carries_no_weights(files, content, two_hop, molecule):
    core = load_exchange_core(files / "two.pt")
    graph, states = two_hop.graph(molecule), torch.zeros(1, 1, dtype=torch.int64)
    with_op, plain = passes.whole(core, graph, states), passes.whole(two_hop.core, graph, states)
    for a, b in zip(with_op, plain, strict=True):
        torch.testing.assert_close(a, b)
    code = zipfile.ZipFile(io.BytesIO(unpack(content)[EXCHANGE]))
    names = code.namelist()
    assert any(b"ghost_exchange" in code.read(name) for name in names)
    assert sum(code.getinfo(name).file_size for name in names if "/data/" in name) == 0
    main = zipfile.ZipFile(io.BytesIO(content))
    assert not any(b"ghost_exchange" in main.read(n) for n in main.namelist() if "/code/" in n)


def test_equal_exports_are_equal_bytes(tmp_path):
    for name in ("a.pt", "b.pt"):
        export_potential(ToyModel(), tmp_path / name, atomic_energies=E0 | {8: 0.0}, name="same")
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


def test_no_positions_in_the_sources_of_the_exporter(content):
    assert not [name for name in zipfile.ZipFile(io.BytesIO(content)).namelist() if name.endswith("debug_pkl")]


@pytest.mark.parametrize("fraction", [0.02, 0.3, 0.7, 0.999])
def test_truncated(content, fraction):
    with pytest.raises(PotentialFormatError, match="truncated or damaged; copy or export it again"):
        load_potential(content[: int(fraction * len(content))])


@pytest.mark.parametrize("foreign, says", [(b"", "is empty"), (b"hello" * 100, "not a fusionmd potential")])
def test_foreign_bytes(foreign, says):
    with pytest.raises(PotentialFormatError, match=says):
        load_potential(foreign)


def test_foreign_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / "any.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), tmp_path / "linear.pt")
    torch.save({"a": torch.zeros(1)}, tmp_path / "checkpoint.pt")
    for name, says in [("any.zip", "zip file of something else"), ("linear.pt", "without fusionmd metadata")]:
        with pytest.raises(PotentialFormatError, match=says):
            load_potential(tmp_path / name)
    with pytest.raises(PotentialFormatError, match="fusionmd export"):
        load_potential(tmp_path / "checkpoint.pt")


class Mischief:
    """Unpickling it would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_pickles_are_not_run(tmp_path):
    with pytest.raises(PotentialFormatError, match="not a fusionmd potential"):
        load_potential(pickle.dumps(Mischief(tmp_path / "ran")))
    torch.save(Mischief(tmp_path / "ran"), tmp_path / "evil.pt")
    with pytest.raises(PotentialFormatError):
        load_potential(tmp_path / "evil.pt")
    assert not (tmp_path / "ran").exists()


def test_newer_format(content):
    def newer(name, record):
        is_metadata = name.endswith(METADATA)
        return json.dumps({**json.loads(record), "format_version": FORMAT_VERSION + 1}) if is_metadata else record

    with pytest.raises(PotentialFormatError, match="upgrade fusionmd"):
        load_potential(edited(content, newer))


@pytest.mark.parametrize("text, says", [("{", "not JSON"), ('{"format": "x"}', "not a fusionmd potential")])
def test_bad_metadata(content, text, says):
    with pytest.raises(PotentialFormatError, match=says):
        load_potential(edited(content, lambda n, r: text if n.endswith(METADATA) else r))


def test_incomplete_metadata(content):
    text = json.dumps({"format": "fusionmd-potential", "format_version": 1, "name": "x"})
    with pytest.raises(PotentialFormatError, match="incomplete"):
        load_potential(edited(content, lambda n, r: text if n.endswith(METADATA) else r))


def test_flipped_bit_is_noticed_by_the_checksum(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        record = next(r for r in archive.infolist() if "/data/" in r.filename and r.file_size > 100)
    position = record.header_offset + 30 + len(record.filename) + 8
    flipped = content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]
    with pytest.raises(PotentialFormatError, match="damaged"):
        load_potential(flipped)


def test_changed_weights_fail_the_self_test(content):
    def changed(name, record):
        is_weight = "/data/" in name and len(record) > 100
        return np.array(np.frombuffer(record) * 1.001).tobytes() if is_weight else record

    with pytest.raises(PotentialFormatError, match="fails its self-test"):
        load_potential(edited(content, changed))


def test_without_self_test_it_is_refused(content):
    with pytest.raises(PotentialFormatError, match="no self-test"):
        load_potential(edited(content, lambda n, r: None if n.endswith(SELF_TEST) else r))


def test_unreadable_module(content):
    with pytest.raises(PotentialFormatError, match="cannot load"):
        load_potential(edited(content, lambda n, r: b"???" if "/code/" in n else r))


def test_missing_file(tmp_path):
    with pytest.raises(PotentialFormatError, match="no potential file"):
        load_potential(tmp_path / "nothing.pt")


def test_loading_warns_of_nothing(files, recwarn):
    load_potential(files / "one.pt")
    assert not [str(w.message) for w in recwarn if "jit" in str(w.message)]
