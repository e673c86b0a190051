"""Compiling a potential for this machine: TorchScript -> make_fx -> torch.export -> AOTInductor, kept in a cache.

The compiled form is native code, so it is made here, from the file, and never taken from beside a potential. It lives
under a hash of all it depends on, and is compared with TorchScript before it is used. Numbers of nodes, edges and slots
are free; what has fewer than two nodes or edges goes to TorchScript.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fusionmd.errors import PotentialFormatError
from fusionmd.files import atomic_write
from fusionmd.graph import Graph, concatenate
from fusionmd.potential.frames import chain_frame, default_frames
from fusionmd.potential.interpreter import interpreted
from fusionmd.potential.passes import inputs
from fusionmd.potential.potential import Potential

# Raise when what is compiled changes, so that old files are not found any more.
FORM = 1
MIN_SIZE = 2
TOLERANCES = {"float64": 1e-9, "float32": 1e-3}  # relative to the largest gradient, at least 1 eV/angstrom

# (edge_vectors, senders, receivers, slots, species, weights [n_nodes, n_outputs]) -> contributions (no E0), gradients
Primitive = Callable[..., tuple[Tensor, Tensor]]

INDUCTOR_SETTINGS: dict[str, Any] = {"max_pointwise_cat_inputs": 0}
"""A concatenation fused into a pointwise kernel becomes branches that keep it from being vectorised: twice as slow."""


@dataclass(frozen=True, eq=False)
class CompiledDifferentiate:
    """`Core.differentiate` by compiled members; the core itself where sizes are too small.

    Strides and dtypes are settled here: the compiled code would read whatever it is given.
    """

    core: Any
    members: tuple[Primitive, ...]

    def __call__(
        self,
        edge_vectors: Tensor,
        senders: Tensor,
        receivers: Tensor,
        slots: Tensor,
        species: Tensor,
        n_local: int,
        weights: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Arguments and results as in `Core.differentiate`."""
        if min(species.shape[0], senders.shape[0]) < MIN_SIZE:
            contributions, gradients = self.core.differentiate(
                edge_vectors, senders, receivers, slots, species, n_local, weights
            )
            return contributions, gradients
        floats, whole = (
            edge_vectors.to(torch.float64).contiguous(),
            [_index(t) for t in (senders, receivers, slots, species)],
        )
        weights = _with_context(weights, species.shape[0])
        references = self.core.atomic_energies[species[:n_local]]
        energies, slopes = [], []
        for member, compiled in enumerate(self.members):
            results = [compiled(floats, *whole, request.contiguous()) for request in weights[member]]
            energies.append(results[0][0][:n_local] + references)
            slopes.append(torch.stack([gradient for _, gradient in results]))
        return torch.stack(energies), torch.stack(slopes)


def compile_potential(potential: Potential) -> list[Path]:
    """Compile every member into the cache (about a minute each), test it, return the files."""
    for member, path in enumerate(compiled_files(potential)):
        if not path.exists():
            _build(potential, member, path)
    compiled_differentiate(potential)
    return compiled_files(potential)


def compiled_differentiate(potential: Potential, *, build: bool = False) -> CompiledDifferentiate | None:
    """The compiled form from the cache; None if there is none and `build` is False."""
    paths = compiled_files(potential)
    if build:
        compile_potential(potential)
    if not all(path.exists() for path in paths):
        return None
    compiled = CompiledDifferentiate(potential.core, tuple(_loaded(path) for path in paths))
    error, tolerance = _deviation(potential, compiled), TOLERANCES[potential.metadata.dtype]
    if not error <= tolerance:
        raise PotentialFormatError(
            f"the compiled form of {potential.metadata.name!r} differs from TorchScript by {error:.2g} (allowed "
            f"{tolerance:.0e}); "
            f"remove {paths[0].parent} and compile again, or use compiled='no'"
        )
    return compiled


def compiled_files(potential: Potential) -> list[Path]:
    """Where the compiled form is, or would be: one file a member."""
    folder = cache_folder() / cache_key(potential)
    return [folder / f"member_{member}.pt2" for member in range(potential.metadata.n_members)]


def cache_folder() -> Path:
    """Where compiled forms live: FUSIONMD_CACHE, else the user's cache directory."""
    given = os.environ.get("FUSIONMD_CACHE")
    root = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fusionmd"
    return root / "compiled"


