"""Splits: reproducible, saved, and tied to the files they were made for."""

import json

import pytest

from fusionmd.data.frame import Frame
from fusionmd.data.splits import Split, load_split, random_split, save_split, split_by_config_type
from fusionmd.errors import DataError
from fusionmd.structure import Structure


def frames(*config_types):
    return [Frame(Structure([1], [[0, 0, 0]]), config_type=name) for name in config_types]


def test_random_split_covers_everything_once():
    split = random_split(100, n_valid=20, n_test=10, seed=3)
    assert sorted([*split.train, *split.valid, *split.test]) == list(range(100))
    assert (len(split.train), len(split.valid), len(split.test)) == (70, 20, 10)
    assert split == random_split(100, n_valid=20, n_test=10, seed=3) != random_split(100, n_valid=20, n_test=10, seed=4)
    assert split.valid != tuple(range(20))


def test_split_by_config_type():
    split = split_by_config_type(frames("a", "b", "c", "a"), valid=["b"], test=["c"])
    assert (split.train, split.valid, split.test) == ((0, 3), (1,), (2,))
    with pytest.raises(DataError, match=r"no frame has config_type 'd'; there are \['a'\]"):
        split_by_config_type(frames("a"), valid=["d"])


def test_save_and_load(tmp_path):
    data = tmp_path / "a.xyz"
    data.write_text("content")
    saved = save_split(tmp_path / "split.json", random_split(10, n_valid=2, seed=0), [data])
    assert load_split(tmp_path / "split.json", [data]) == saved
    assert saved.files == {"a.xyz": "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"}
    data.write_text("changed")
    with pytest.raises(DataError, match=r"was made for \['a.xyz'\]; a.xyz is another file or has changed"):
        load_split(tmp_path / "split.json", [data])
    assert [len(part) for part in saved.parts(frames(*"abcdefghij")).values()] == [8, 2, 0]


def test_impossible_splits():
    with pytest.raises(DataError, match="10 frames cannot give 8 to validate, 2 to test"):
        random_split(10, n_valid=8, n_test=2, seed=0)
    with pytest.raises(DataError, match=r"frames \[1\] are named twice"):
        Split((0, 1), (1, 2))
    with pytest.raises(DataError, match="names frame 5, but there are 2 frames"):
        Split((0,), (5,)).parts(frames("a", "b"))
    with pytest.raises(DataError, match="no frame numbers"):
        Split((0, -1), (1,))


@pytest.mark.parametrize("text", ["no json", "[1]", json.dumps({"train": 3}), json.dumps({"train": ["a"]})])
def test_foreign_split_files(tmp_path, text):
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(DataError):
        load_split(tmp_path / "s.json")
