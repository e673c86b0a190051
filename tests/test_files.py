"""Atomic writes: the old file or the new one, and nothing left behind."""

import pytest

from fusionmd.files import atomic_write, sha256_of_file, write_bytes_atomic, write_text_atomic


def test_write_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "new" / "a.txt"
    write_bytes_atomic(path, b"old")
    write_text_atomic(path, "new\n")
    assert path.read_bytes() == b"new\n"
    assert list(path.parent.iterdir()) == [path]


def test_failure_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as temporary:
        assert temporary.parent == path.parent and temporary.suffix == ".bin"
        temporary.write_bytes(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder; give the name of a file"):
        write_bytes_atomic(tmp_path, b"x")
    assert list(tmp_path.iterdir()) == [] and list(tmp_path.parent.glob("*.tmp*")) == []


def test_permissions_are_those_of_a_plain_file(tmp_path):
    plain, atomic = tmp_path / "plain", tmp_path / "atomic"
    plain.write_bytes(b"")
    write_bytes_atomic(atomic, b"")
    assert atomic.stat().st_mode == plain.stat().st_mode


def test_hash_of_a_file(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert sha256_of_file(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
