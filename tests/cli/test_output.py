"""What verbs show while they work: plain lines where the output is no terminal."""

import time

from fusionmd.cli.output import _left, progress, waiting


def test_plain_lines_say_what_is_done_and_left(capsys):
    with progress("training", 10, every_s=0.0) as advance:
        advance(4, "start")
        time.sleep(0.02)
        advance(5, "next")
        advance(10, "end")
    first, second, last = capsys.readouterr().out.splitlines()
    assert first == "training: 4/10 start" and last == "training: 10/10 end"
    assert second.startswith("training: 5/10 (0:00:0") and second.endswith(" left) next")


def test_time_left_counts_from_where_a_resumed_run_began():
    assert _left((300, 100.0), 310, 400, 150.0) == "(0:07:30 left)"
    assert _left((300, 100.0), 300, 400, 150.0) == ""
    assert _left((300, 100.0), 400, 400, 150.0) == ""


def test_waiting_is_silent_when_it_is_short_and_one_line_when_it_is_not(capsys):
    with waiting("checking"):
        pass
    assert capsys.readouterr().out == ""
    with waiting("checking", after_s=0.0):
        time.sleep(0.2)
    assert capsys.readouterr().out == "checking ...\n"
