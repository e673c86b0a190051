"""TorchInductor as this project uses it, for potentials and for training steps alike."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

INDUCTOR_SETTINGS: dict[str, Any] = {"max_pointwise_cat_inputs": 0}
"""A concatenation fused into a pointwise kernel becomes branches that keep it from being vectorised: twice as slow."""


@contextmanager
def quiet() -> Iterator[None]:
    """torch's compiler warns about its own internals; none of it is for the user."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"torch\.|copyreg")
        yield
