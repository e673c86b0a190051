"""TorchScript without its deprecation notices: scripting, saving and loading in one place.

torch >= 2.9 announces that TorchScript will go. We know (see `compile.py`); the user cannot act on it.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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


class differentiable:
    """Gradients on, whatever the caller's mode, and TorchScript's own optimiser off.

    The optimiser specialises the code to the sizes of the first calls and costs seconds there; the sizes of a
    neighbour list change at every step, where plain execution is faster. A class, and torch's switch for the optimiser
    instead of its context manager: for a dozen atoms, those thirty microseconds are a tenth of a step.
    """

    def __enter__(self) -> None:
        self._optimizes = torch._C._get_graph_executor_optimize()
        torch._C._set_graph_executor_optimize(False)
        self._modes: ExitStack | None = None
        if torch.is_inference_mode_enabled() or not torch.is_grad_enabled():
            self._modes = ExitStack()
            self._modes.enter_context(torch.inference_mode(False))
            self._modes.enter_context(torch.enable_grad())

    def __exit__(self, *problem: object) -> None:
        if self._modes is not None:
            self._modes.close()
        torch._C._set_graph_executor_optimize(self._optimizes)


@contextmanager
def _without_notices() -> Iterator[None]:
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning):
            warnings.filterwarnings("ignore", message=_NOTICE, category=category)
        yield
