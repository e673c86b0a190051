"""One thread for linear algebra: small matrices are slower on several, much so where other work has the cores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

# For the environment of new processes: libraries read the number of their threads when they are loaded.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS and OpenMP libraries, those that were loaded at its first use, keep to one thread; then as before."""
    with _controller().limit(limits=1):
        yield


@cache
def _controller() -> ThreadpoolController:
    """Found once: looking for libraries takes milliseconds."""
    return ThreadpoolController()
