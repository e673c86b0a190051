"""Known data: complete entries, copies that are checked and whole."""

import re
from types import MappingProxyType

import pytest

from fusionmd.data import catalogue
from fusionmd.data.catalogue import VARIABLE, fetch, find_file, known_data
from fusionmd.data.known import CATALOGUE, KnownData
from fusionmd.errors import DataError

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # SHA-256 of b"abc", FIPS 180-2


@pytest.fixture
def toy(monkeypatch):
    entry = KnownData(
        "toy", "s", "https://h", "MIT", "c", {"a.xyz": ABC, "b.xyz": None}, {"a.xyz": "http://plain/a.xyz"}
    )
    monkeypatch.setattr(catalogue, "CATALOGUE", MappingProxyType({"toy": entry}))
    monkeypatch.delenv(VARIABLE, raising=False)
    return entry


def local_copy(folder, a=b"abc"):
    (folder / "toy").mkdir(parents=True)
    (folder / "toy" / "a.xyz").write_bytes(a)
    (folder / "toy" / "b.xyz").write_bytes(b"whatever")
    return folder


@pytest.mark.parametrize("name", ["acac", "3bpa", "rmd17", "nbmotaw", "ch2nh2"])
def test_entries_are_complete(name):
    entry = known_data(name)
    assert entry.name == name and entry.files and entry.licence and entry.citation
    assert entry.homepage.startswith("https://")
    assert all(address.startswith("https://") for address in entry.addresses.values())
    assert set(entry.addresses) <= set(entry.files)
    assert all(digest is None or re.fullmatch("[0-9a-f]{64}", digest) for digest in entry.files.values())
    assert CATALOGUE[name] is entry


def test_fetch_copies_and_checks(toy, tmp_path, monkeypatch):
    source = local_copy(tmp_path / "source")
    files = fetch("toy", tmp_path / "to", from_dir=source)
    assert [file.read_bytes() for file in files] == [b"abc", b"whatever"]
    monkeypatch.setenv(VARIABLE, str(source))
    assert fetch("toy", tmp_path / "again")[0].read_bytes() == b"abc"
    assert find_file("toy", "b.xyz") == source / "toy" / "b.xyz"


def test_a_damaged_copy_is_refused_and_leaves_nothing(toy, tmp_path):
    with pytest.raises(DataError, match="a.xyz has SHA-256 .*, wanted ba7816bf"):
        fetch("toy", tmp_path / "to", from_dir=local_copy(tmp_path / "source", a=b"abd"))
    assert list((tmp_path / "to" / "toy").iterdir()) == []


def test_only_https_is_fetched(toy, tmp_path):
    with pytest.raises(DataError, match="not https"):
        fetch("toy", tmp_path)


def test_missing_copies_are_named(toy, tmp_path):
    with pytest.raises(DataError, match="unknown data set 'toi'; known are toy"):
        fetch("toi", tmp_path)
    with pytest.raises(DataError, match=f"set {VARIABLE}=DIR"):
        find_file("toy", "a.xyz")
    with pytest.raises(DataError, match="is neither in"):
        find_file("toy", "a.xyz", folder=tmp_path)
