"""Ctrl-C for engines that must not be interrupted within a step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupts_waiting() -> Iterator[Callable[[], None]]:
    """Ctrl-C waits until what this yields is called, and is raised there: an engine in C++ would leave half a step."""
    pressed = threading.Event()

    def raise_if_pressed() -> None:
        if pressed.is_set():
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only there may handlers be set
        yield raise_if_pressed
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.set())
    try:
        yield raise_if_pressed
    finally:
        signal.signal(signal.SIGINT, before)
