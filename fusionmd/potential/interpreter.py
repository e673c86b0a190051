"""A Python interpreter of TorchScript graphs: what lets a potential file be traced without its architecture's code.

The interpreter of torch insists on concrete sizes. This one hands every operation to `torch.ops.aten`, so that sizes
may be symbols and tensors may be fake, and `make_fx` can record a graph with dynamic shapes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch

from fusionmd.errors import PotentialFormatError

Environment = dict[str, Any]
MAX_CALL_DEPTH = 30


def interpreted(module: Any, method: str = "forward") -> Callable[..., Any]:
    """`module.method` of a scripted module as a Python function of the same arguments."""
    graph = _inlined(getattr(module, method).graph.copy())
    names = [value.debugName() for value in graph.inputs()]

    def call(*arguments: Any) -> Any:
        environment: Environment = dict(zip(names, (module, *arguments), strict=True))
        outputs = _run(graph, environment)
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    return call


def _inlined(graph: Any) -> Any:
    """The graph without calls; one pass of torch may leave calls inside what it inlined."""
    for _ in range(MAX_CALL_DEPTH):
        torch._C._jit_pass_inline(graph)
        if not any(graph.findAllNodes(kind, recurse=True) for kind in ("prim::CallFunction", "prim::CallMethod")):
            break
    return graph


def _run(block: Any, environment: Environment) -> list[Any]:
    """Execute the nodes of a graph or block; its outputs."""
    for node in block.nodes():
        inputs = [environment[value.debugName()] for value in node.inputs()]
        results = _step(node, inputs, environment)
        names = [value.debugName() for value in node.outputs()]
        environment.update(zip(names, results, strict=True))
    return [environment[value.debugName()] for value in block.outputs()]


def _step(node: Any, inputs: list[Any], environment: Environment) -> list[Any]:
    """Results of one node."""
    kind = node.kind()
    if kind in _STRUCTURAL:
        return _STRUCTURAL[kind](node, inputs, environment)
    name = kind.split("::")[1]
    if name in _ON_ANYTHING or (name in _ON_VALUES and not _has_tensor(inputs)):
        return [_ON_VALUES[name](*inputs)]
    if name in _ON_LISTS and isinstance(inputs[0], (list, tuple)):
        return [_ON_LISTS[name](*inputs)]
    if kind in _ATTRIBUTES:
        return [getattr(inputs[0], name)]
    if kind.startswith("aten::") and (name in _FACTORIES or _has_tensor(inputs)):
        return _outputs(node, _operation(node, name)(*inputs))
    raise PotentialFormatError(
        f"cannot compile: TorchScript operation {kind} is not known to the tracer; use compiled='no'"
    )


def _operation(node: Any, name: str) -> Callable[..., Any]:
    """The aten operation a node names; `hacked_twin` overloads are the plain ones with fewer Optionals."""
    packet = getattr(torch.ops.aten, name)
    declared = node.schema().split("(")[0].split(".")
    overload = declared[1].removesuffix("_hacked_twin") if len(declared) > 1 else "default"
    if overload not in packet.overloads():
        return packet
    operation = getattr(packet, overload)
    return lambda *values: operation(*_positional(operation, values), **_keywords(operation, values))


def _positional(operation: Any, values: tuple[Any, ...]) -> list[Any]:
    return [
        value for value, argument in zip(values, operation._schema.arguments, strict=False) if not argument.kwarg_only
    ]


def _keywords(operation: Any, values: tuple[Any, ...]) -> dict[str, Any]:
    pairs = zip(values, operation._schema.arguments, strict=False)
    return {argument.name: value for value, argument in pairs if argument.kwarg_only}


def _outputs(node: Any, result: Any) -> list[Any]:
    return list(result) if node.outputsSize() > 1 else [result]


def _constant(node: Any, inputs: list[Any], environment: Environment) -> list[Any]:
    output = node.output()
    # Functions were inlined; what is left of them is not read.
    return [None if str(output.type()) == "Function" else output.toIValue()]


def _branch(node: Any, inputs: list[Any], environment: Environment) -> list[Any]:
    first, second = node.blocks()
    return _run(first if inputs[0] else second, environment)


def _loop(node: Any, inputs: list[Any], environment: Environment) -> list[Any]:
    (body,) = node.blocks()
    n_trips, condition, *carried = inputs
    names = [value.debugName() for value in body.inputs()]
    trip = 0
    while condition and trip < n_trips:
        environment.update(zip(names, (trip, *carried), strict=True))
        condition, *carried = _run(body, environment)
        trip += 1
    return list(carried)


def _raise(node: Any, inputs: list[Any], environment: Environment) -> list[Any]:
    raise PotentialFormatError(f"cannot compile: the potential itself raised {inputs[0]!r} while it was traced")


_STRUCTURAL: Mapping[str, Callable[[Any, list[Any], Environment], list[Any]]] = {
    "prim::Constant": _constant,
    "prim::GetAttr": lambda node, inputs, _: [getattr(inputs[0], node.s("name"))],
    "prim::ListConstruct": lambda node, inputs, _: [list(inputs)],
    "prim::TupleConstruct": lambda node, inputs, _: [tuple(inputs)],
    "prim::ListUnpack": lambda node, inputs, _: list(inputs[0]),
    "prim::TupleUnpack": lambda node, inputs, _: list(inputs[0]),
    "prim::TupleIndex": lambda node, inputs, _: [inputs[0][inputs[1]]],
    "aten::size": lambda node, inputs, _: [_size(*inputs)],
    "prim::unchecked_cast": lambda node, inputs, _: inputs,
    "aten::_unwrap_optional": lambda node, inputs, _: inputs,
    "prim::Uninitialized": lambda node, inputs, _: [None],
    "prim::RaiseException": _raise,
    "prim::If": _branch,
    "prim::Loop": _loop,
}
_ATTRIBUTES = frozenset({"prim::dtype", "prim::device", "prim::is_cuda", "prim::layout", "prim::requires_grad"})


def _append(values: list[Any], item: Any) -> list[Any]:
    values.append(item)
    return values


def _set_item(values: list[Any], index: int, item: Any) -> list[Any]:
    values[index] = item
    return values


def _size(tensor: torch.Tensor, dim: int | None = None) -> Any:
    """Asked of the tensor, for the operation `aten::size` forgets that a size is a symbol."""
    return list(tensor.shape) if dim is None else tensor.shape[dim]


def _slice(values: list[Any], start: Any, stop: Any, step: Any) -> list[Any]:
    return values[slice(start, stop, step)]


_ON_LISTS: Mapping[str, Callable[..., Any]] = {
    "__getitem__": operator.getitem,
    "add": operator.add,
    "_set_item": _set_item,
    "append": _append,
    "len": len,
    "list": list,
    "slice": _slice,
}
_ON_VALUES: Mapping[str, Callable[..., Any]] = {
    **_ON_LISTS,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "floordiv": operator.floordiv,
    "remainder": operator.mod,
    "neg": operator.neg,
    "pow": operator.pow,
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "__is__": operator.is_,
    "__isnot__": operator.is_not,
    "__not__": operator.not_,
    "__and__": operator.and_,
    "__or__": operator.or_,
    "__contains__": operator.contains,
    "min": lambda *values: min(values[0] if len(values) == 1 else values),
    "max": lambda *values: max(values[0] if len(values) == 1 else values),
    "sqrt": lambda value: value**0.5,
    "Int": int,
    "Float": float,
    "Bool": bool,
    "format": lambda text, *values: text.format(*values),
}
_FACTORIES = frozenset({"arange", "empty", "eye", "full", "linspace", "ones", "scalar_tensor", "tensor", "zeros"})
# Identity is asked of tensors too (`x is None`).
_ON_ANYTHING = frozenset({"__is__", "__isnot__"})


def _has_tensor(values: list[Any]) -> bool:
    return any(isinstance(value, torch.Tensor) or (isinstance(value, list) and _has_tensor(value)) for value in values)