def cache_key(potential: Potential) -> str:
    """Hash of everything the compiled form depends on: the file, torch, the processor, dtype and device."""
    parts = (str(FORM), potential.sha256, torch.__version__, _processor(potential.device), potential.metadata.dtype)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def traced(potential: Potential, member: int) -> torch.fx.GraphModule:
    """Energy contributions and their gradient as one graph of primitive operations with symbolic sizes."""
    from torch.fx.experimental.proxy_tensor import make_fx

    graph = make_fx(_primitive(potential, member), tracing_mode="symbolic", _allow_non_fake_inputs=True)(
        *_example(potential)
    )
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def _primitive(potential: Potential, member: int) -> Primitive:
    model = interpreted(list(potential.core.members.children())[member])
    dtype = potential.core.model_dtype.dtype

    def primitive(
        edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        vectors = edge_vectors.detach().requires_grad_(True)
        outputs = model(vectors.to(dtype), senders, receivers, slots, species, species.shape[0]).to(torch.float64)
        (gradient,) = torch.autograd.grad((outputs * weights).sum(), vectors)
        return outputs.detach(), gradient

    return primitive


def _build(potential: Potential, member: int, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with _quiet(), atomic_write(path) as temporary:
            program = torch.export.export(
                traced(potential, member), _example(potential), dynamic_shapes=_dynamic_shapes()
            )
            torch._inductor.aoti_compile_and_package(
                program, package_path=str(temporary), inductor_configs=INDUCTOR_SETTINGS
            )
    except Exception as error:  # tracer, exporter and C++ compiler fail in many ways; all mean the same to the user
        first_line = next(iter(str(error).strip().splitlines()), "no message")
        raise PotentialFormatError(
            f"{potential.metadata.name!r} cannot be compiled ({type(error).__name__}: {first_line[:300]}); "
            "is there a C++ compiler? It runs without: compiled='no'"
        ) from error


def _example(potential: Potential) -> tuple[Tensor, ...]:
    """Inputs whose sizes all differ, or the tracer would take equal ones for one symbol."""
    graph = _trial(potential)
    weights = torch.ones(graph.n_nodes, potential.metadata.n_outputs, dtype=torch.float64, device=potential.device)
    return (*inputs(graph, potential.device), weights)


def _trial(potential: Potential) -> Graph:
    elements, cutoff = potential.elements, potential.cutoff
    frames = default_frames(elements, cutoff)
    while True:
        graph = concatenate([potential.graph(frame) for frame in frames])
        sizes = (graph.n_nodes, graph.n_edges, graph.slots.shape[1])
        if len(set(sizes)) == len(sizes) and min(sizes) >= MIN_SIZE:
            return graph
        frames.append(chain_frame(elements, cutoff, 1))


def _dynamic_shapes() -> tuple[dict[int, Any], ...]:
    n_nodes, n_edges, degree = (torch.export.Dim(name, min=MIN_SIZE) for name in ("n_nodes", "n_edges", "max_degree"))
    return ({0: n_edges}, {0: n_edges}, {0: n_edges}, {0: n_nodes, 1: degree}, {0: n_nodes}, {0: n_nodes})


def _deviation(potential: Potential, compiled: CompiledDifferentiate) -> float:
    """Largest deviation from TorchScript on two graphs of different sizes, one with context nodes."""
    frames = default_frames(potential.elements, potential.cutoff)
    chain = chain_frame(potential.elements, potential.cutoff, potential.metadata.n_hops)
    graphs = [concatenate([potential.graph(frame) for frame in frames]), potential.graph(chain)]
    return max(_deviation_on(potential, compiled, graph, graph.n_nodes - k) for k, graph in enumerate(graphs))


def _deviation_on(potential: Potential, compiled: CompiledDifferentiate, graph: Graph, n_local: int) -> float:
    shape = (potential.metadata.n_members, 1, n_local, potential.metadata.n_outputs)
    weights = torch.linspace(0.5, 1.0, n_local * shape[-1], dtype=torch.float64, device=potential.device)
    arguments = (*inputs(graph, potential.device), n_local, weights.reshape(shape[2:]).expand(shape))
    with torch.enable_grad():
        pairs = list(zip(compiled(*arguments), potential.core.differentiate(*arguments), strict=True))
    scale = max(1.0, float(pairs[1][1].abs().max()))
    return max(float((a - b).abs().nan_to_num(nan=torch.inf).max()) for a, b in pairs) / scale


def _loaded(path: Path) -> Primitive:
    """The compiled member; only a file of this user is native code we run."""
    if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
        raise PotentialFormatError(
            f"{path} belongs to another user and is not run; remove it, or set FUSIONMD_CACHE to a folder of yours"
        )
    with _quiet():
        return torch._inductor.aoti_load_package(str(path))


def _processor(device: torch.device) -> str:
    """What native code depends on: the instruction sets of the CPU, or the GPU's architecture."""
    if device.type == "cuda":
        return f"cuda {torch.cuda.get_device_capability(device)} {torch.version.cuda}"
    try:
        with open("/proc/cpuinfo") as lines:
            flags = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    except OSError:
        flags = ""
    return f"cpu {torch.backends.cpu.get_cpu_capability()} {flags}"


def _index(tensor: Tensor) -> Tensor:
    return tensor.to(torch.int64).contiguous()


def _with_context(weights: Tensor, n_nodes: int) -> Tensor:
    """Weights [..., n_local, n_outputs] grown to all nodes: context owns no energy."""
    return torch.nn.functional.pad(weights, (0, 0, 0, n_nodes - weights.shape[-2]))


@contextmanager
def _quiet() -> Iterator[None]:
    """torch's compiler warns about its own internals; none of it is for the user."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"torch\.|copyreg")
        yield
