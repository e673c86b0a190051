"""The shared parts of the benchmarks: processes timed in turn, and what is made of their times."""

import sys

import pytest

from benchmarks.memory import box, gas
from benchmarks.speed_mace import ratios
from benchmarks.worker import Worker, alternate, median
from fusionmd.neighbors import neighbor_list


@pytest.fixture
def workers():
    with Worker(sys.executable, "tests.toy_worker") as first, Worker(sys.executable, "tests.toy_worker") as second:
        yield first, second


def test_cases_are_timed_in_turn(workers):
    naps = {"short": 0.002, "long": 0.02}
    for worker, (name, seconds) in zip(workers, naps.items(), strict=True):
        assert worker.ask("prepare", name=name, case={"seconds": seconds})["info"] == {"seconds": seconds}
    times = alternate({name: (worker, name) for worker, name in zip(workers, naps, strict=True)}, rounds=3, seconds=0.1)
    assert [len(times[name]["turns_wall_s"]) for name in naps] == [3, 3]
    assert all(times[name]["wall_s"] >= seconds > times[name]["cpu_s"] for name, seconds in naps.items())
    assert times["short"]["calls_per_turn"] > times["long"]["calls_per_turn"] >= 1


def test_a_failure_is_an_answer(workers):
    assert "no time machine" in workers[0].ask("prepare", name="past", case={"seconds": -1})["error"]


def test_the_fastest_mode_of_the_peer_is_the_reference():
    cases = {"peer a": (4.0, 3.0), "peer b": (2.0, 1.0), "ours": (0.5, 0.5)}
    found = ratios({label: {"wall_s": wall, "cpu_s": cpu} for label, (wall, cpu) in cases.items()})
    assert (found["best_peer"], found["ratios"], found["cpu_ratios"]) == ("peer b", {"ours": 4.0}, {"ours": 2.0})


def test_median():
    assert median([3.0, 1.0, 2.0]) == 2.0 and median([4.0, 1.0, 2.0, 3.0]) == 2.5


def test_density_and_distances_of_the_gas():
    structure = gas(1000)
    assert structure.n_atoms / structure.volume == pytest.approx(0.1)
    assert box(1000) == (10, 10, 10) and box(100_000) == (40, 50, 50)
    distances = (neighbor_list(structure, 5.0).vectors ** 2).sum(1) ** 0.5
    assert distances.min() > 1.6
    assert len(distances) / structure.n_atoms == pytest.approx(52, abs=2)
