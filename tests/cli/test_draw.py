"""`fusionmd draw`: pictures, counts and plans from the command line."""

import json

import pytest

from fusionmd.cli.main import run


def test_picture_counts_and_plan(tmp_path, capsys) -> None:
    svg, result = tmp_path / "d.svg", tmp_path / "d.json"
    text = "((A, A)@1, h_i)@0"
    code = run(
        ["draw", text, "--leaf", "A=0e+1o", "--leaf", "h_i=0e+1o+1e", "--plan", "-o", str(svg), "--json", str(result)]
    )
    shown = capsys.readouterr().out
    assert code == 0 and "A = 0e+1o, h_i = 0e+1o+1e" in shown and "kFLOP" in shown
    assert svg.read_text().startswith("<svg") and text in svg.read_text()
    found = json.loads(result.read_text())
    # (A, A)@1 is 0e twice, 1o twice, 1e once: with an equal irrep of h_i they give 0e, 1o with 1e (3 times) 0o
    assert found["n_labellings"] == {"0o": 3, "0e": 5} and found["diagram"] == text and found["picture"] == str(svg)


def test_leaves_default_to_their_truncation(tmp_path) -> None:
    result = tmp_path / "d.json"
    assert run(["draw", "(Y@2, h_j)@1", "--target", "1o", "--json", str(result)]) == 0
    found = json.loads(result.read_text())
    assert found["leaves"] == {"Y": "0e+1o+2e", "h_j": "0e+1o+2e+3o"} and list(found["n_labellings"]) == ["1o"]


def test_labelled_drawing(tmp_path) -> None:
    svg = tmp_path / "d.svg"
    assert run(["draw", "(a, b)", "--labelling", "(1o, 1o)1e", "--matrices", "all", "-o", str(svg)]) == 0
    assert svg.read_text().count(">W<") == 3 and ">1e<" in svg.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["(A, A"], "column 6"),
        (["(A, A)", "--leaf", "B=1o"], "wanted NAME=IRREPS with a name among A"),
        (["(A, A)", "--leaf", "A=1x"], "cannot read '1x'"),
        (["(A, A)", "-o", "picture.jpg"], ".svg, .png or .pdf"),
        (["(A, A)", "--labelling", "(1o, 1o)3e", "-o", "never.svg"], "does not fit"),
    ],
)
def test_errors_are_one_line(arguments, message, capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["draw", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and not list(tmp_path.iterdir())
