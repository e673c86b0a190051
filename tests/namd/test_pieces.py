"""A study in pieces: the same trajectories as at one go, and what is no piece of it is refused."""

import json

import h5py
import pytest

from fusionmd.cli.main import run
from fusionmd.namd.run_file import read_run
from tests.namd.test_resume import assert_same_bits
from tests.namd.water import words


@pytest.fixture(scope="module")
def pieces(folder):
    """Four trajectories, and two more."""
    assert run(words(folder, folder / "begin", n=4)) == 0
    assert run(words(folder, folder / "more", "--first", "4", n=2)) == 0
    return folder / "begin", folder / "more"


def taking(folder, out, pieces, *more, n=6):
    return words(folder, out, *(word for piece in pieces for word in ("--pieces", str(piece))), *more, n=n)


def test_pieces_are_the_whole(folder, pieces):
    assert run(words(folder, folder / "whole")) == 0
    assert run(taking(folder, folder / "joined", reversed(pieces))) == 0
    whole, joined = folder / "whole", folder / "joined"
    assert_same_bits(whole / "run.h5", joined / "run.h5")
    assert read_run(joined / "run.h5").hops.trajectory.max() >= 4  # some are of the second piece
    assert (whole / "starts.xyz").read_text() == (joined / "starts.xyz").read_text()
    results = [json.loads((each / "result.json").read_text()) for each in (whole, joined)]
    assert results[0]["shares"] == results[1]["shares"] and results[0]["hops"] == results[1]["hops"]


def test_numbers_are_kept(pieces):
    with h5py.File(pieces[1] / "run.h5") as file:
        assert file["trajectory"][:].tolist() == [4, 5]
    assert read_run(pieces[1] / "run.h5").hops.trajectory.max(initial=0) < 2


def test_joined_pieces_are_not_run_again(folder, pieces):
    out = folder / "again"
    assert run(taking(folder, out, pieces)) == 0
    before = (out / "run.h5").read_bytes()
    assert run(words(folder, out)) == 0
    assert (out / "run.h5").read_bytes() == before


@pytest.mark.parametrize(
    ("chosen", "more", "said"),
    [
        ((0, 0), (), "do not follow one another"),
        ((1,), ("-n", "2"), "give -n 2 --first 4"),
        ((0, 1), ("--time", "10"), "n_steps differ"),
        ((0, 1), ("--seed", "9"), "method differ"),
    ],
)
def test_what_is_no_piece_is_refused(folder, pieces, chosen, more, said, tmp_path, capsys):
    assert run(taking(folder, tmp_path / "out", [pieces[k] for k in chosen], *more)) != 0
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()  # so that the right command may follow


def test_an_unfinished_piece_is_refused(folder, pieces, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert run(taking(folder, tmp_path / "out", [pieces[0], tmp_path / "empty"])) != 0
    assert "has no run.h5" in " ".join(capsys.readouterr().err.split())
