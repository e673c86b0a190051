"""The step traced once with fixed shapes and compiled by TorchInductor.

`make_fx` records the primitive operations of forward, forces and parameter gradients as one graph; the compiler fuses
them. Autograd does not run at all at training time. What cannot be traced or compiled runs eagerly, with the reason.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from fusionmd.potential.inductor import INDUCTOR_SETTINGS

TensorFunction = Callable[..., tuple[Tensor, ...]]
# One step is one kernel to compile: a pool of compiler processes would only cost memory.
SETTINGS = {**INDUCTOR_SETTINGS, "compile_threads": 1}
# Far above rounding, far below any wrong result.
TOLERANCES = {torch.float32: 1e-3, torch.float64: 1e-9}


@dataclass(frozen=True)
class Compiled:
    """function: fast or, if that failed, the original; failure: why it is the original (None: it is compiled)."""

    function: TensorFunction
    failure: str | None = None


def compiled(function: TensorFunction, example: Sequence[Tensor], *, dtype: torch.dtype) -> Compiled:
    """`function` compiled for the shapes of `example`, checked against the eager result there."""
    try:
        fast = compile_traced(function, example)
        gap = largest_gap(fast(*example), function(*example))
    except Exception as error:  # a compiler may fail in any way; training must go on
        return Compiled(function, f"{type(error).__name__}: {first_line(error)}")
    if not gap <= TOLERANCES[dtype]:
        return Compiled(function, f"compiled and eager results differ by {gap:.1e} (allowed {TOLERANCES[dtype]:.0e})")
    return Compiled(fast)


def compile_traced(function: TensorFunction, example: Sequence[Tensor]) -> TensorFunction:
    """Trace `function` at `example` and compile the trace; raises whatever tracer or compiler raise."""
    from torch._inductor import config as inductor_config
    from torch._inductor.compile_fx import compile_fx

    detached = [tensor.detach() for tensor in example]
    with warnings.catch_warnings(), torch.no_grad(), inductor_config.patch(SETTINGS):
        warnings.simplefilter("ignore")
        fast = cast(TensorFunction, compile_fx(traced(function, detached), detached))
        fast(*detached)

    def call(*tensors: Tensor) -> tuple[Tensor, ...]:
        with torch.no_grad():
            return tuple(fast(*tensors))

    return call


def traced(function: TensorFunction, example: Sequence[Tensor]) -> torch.fx.GraphModule:
    """The primitive operations of `function`, derivatives included, for the shapes of `example`."""
    from torch.fx.experimental.proxy_tensor import make_fx

    with torch.enable_grad():
        graph = make_fx(function, tracing_mode="real")(*(tensor.detach() for tensor in example))
    _make_lone_cats_contiguous_(graph)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def _make_lone_cats_contiguous_(graph: torch.fx.GraphModule) -> None:
    """Real tensors come out of `cat` contiguous; the compiler believes that one alone keeps its strides, and fails."""
    for node in graph.graph.find_nodes(op="call_function", target=torch.ops.aten.cat.default):
        (pieces, *_) = node.args
        if len(pieces) == 1:
            with graph.graph.inserting_before(node):
                clone = graph.graph.call_function(
                    torch.ops.aten.clone.default, (pieces[0],), {"memory_format": torch.contiguous_format}
                )
            node.replace_all_uses_with(clone)


def largest_gap(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """Largest difference in any pair of tensors, over its largest magnitude (1e-3 of the overall one at least)."""
    scale = max((float(b.abs().max()) for b in theirs if b.numel()), default=0.0)
    floor = 1e-3 * scale + torch.finfo(torch.float64).tiny
    return max(
        (
            float((a - b).abs().max()) / max(float(b.abs().max()), floor)
            for a, b in zip(ours, theirs, strict=True)
            if b.numel()
        ),
        default=0.0,
    )


def first_line(error: Exception) -> str:
    """The start of an error's message."""
    return (str(error).strip().splitlines() or ["no message"])[0][:200]
