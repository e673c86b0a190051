"""A benchmark worker that sleeps, for `test_benchmarks.py`."""

import time

from benchmarks.worker import Case, Prepared, serve


def prepare(case: Case) -> Prepared:
    """What to time: a nap of `seconds`."""
    if case["seconds"] < 0:
        raise ValueError("no time machine")
    return lambda: time.sleep(case["seconds"]), {"seconds": case["seconds"]}


if __name__ == "__main__":
    print("packages print while they are imported", flush=True)
    serve(prepare)
