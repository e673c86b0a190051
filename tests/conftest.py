"""For all tests: what a test leaves behind in the environment ends with it, and is told."""

import os
import warnings

import pytest

WATCHED = ("FUSIONMD_CACHE", "XDG_CACHE_HOME", "HOME", "PATH")


@pytest.fixture(autouse=True)
def same_caches():
    """Caches are found by these variables, by child processes of later tests too."""
    before = {name: os.environ.get(name) for name in WATCHED}
    yield
    for name, value in before.items():
        if os.environ.get(name) != value:
            warnings.warn(f"{name} was left as {os.environ.get(name)!r}, it was {value!r}", stacklevel=1)
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
