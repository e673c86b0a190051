"""Timing in two interpreters in turn: a long-lived child process for each side, of which only one works at a time.

The parent asks in JSON lines on the child's standard input and reads JSON lines from its standard output:

    {"do": "prepare", "name": ..., "case": {...}}   -> {"info": {...}} or {"error": "..."}
    {"do": "time", "name": ..., "repeats": n}       -> {"wall": [s, ...], "cpu": [s, ...]}
    {"do": "drop", "name": ...}                     -> {}

A prepared case is warm: compiled, and called a few times.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
N_WARM_UP = 3
# The same settings of glibc's malloc for both sides: large blocks stay on the heap instead of being mapped each time.
MALLOC = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "2000000000"}
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

Case = Mapping[str, Any]
Prepared = tuple[Callable[[], Any], Mapping[str, Any]]


class Worker:
    """The parent's end. python: An interpreter; module: What it runs, a module that calls `serve`."""

    def __init__(self, python: str | Path, module: str, *arguments: str) -> None:
        command = [str(python), "-W", "ignore", "-m", module, *arguments]
        environment = {**os.environ, **THREADS, **MALLOC, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """One question and its answer."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("{"):  # packages print while they are imported
                return dict(json.loads(line))
        raise RuntimeError(f"the worker ended with code {self.process.wait()}")

    def close(self) -> None:
        """End the child."""
        with suppress(BrokenPipeError):
            self.process.communicate()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def serve(prepare: Callable[[Case], Prepared]) -> None:
    """The child's end: answer until standard input ends. prepare: case -> (what to time, what to tell about it)."""
    requests, answer = channel()
    ready: dict[str, Callable[[], Any]] = {}
    for request in requests:
        name = request.get("name", "")
        if request["do"] == "prepare":
            answer(_prepared(prepare, request["case"], ready, name))
        elif request["do"] == "time":
            answer(timed(ready[name], request["repeats"]))
        else:
            ready.pop(name, None)
            answer({})


def channel() -> tuple[Any, Callable[[Mapping[str, Any]], None]]:
    """The requests, and how to answer them; whatever else is printed goes to standard error."""
    private = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(content: Mapping[str, Any]) -> None:
        private.write(json.dumps(content) + "\n")
        private.flush()

    return (json.loads(line) for line in sys.stdin), answer


def _prepared(
    prepare: Callable[[Case], Prepared], case: Case, ready: dict[str, Callable[[], Any]], name: str
) -> dict[str, Any]:
    begin = time.perf_counter()
    try:
        function, info = prepare(case)
        for _ in range(N_WARM_UP):
            function()
    except Exception as error:  # a compiler may fail in any way; that is a result
        return {"error": f"{type(error).__name__}: {str(error)[:2000]}"}
    ready[name] = function
    return {"info": dict(info), "set_up_s": time.perf_counter() - begin}


def timed(function: Callable[[], Any], repeats: int) -> dict[str, list[float]]:
    """Wall and CPU seconds of each of `repeats` calls."""
    wall, cpu = [], []
    for _ in range(repeats):
        begin = time.perf_counter(), time.process_time()
        function()
        wall.append(time.perf_counter() - begin[0])
        cpu.append(time.process_time() - begin[1])
    return {"wall": wall, "cpu": cpu}


def alternate(
    sides: Mapping[str, tuple[Worker, str]], *, rounds: int, seconds: float = 0.3
) -> dict[str, dict[str, Any]]:
    """Time prepared cases in turn, A B C A B C ...; each turn lasts about `seconds`, or one call.

    sides: Label -> (worker, name of the case). Returns per label the median wall and CPU time of a call in each turn,
    and the median over the turns.
    """
    repeats = {}
    for label, (worker, name) in sides.items():
        once = worker.ask("time", name=name, repeats=1)["wall"][0]
        repeats[label] = max(1, int(seconds / max(once, 1e-6)))
    turns: dict[str, list[dict[str, Any]]] = {label: [] for label in sides}
    for _ in range(rounds):
        for label, (worker, name) in sides.items():
            turns[label].append(worker.ask("time", name=name, repeats=repeats[label]))
    return {label: _summary(answers, repeats[label]) for label, answers in turns.items()}


def _summary(answers: Sequence[Mapping[str, Any]], repeats: int) -> dict[str, Any]:
    wall, cpu = ([median(answer[clock]) for answer in answers] for clock in ("wall", "cpu"))
    return {
        "wall_s": median(wall),
        "cpu_s": median(cpu),
        "turns_wall_s": wall,
        "turns_cpu_s": cpu,
        "calls_per_turn": repeats,
    }


def median(values: Sequence[float]) -> float:
    """The middle one, or the mean of the two in the middle."""
    ordered = sorted(values)
    n = len(ordered)
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
