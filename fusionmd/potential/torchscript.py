"""TorchScript without its deprecation notices: scripting, saving and loading in one place.

torch >= 2.9 announces that TorchScript will go. We know (see `compile.py`); the user cannot act on it.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

_NOTICE = r"`torch\.jit\.(script|save|load|script_method|interface)` is (deprecated|not supported)"


def scripted(module: nn.Module) -> Any:
    """`module` compiled to TorchScript."""
    with _without_notices():
        return torch.jit.script(module)


def saved(module: Any) -> bytes:
    """A scripted module as the bytes of a TorchScript archive."""
    buffer = io.BytesIO()
    with _without_notices():
        torch.jit.save(module, buffer)
    return buffer.getvalue()


def loaded(content: bytes, device: torch.device | str = "cpu") -> Any:
    """The scripted module in `content`; torch raises RuntimeError where there is none."""
    with _without_notices():
        return torch.jit.load(io.BytesIO(content), map_location=torch.device(device))


@contextmanager
def differentiable() -> Iterator[None]:
    """Gradients on, whatever the caller's mode, and TorchScript's own optimiser off.

    The optimiser specialises the code to the sizes of the first calls and costs seconds there; the sizes of a
    neighbour list change at every step, where plain execution is faster.
    """
    with torch.inference_mode(False), torch.enable_grad(), torch.jit.optimized_execution(False):
        yield


@contextmanager
def _without_notices() -> Iterator[None]:
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning):
            warnings.filterwarnings("ignore", message=_NOTICE, category=category)
        yield
