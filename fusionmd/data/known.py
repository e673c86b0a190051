"""The catalogue: published data sets, where they officially are, who made them, under which licence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# One commit, so that the addresses below always mean the same bytes.
BOTNET = "https://raw.githubusercontent.com/davkovacs/BOTNet-datasets/4a5ea06c3f514f24164428823ba1f5e2d2233b58"


@dataclass(frozen=True)
class KnownData:
    """A published data set.

    files: SHA-256 by file name; None where that of the original is unknown.
    addresses: https address by file name, for files that can be fetched one by one.
    """

    name: str
    summary: str
    homepage: str
    licence: str
    citation: str
    files: Mapping[str, str | None]
    addresses: Mapping[str, str]


# Hashes stand here only for files compared with the original.
_ACAC: dict[str, str | None] = {
    "train_300K.xyz": None,
    "train_600K.xyz": None,
    "test_MD_300K.xyz": None,
    "test_MD_600K.xyz": None,
    "isolated_atoms.xyz": "b74f321b453374621b447d65c60979f70df1b7182c8ee0215388b2c574f33823",
}
_3BPA: dict[str, str | None] = {
    "train_300K.xyz": None,
    "test_300K.xyz": None,
    "iso_atoms.xyz": "e12a2465a2612bf38fd5dabdf64d4b57fc58ce9610a858c54ea1142d517c053f",
}
_RMD17 = [
    f"{molecule}_{part}_01.npz" for molecule in ("aspirin", "ethanol", "azobenzene") for part in ("train", "test")
]
_NBMOTAW = ["train_binaries.xyz", "train_aimd.xyz", "train_elastic.xyz", "test_quaternary.xyz"]

_ENTRIES = (
    KnownData(
        "acac",
        "acetylacetone at 300 K and 600 K, PBE: 500 + 500 to train, 650 + 650 to test (extxyz, eV)",
        "https://github.com/davkovacs/BOTNet-datasets",
        "MIT",
        "Batatia et al., The design space of E(3)-equivariant atom-centred interatomic potentials, "
        "Nat. Mach. Intell. 7, 56 (2025), arXiv:2205.06643",
        _ACAC,
        {file: f"{BOTNET}/dataset_acac/{file}" for file in _ACAC},
    ),
    KnownData(
        "3bpa",
        "3-(benzyloxy)pyridin-2-amine at 300 K: 500 to train, 1669 to test (extxyz, eV)",
        "https://github.com/davkovacs/BOTNet-datasets",
        "MIT",
        "Kovacs et al., Linear atomic cluster expansion force fields for organic molecules, "
        "J. Chem. Theory Comput. 17, 7696 (2021)",
        _3BPA,
        {file: f"{BOTNET}/dataset_3BPA/{file}" for file in _3BPA},
    ),
    KnownData(
        "rmd17",
        "revised MD17: aspirin, ethanol, azobenzene, PBE/def2-SVP, split 01 (npz, kcal/mol)",
        "https://doi.org/10.6084/m9.figshare.12672038",
        "CC0",
        "Christensen, von Lilienfeld, On the role of gradients for machine learning of molecular energies and forces, "
        "Mach. Learn.: Sci. Technol. 1, 045018 (2020)",
        dict.fromkeys(_RMD17),
        {},
    ),
    KnownData(
        "nbmotaw",
        "Nb-Mo-Ta-W alloys with stress, PBE, converted from the published JSON (extxyz, eV)",
        "https://github.com/materialsvirtuallab/snap",
        "BSD-3-Clause",
        "Li, Chen, Zheng, Zuo, Ong, Complex strengthening mechanisms in the NbMoTaW multi-principal element alloy, "
        "npj Comput. Mater. 6, 70 (2020)",
        dict.fromkeys(_NBMOTAW),
        {},
    ),
    KnownData(
        "ch2nh2",
        "methylenimmonium cation, three singlet states with couplings, MR-CISD(6,4) (ASE db, atomic units)",
        "https://github.com/CompPhotoChem/SPaiNN",
        "MIT",
        "Mausenberger et al., SPaiNN: equivariant message passing for excited-state nonadiabatic molecular dynamics, "
        "Chem. Sci. 15, 15880 (2024)",
        {"spainn_ch2nh2.db": None},
        {},
    ),
)

CATALOGUE: Mapping[str, KnownData] = {entry.name: entry for entry in _ENTRIES}
