"""Exporting: models become one potential file, written only if every check holds."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from safetensors.torch import save as safetensors_bytes
from torch import Tensor, nn

from fusionmd import __version__
from fusionmd.elements import symbols
from fusionmd.errors import PotentialFormatError
from fusionmd.files import write_bytes_atomic
from fusionmd.o3 import CONVENTION_ID
from fusionmd.potential.archive import EXCHANGE, METADATA, NATIVE, NATIVE_EXCHANGE, SELF_TEST, WEIGHTS, pack
from fusionmd.potential.checks import demand, export_checks, gaps, rounded
from fusionmd.potential.contract import check_contract, model_dtype, native_forms, with_ghost_exchange
from fusionmd.potential.core import Core, DescribingCore, build_core
from fusionmd.potential.footprint import bytes_per_edge
from fusionmd.potential.frames import default_frames
from fusionmd.potential.heads import AdiabaticHead, build_head
from fusionmd.potential.metadata import Metadata
from fusionmd.potential.potential import Potential
from fusionmd.potential.rigidity import Rigidity
from fusionmd.potential.selftest import make_self_test
from fusionmd.potential.torchscript import saved, scripted
from fusionmd.structure import Structure

Models = nn.Module | Sequence[nn.Module]
ReferenceEnergies = Mapping[int, float | Sequence[float]]


def export_potential(
    models: Models,
    path: str | os.PathLike[str],
    *,
    atomic_energies: ReferenceEnergies,
    name: str = "",
    head: str = AdiabaticHead.kind,
    config: Sequence[Mapping[str, Any]] = (),
    frames: Sequence[Structure] = (),
    rigidity: Rigidity | None = None,
    **provenance: Any,
) -> Metadata:
    """Check `models` (one, or the members of a committee), write the potential file, return its metadata.

    atomic_energies: E0 by atomic number, eV; one number, or one per output.
    config: What rebuilds each member (mappings that JSON can hold), one per member.
    frames: Realistic structures to check and self-test on; a few small ones are best. Invented ones are added.
    rigidity: What gives one model calibrated uncertainties.
    provenance: data_sha256, commit, metrics, calibration, licence_code, licence_weights, citations: as in `Metadata`.
    Raises PotentialFormatError if a check fails; then nothing is written.
    """
    content = potential_bytes(
        models,
        atomic_energies=atomic_energies,
        name=name or _stem(path),
        head=head,
        config=config,
        frames=frames,
        rigidity=rigidity,
        **provenance,
    )
    write_bytes_atomic(path, content[0])
    return content[1]


def potential_bytes(
    models: Models,
    *,
    atomic_energies: ReferenceEnergies,
    name: str,
    head: str = AdiabaticHead.kind,
    config: Sequence[Mapping[str, Any]] = (),
    frames: Sequence[Structure] = (),
    rigidity: Rigidity | None = None,
    **provenance: Any,
) -> tuple[bytes, Metadata]:
    """`export_potential` into memory: the file's bytes and its metadata."""
    members = [_ready(model) for model in ([models] if isinstance(models, nn.Module) else models)]
    if not members:
        raise PotentialFormatError("a potential needs at least one model; got none")
    closing = build_head(head, int(check_contract(members[0]).n_outputs))
    references = _reference_table(members[0], atomic_energies, closing.energy_outputs)
    _check_rigidity(members, rigidity, has_report=bool(provenance.get("calibration")))
    core = build_core(members, closing, references, rigidity)
    forms = {key: build_core(form, closing, references, rigidity) for key, form in other_forms(core, members).items()}
    entries = {key: scripted(emptied(form, core)) for key, form in forms.items()}
    return assemble_file(core, entries, _described(core, name, head, config, provenance), frames)


def other_forms(core: Core, members: Sequence[nn.Module]) -> dict[str, list[nn.Module]]:
    """The members once more as further entries have them: with exchange, in native operations, with both."""
    ghosts = [with_ghost_exchange(model) for model in members] if core.supports_exchange else []
    forms = {EXCHANGE: ghosts, NATIVE: native_forms(members), NATIVE_EXCHANGE: native_forms(ghosts)}
    return {name: form for name, form in forms.items() if form}


