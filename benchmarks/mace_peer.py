"""The peer: MACE of mace-torch with the sizes of our benchmarks. Runs in the peer's own environment, without fusionmd.

Batatia et al., NeurIPS 2022. Interaction energies only: E0 is subtracted from the labels in float64 beforehand, because
float32 cannot hold total energies of thousands of eV (spacing 1 meV at -9,391 eV).
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import mace  # noqa: F401  before e3nn: it makes e3nn's tables loadable
import numpy as np
import torch
from e3nn import o3
from e3nn.util import jit

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from mace import modules
    from mace.data import AtomicData, Configuration
    from mace.data.padding_tools import build_fake_padding_graph
    from mace.tools import AtomicNumberTable
    from mace.tools.compile import prepare
    from mace.tools.torch_geometric.batch import Batch

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Settings:
    """avg_num_neighbors, scale (RMS force) and shift (mean interaction energy per atom) come from the training set."""

    n_channels: int = 64
    elements: tuple[int, ...] = (1, 6, 8)
    cutoff: float = 5.0
    n_bessel: int = 8
    cutoff_power: int = 5
    l_max: int = 3
    n_layers: int = 2
    correlation: int = 3
    radial_mlp: tuple[int, ...] = (64, 64, 64)
    readout: str = "16x0e"
    avg_num_neighbors: float = 12.0
    scale: float = 1.0
    shift: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """For the result files."""
        return asdict(self)


def build(settings: Settings, *, seed: int = 0) -> torch.nn.Module:
    """A ScaleShiftMACE with random weights and hidden features C x 0e + C x 1o, in the default dtype."""
    torch.manual_seed(seed)
    return modules.ScaleShiftMACE(
        r_max=settings.cutoff,
        num_bessel=settings.n_bessel,
        num_polynomial_cutoff=settings.cutoff_power,
        max_ell=settings.l_max,
        interaction_cls=modules.RealAgnosticResidualInteractionBlock,
        interaction_cls_first=modules.RealAgnosticInteractionBlock,
        num_interactions=settings.n_layers,
        num_elements=len(settings.elements),
        hidden_irreps=o3.Irreps(f"{settings.n_channels}x0e + {settings.n_channels}x1o"),
        MLP_irreps=o3.Irreps(settings.readout),
        gate=torch.nn.functional.silu,
        atomic_energies=np.zeros(len(settings.elements)),
        avg_num_neighbors=settings.avg_num_neighbors,
        atomic_numbers=list(settings.elements),
        correlation=settings.correlation,
        radial_MLP=list(settings.radial_mlp),
        radial_type="bessel",
        atomic_inter_scale=settings.scale,
        atomic_inter_shift=settings.shift,
    )


def in_mode(settings: Settings, mode: str, *, seed: int = 0) -> Callable[..., Any]:
    """The model `eager`, `scripted` (e3nn's jit.compile, as mace exports it) or `compiled` (mace's own recipe)."""
    if mode == "eager":
        return build(settings, seed=seed)
    if mode == "scripted":
        return jit.compile(build(settings, seed=seed))
    if mode.startswith("compiled"):
        return compiled(settings, mode.partition(":")[2] or "default", seed=seed)
    raise ValueError(f"mode {mode!r}; known are eager, scripted, compiled, compiled:MODE")


def compiled(settings: Settings, mode: str = "default", *, seed: int = 0) -> Callable[..., Any]:
    """torch.compile of the model that mace's `prepare` makes, with the gradient for forces inside the graph."""
    model = prepare(lambda: build(settings, seed=seed))()
    return torch.compile(model, mode=mode, fullgraph=True, dynamic=False)


def graph(
    numbers: Sequence[int], positions: np.ndarray, settings: Settings, *, energy: float = 0.0, forces: Any = None
) -> AtomicData:
    """One free molecule with its edges. energy: interaction energy, eV; forces: eV/angstrom."""
    config = Configuration(
        atomic_numbers=np.asarray(numbers),
        positions=np.asarray(positions, dtype=float),
        properties={"energy": energy, "forces": np.zeros_like(positions) if forces is None else forces},
        property_weights={"energy": 1.0, "forces": 1.0},
        pbc=(False, False, False),
        cell=np.zeros((3, 3)),
    )
    return AtomicData.from_config(config, AtomicNumberTable(settings.elements), cutoff=settings.cutoff)


def batch_of(graphs: Sequence[AtomicData]) -> Tensors:
    """The graphs as one batch, in the form that the model takes."""
    return Batch.from_data_list(list(graphs)).to_dict()


def padded_batch_of(graphs: Sequence[AtomicData], settings: Settings, n_edges: int) -> Tensors:
    """As `batch_of`, with one more atom and structure of mace's own padding, so that there are `n_edges` edges."""
    missing = n_edges - sum(graph.edge_index.shape[1] for graph in graphs)
    padding = build_fake_padding_graph(graphs[0], num_atoms=1, num_edges=missing, r_max=settings.cutoff)
    return batch_of([*graphs, padding])


def energies_and_forces(model: Callable[..., Any], batch: Tensors, *, training: bool = False) -> tuple[Any, Any]:
    """Interaction energies [n_structures] and forces [n_atoms, 3]; with `training` they can be differentiated."""
    batch["positions"].requires_grad_(True)
    output = model(batch, training=training, compute_force=True)
    return output["interaction_energy"], output["forces"]


def errors(output: tuple[Any, Any], batch: Tensors, *, n_padding: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Errors of energies and of forces, without the last `n_padding` structures of one atom each."""
    n_structures, n_atoms = len(batch["energy"]) - n_padding, len(batch["forces"]) - n_padding
    return (output[0] - batch["energy"])[:n_structures], (output[1] - batch["forces"])[:n_atoms]


def loss(wrong: tuple[torch.Tensor, torch.Tensor], *, energy: float, forces: float) -> torch.Tensor:
    """Mean square errors of total energies and of force components, weighted."""
    return energy * wrong[0].square().mean() + forces * wrong[1].square().mean()


def optimizer(model: torch.nn.Module, *, learning_rate: float, weight_decay: float = 5e-7) -> torch.optim.Optimizer:
    """AMSGrad Adam; decay on linear weights of interactions and on product weights, as mace's run_train has it."""
    decays = lambda name: "products." in name or "linear.weight" in name or "skip_tp_full.weight" in name  # noqa: E731
    named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for name, p in named if decays(name)], "weight_decay": weight_decay},
        {"params": [p for name, p in named if not decays(name)], "weight_decay": 0.0},
    ]
    return torch.optim.Adam(groups, lr=learning_rate, amsgrad=True)
