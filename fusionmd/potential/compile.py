"""Compiling a potential for this machine: TorchScript -> make_fx -> torch.export -> AOTInductor, kept in a cache.

The compiled form is native code, so it is made here, from the file, and never taken from beside a potential. It lives
under a hash of all it depends on, and is compared with TorchScript before it is used. Numbers of nodes, edges and slots
are free; what has fewer than two nodes or edges goes to TorchScript.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fusionmd.errors import PotentialFormatError
from fusionmd.files import atomic_write, is_own
from fusionmd.graph import Graph, concatenate
from fusionmd.potential.cache import compiled_files
from fusionmd.potential.frames import chain_frame, default_frames
from fusionmd.potential.inductor import INDUCTOR_SETTINGS, quiet
from fusionmd.potential.passes import Differentiate, inputs
from fusionmd.potential.potential import Potential
from fusionmd.potential.torchscript import differentiable
from fusionmd.potential.tracing import MIN_SIZE, Primitive, dynamic_shapes, example_inputs, traced

TOLERANCES = {"float64": 1e-9, "float32": 1e-3}  # relative to the largest gradient, at least 1 eV/angstrom


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
        floats = edge_vectors.to(torch.float64).contiguous()
        whole = [_index(t) for t in (senders, receivers, slots, species)]
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
    error, tolerance = deviation(potential, compiled), TOLERANCES[potential.dtype]
    if not error <= tolerance:
        raise PotentialFormatError(
            f"the compiled form of {potential.metadata.name!r} differs from TorchScript by {error:.2g} "
            f"(allowed {tolerance:.0e}); remove {paths[0].parent} and compile again, or use compiled='no'"
        )
    return compiled


def _build(potential: Potential, member: int, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with quiet(), atomic_write(path) as temporary:
            example = example_inputs(potential)
            program = torch.export.export(traced(potential, member), example, dynamic_shapes=dynamic_shapes())
            settings = dict(INDUCTOR_SETTINGS)
            torch._inductor.aoti_compile_and_package(program, package_path=str(temporary), inductor_configs=settings)
    except Exception as error:  # tracer, exporter and C++ compiler fail in many ways; all mean the same to the user
        first_line = next(iter(str(error).strip().splitlines()), "no message")
        raise PotentialFormatError(
            f"{potential.metadata.name!r} cannot be compiled ({type(error).__name__}: {first_line[:300]}); "
            "is there a C++ compiler? It runs without: compiled='no'"
        ) from error


def deviation(potential: Potential, compiled: Differentiate) -> float:
    """Largest deviation of another form of `Core.differentiate` from TorchScript, on two graphs of different sizes, one
    with context nodes; relative to the largest gradient, at least 1 eV/angstrom.
    """
    frames = default_frames(potential.elements, potential.cutoff)
    chain = chain_frame(potential.elements, potential.cutoff, potential.metadata.n_hops)
    graphs = [concatenate([potential.graph(frame) for frame in frames]), potential.graph(chain)]
    return max(_deviation_on(potential, compiled, graph, graph.n_nodes - k) for k, graph in enumerate(graphs))


def _deviation_on(potential: Potential, compiled: Differentiate, graph: Graph, n_local: int) -> float:
    shape = (potential.metadata.n_members, 1, n_local, potential.metadata.n_outputs)
    weights = torch.linspace(0.5, 1.0, n_local * shape[-1], dtype=torch.float64, device=potential.device)
    arguments = (*inputs(graph, potential.device), n_local, weights.reshape(shape[2:]).expand(shape))
    with differentiable():
        pairs = list(zip(compiled(*arguments), potential.core.differentiate(*arguments), strict=True))
    scale = max(1.0, float(pairs[1][1].abs().max()))
    return max(float((a - b).abs().nan_to_num(nan=torch.inf).max()) for a, b in pairs) / scale


def _loaded(path: Path) -> Primitive:
    """The compiled member; only a file of this user is native code we run."""
    if not is_own(path):
        raise PotentialFormatError(
            f"{path} belongs to another user and is not run; remove it, or set FUSIONMD_CACHE to a folder of yours"
        )
    with quiet():
        return torch._inductor.aoti_load_package(str(path))


def _index(tensor: Tensor) -> Tensor:
    return tensor.to(torch.int64).contiguous()


def _with_context(weights: Tensor, n_nodes: int) -> Tensor:
    """Weights [..., n_local, n_outputs] grown to all nodes: context owns no energy."""
    return torch.nn.functional.pad(weights, (0, 0, 0, n_nodes - weights.shape[-2]))