def assemble_file(
    core: Core, entries: Mapping[str, Any], metadata: Metadata, frames: Sequence[Structure]
) -> tuple[bytes, Metadata]:
    """Script, check and pack a core and its further entries (scripted, emptied)."""
    module = scripted(core)
    eager, final = Potential(core, metadata, b""), Potential(module, metadata, b"")
    trials = [*frames, *default_frames(core.elements, core.cutoff)]
    checks = export_checks(final, eager, trials)
    demand(checks)
    energy_gap, force_gap = gaps(final, eager, trials)
    test = make_self_test(final, trials, energy_gap=rounded(energy_gap), force_gap=rounded(force_gap))
    metadata = dataclasses.replace(metadata, report={"checks": [check.to_dict() for check in checks]})
    extra_files = {METADATA: metadata.to_json().encode(), WEIGHTS: _weights(core), SELF_TEST: test.to_npz()}
    extra_files |= {name: saved(entry) for name, entry in entries.items()}
    return pack(module, extra_files), metadata


def emptied(core: nn.Module, main: nn.Module) -> nn.Module:
    """A copy of `core` without what `main` has under the same name: who loads it fills that in from the main entry."""
    known = {name for name, _ in [*main.named_parameters(), *main.named_buffers()]}
    core = copy.deepcopy(core)
    for name, tensor in [*core.named_parameters(), *core.named_buffers()]:
        if name in known:
            tensor.data = torch.empty(0, dtype=tensor.dtype)
    return core


def _ready(model: nn.Module) -> nn.Module:
    """A copy on the CPU, in evaluation mode, without gradients of parameters (they would cost memory)."""
    check_contract(model)
    return copy.deepcopy(model).to("cpu").eval().requires_grad_(False)


def _check_rigidity(members: Sequence[nn.Module], rigidity: Rigidity | None, *, has_report: bool) -> None:
    if has_report != (rigidity is not None):
        raise PotentialFormatError(
            "`rigidity` and `calibration` belong together: the file says by the second that it has the first; give both"
        )
    if rigidity is not None and (len(members) > 1 or not hasattr(members[0], "descriptors")):
        raise PotentialFormatError(
            "calibrated uncertainties are those of one model with descriptors: a committee has its own spread, and an "
            "architecture without descriptors needs one"
        )


def _reference_table(model: nn.Module, atomic_energies: ReferenceEnergies, outputs: Sequence[int]) -> Tensor:
    """E0 [n_elements, n_outputs], eV, float64; a single number belongs to the `outputs` that are energies."""
    contract = check_contract(model)
    missing = [z for z in contract.elements if z not in atomic_energies]
    if missing:
        raise PotentialFormatError(
            f"no reference energy for {symbols(missing)}; give atomic_energies for {symbols(contract.elements)}"
        )
    rows = [torch.as_tensor(atomic_energies[z], dtype=torch.float64) for z in contract.elements]
    if any(row.numel() not in (1, contract.n_outputs) or not bool(torch.isfinite(row).all()) for row in rows):
        raise PotentialFormatError(
            f"reference energies are {dict(atomic_energies)}; give one finite number per element, or "
            f"{contract.n_outputs} of them"
        )
    are_energies = torch.zeros(contract.n_outputs, dtype=torch.float64)
    are_energies[list(outputs)] = 1.0
    return torch.stack([row.reshape(-1) * are_energies if row.numel() == 1 else row for row in rows])


def _described(
    core: Core, name: str, head: str, config: Sequence[Mapping[str, Any]], provenance: Mapping[str, Any]
) -> Metadata:
    given = {"config": list(config), **provenance}
    return Metadata(
        name=name,
        elements=tuple(core.elements),
        cutoff=core.cutoff,
        n_hops=core.n_hops,
        n_outputs=core.n_outputs,
        n_states=core.n_states,
        n_members=core.n_members,
        head=head,
        dtype=str(model_dtype(core.members[0])).removeprefix("torch."),
        supports_exchange=core.supports_exchange,
        atomic_energies=tuple(tuple(row) for row in core.atomic_energies.tolist()),
        bytes_per_edge=bytes_per_edge(core),
        has_descriptors=isinstance(core, DescribingCore),
        clebsch_gordan_convention=CONVENTION_ID,
        torch_version=torch.__version__,
        fusionmd_version=__version__,
        **_plain(given),
    )


def _weights(core: nn.Module) -> bytes:
    """`weights.safetensors`: parameters and buffers of the members, `members.<k>.<name>`, and of the rigidity."""
    tensors = {
        key: value.detach().contiguous().clone()
        for key, value in core.state_dict().items()
        if key.startswith(("members.", "rigidity_"))
    }
    return safetensors_bytes(tensors)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """What JSON can hold: NaN and infinity become null, other objects their text."""

    def finite(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(key): finite(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [finite(item) for item in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return dict(json.loads(json.dumps(finite(values), default=str)))


def _stem(path: str | os.PathLike[str]) -> str:
    return os.path.splitext(os.path.basename(os.fspath(path)))[0]
