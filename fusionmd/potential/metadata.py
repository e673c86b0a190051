"""What a potential file says about itself: `fusionmd.json`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fusionmd.errors import PotentialFormatError
from fusionmd.o3 import CONVENTION_ID

FORMAT = "fusionmd-potential"
FORMAT_VERSION = 1
ENTRY = (
    "forward(edge_vectors [n_edges,3] float64 angstrom, senders, receivers, slots [n_nodes,max_degree], species, "
    "n_local, structure_index [n_local], n_structures, states [n_requests,n_structures]) -> "
    "energies [n_members,n_structures,n_states] eV, "
    "atomic_energies [n_members,n_requests,n_local] eV, gradients [n_members,n_requests,n_edges,3] eV/angstrom"
)
UNITS = {"energy": "eV", "length": "angstrom", "force": "eV/angstrom", "stress": "eV/angstrom^3"}
EDGE_CONVENTION = "edge_vector = r_sender - r_receiver + shift @ cell; edges sorted by (receiver, sender, image)"


@dataclass(frozen=True)
class Metadata:
    """Description of a potential.

    elements: Atomic numbers, ascending.  cutoff: angstrom.  atomic_energies: E0 [n_elements][n_outputs], eV.
    n_hops: Edges between an atom and the farthest atom its energy feels.
    bytes_per_edge: Working memory of energy and forces, per edge and member.
    config: What rebuilds each member, one mapping per member.  data_sha256, commit, metrics: Where it comes from.
    calibration: Of one model that knows how uncertain it is, on which frames, and how well it held there.
    report: What the export checked, and by how much it passed.
    """

    name: str
    elements: tuple[int, ...]
    cutoff: float
    n_hops: int
    n_outputs: int
    n_states: int
    n_members: int
    head: str
    dtype: str
    supports_exchange: bool
    atomic_energies: tuple[tuple[float, ...], ...]
    bytes_per_edge: int
    has_descriptors: bool = False
    config: tuple[Mapping[str, Any], ...] = ()
    clebsch_gordan_convention: str = ""
    data_sha256: str = ""
    commit: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)
    licence_code: str = "MIT"
    licence_weights: str = ""
    citations: tuple[str, ...] = ()
    report: Mapping[str, Any] = field(default_factory=dict)
    torch_version: str = ""
    fusionmd_version: str = ""
    units: Mapping[str, str] = field(default_factory=lambda: dict(UNITS))
    edge_convention: str = EDGE_CONVENTION
    entry: str = ENTRY
    format: str = FORMAT
    format_version: int = FORMAT_VERSION

    @property
    def interaction_range(self) -> float:
        """Distance beyond which nothing is felt, angstrom."""
        return self.n_hops * self.cutoff

    @property
    def has_uncertainties(self) -> bool:
        """Whether it is a committee, or one model whose uncertainties were calibrated."""
        return self.n_members > 1 or bool(self.calibration)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**dataclasses.asdict(self), "interaction_range": self.interaction_range}

    def to_json(self) -> str:
        """`fusionmd.json`: keys sorted, so that equal metadata are equal bytes."""
        return json.dumps(self.to_dict(), indent=1, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes, *, source: str = "the file") -> Metadata:
        """Read `fusionmd.json`; foreign or newer formats raise PotentialFormatError."""
        fields = _checked_fields(text, source)
        known = {item.name for item in dataclasses.fields(cls)}
        # Keys a newer minor writer added are harmless: the format version rules what must be understood.
        values = {key: value for key, value in fields.items() if key in known}
        try:
            return cls(**{**values, **_as_tuples(values)})
        except (TypeError, ValueError, KeyError) as error:
            raise PotentialFormatError(
                f"the metadata of {source} are incomplete ({error}); export the potential again"
            ) from None


def check_convention(metadata: Metadata, *, source: str = "the file") -> None:
    """Refuse weights that another convention of Clebsch-Gordan tables gave their meaning; scripted code has its own."""
    if metadata.clebsch_gordan_convention != CONVENTION_ID:
        raise PotentialFormatError(
            f"the weights of {source} belong to the convention {metadata.clebsch_gordan_convention!r}, this fusionmd "
            f"has {CONVENTION_ID!r}: the file can be run, but not rebuilt or trained further; use fusionmd "
            f"{metadata.fusionmd_version}, or train again"
        )


def _checked_fields(text: str | bytes, source: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except (ValueError, UnicodeDecodeError):
        raise PotentialFormatError(
            f"the metadata of {source} are not JSON; the file is damaged, copy or export it again"
        ) from None
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise PotentialFormatError(f"{source} is not a fusionmd potential; make one with `fusionmd export`")
    version = fields.get("format_version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise PotentialFormatError(
            f"{source} has format version {version}, this fusionmd reads up to {FORMAT_VERSION}; upgrade fusionmd"
        )
    return fields


def _as_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "elements": tuple(int(z) for z in values["elements"]),
        "atomic_energies": tuple(tuple(float(e) for e in row) for row in values["atomic_energies"]),
        "config": tuple(values.get("config", ())),
        "citations": tuple(values.get("citations", ())),
    }
