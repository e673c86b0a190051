"""Write a `mace-torch` model as plain numbers; run it where mace-torch 0.3 is installed: python mace_dump.py MODEL OUT.

Makes OUT.safetensors (parameters, coupling tables) and OUT.json (what kind of model it is). It needs nothing of
fusionmd. A `.model` file is a pickle: opening it runs code, so open only files that you trust.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from importlib import import_module
from typing import Any

import torch

FORMAT = 1
DIRECTION = (0.36, -0.48, 0.8)


def main(model_path: str, out: str, licence: str = "") -> None:
    """Open the model, write both files."""
    from safetensors.torch import save_file

    model = import_module("mace.calculators").MACECalculator(model_paths=model_path, device="cpu").models[0]
    save_file(arrays(model), out + ".safetensors")
    with open(out + ".json", "w", encoding="utf-8") as file:
        json.dump({**description(model), "licence": licence}, file, indent=1)


def arrays(model: Any) -> dict[str, torch.Tensor]:
    """Parameters and tables by their names in mace-torch, and the phases of its harmonics and couplings."""
    o3 = import_module("e3nn.o3")
    known = {
        name: value.detach().clone().contiguous()
        for name, value in model.state_dict().items()
        if value.is_floating_point() and value.numel() and not name.endswith("output_mask") and "_compiled" not in name
    }
    l_max = max(ir.l for _, ir in model.interactions[0].edge_attrs_irreps)
    triples = [(a, b, c) for a in range(l_max + 1) for b in range(l_max + 1) for c in range(abs(a - b), l_max + 1)]
    for a, b, c in triples:
        if c <= a + b and (a + b + c) % 2 == 0:
            known[f"w3j_{a}_{b}_{c}"] = o3.wigner_3j(a, b, c, dtype=torch.float64)
    direction = torch.tensor(DIRECTION, dtype=torch.float64)
    harmonics = o3.spherical_harmonics(list(range(l_max + 1)), direction, True, normalization="component")
    return {name: value.contiguous() for name, value in {**known, "harmonics": harmonics}.items()}


def description(model: Any) -> dict[str, Any]:
    """Kind, sizes and options; whoever reads it decides what is supported."""
    normalize2mom = import_module("e3nn.math").normalize2mom
    radial = model.radial_embedding
    gates = [getattr(readout, "non_linearity", None) for readout in model.readouts]
    return {
        "format": FORMAT,
        "mace_torch": importlib.metadata.version("mace-torch"),
        "model": type(model).__name__,
        "interactions": [type(block).__name__ for block in model.interactions],
        "hidden_irreps": [str(block.hidden_irreps) for block in model.interactions],
        "node_irreps": [str(block.node_feats_irreps) for block in model.interactions],
        "edge_irreps": [str(block.edge_attrs_irreps) for block in model.interactions],
        "channel_irreps": [str(getattr(block, "edge_irreps", block.node_feats_irreps)) for block in model.interactions],
        "target_irreps": [str(block.target_irreps) for block in model.interactions],
        "radial_widths": [list(block.radial_MLP) for block in model.interactions],
        "avg_num_neighbors": [float(block.avg_num_neighbors) for block in model.interactions],
        "correlation": [block.symmetric_contractions.contractions[0].correlation for block in model.products],
        "agnostic_product": bool(getattr(model, "use_agnostic_product", False)),
        "readouts": [type(readout).__name__ for readout in model.readouts],
        "gates": [_gate(gate) for gate in gates],
        "radial": type(radial.bessel_fn).__name__,
        "transform": type(getattr(radial, "distance_transform", None)).__name__,
        "apply_cutoff": bool(getattr(radial, "apply_cutoff", True)),
        "cutoff_power": int(radial.cutoff_fn.p),
        "pair_repulsion": hasattr(model, "pair_repulsion"),
        "embeddings": hasattr(model, "joint_embedding"),
        "n_basis": int(radial.out_dim),
        "readout_width": sum(mul for mul, _ in model.readouts[-1].hidden_irreps)
        // len(getattr(model, "heads", ["Default"]))
        if hasattr(model.readouts[-1], "hidden_irreps")
        else 0,
        "r_max": float(model.r_max),
        "atomic_numbers": [int(z) for z in model.atomic_numbers],
        "heads": list(getattr(model, "heads", ["Default"])),
        "silu_gain": float(normalize2mom(torch.nn.functional.silu).cst),
        "dtype": str(next(model.parameters()).dtype).removeprefix("torch."),
    }


def _gate(activation: Any) -> str:
    """Name of the function in the readout network; empty for a linear readout."""
    if activation is None:
        return ""
    function = activation.acts[0]
    return getattr(getattr(function, "f", function), "__name__", type(function).__name__)


if __name__ == "__main__":
    main(*sys.argv[1:])
