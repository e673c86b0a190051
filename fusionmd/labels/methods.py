"""Methods by name: `mopac-am1-ci22`, `nddo-am1-casci22+stilbene`, `pyscf-casscf22-6-31g`, ..."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fusionmd.errors import LabelError
from fusionmd.labels.casci import Casci
from fusionmd.labels.casscf import PATTERN, Casscf, casscf_of
from fusionmd.labels.casscf_openmolcas import OpenMolcas
from fusionmd.labels.casscf_pyscf import Pyscf
from fusionmd.labels.mopac import Mopac
from fusionmd.labels.mopac_input import HAMILTONIANS
from fusionmd.labels.parameters import Parameters, read_parameters, shipped_parameters
from fusionmd.labels.protocol import Method

N_SINGLETS = 3
CASSCF: dict[str, type[Pyscf | OpenMolcas]] = {"pyscf": Pyscf, "openmolcas": OpenMolcas}
CASCI = {"am1-casci22": 2, "am1-casci43": 3}  # orbitals
DENSITY_FIT = "df-"


def method_of(
    name: str,
    *,
    n_states: int = N_SINGLETS,
    charge: int = 0,
    parameters: Path | None = None,
    active: Sequence[int] = (),
    n_starts: int = 1,
    has_couplings: bool = False,
    timeout_s: float = 120.0,
) -> Method:
    """The method `name`; LabelError if there is none, or if it has fewer states or no couplings.

    parameters: File of replaced parameters and twists (`labels.parameters`); `+NAME` behind the name of a method: those
        that are shipped under NAME.
    active: Hartree-Fock orbitals, counted from 1, with which a CASSCF starts; the frontier orbitals if none.
    n_starts: From how many sets of orbitals a CASSCF of PySCF starts; the lowest average counts.
    """
    program, _, rest = name.lower().partition("-")
    if program == "mopac":
        _refuse(name, active=active, starts=n_starts > 1, couplings=has_couplings)
        return _mopac(name, rest, n_states, charge, parameters, timeout_s)
    if program == "nddo":
        _refuse(name, active=active, starts=n_starts > 1, couplings=has_couplings)
        return _nddo(name, rest, n_states, charge, parameters)
    found = casscf_of(rest.removeprefix(DENSITY_FIT))
    if program not in CASSCF or found is None:
        raise _unknown(name)
    _refuse(name, parameters=parameters, starts=n_starts > 1 and program != "pyscf")
    settings = Casscf(
        *found,
        n_states=n_states,
        charge=charge,
        active=tuple(active),
        n_starts=n_starts,
        has_density_fit=rest.startswith(DENSITY_FIT),
        has_couplings=has_couplings,
    )
    return CASSCF[program](settings, timeout_s)


def _mopac(name: str, rest: str, n_states: int, charge: int, parameters: Path | None, timeout_s: float) -> Mopac:
    rest, _, level = rest.partition("+")
    hamiltonian = rest.removesuffix("-ci22").upper()
    if not rest.endswith("-ci22") or hamiltonian not in HAMILTONIANS:
        raise _unknown(name)
    return Mopac(
        hamiltonian,
        _n_singlets(n_states),
        charge,
        _parameters(name, "mopac", level, parameters),
        timeout_s=timeout_s,
    )


def _nddo(name: str, rest: str, n_states: int, charge: int, parameters: Path | None) -> Casci:
    rest, _, level = rest.partition("+")
    if rest not in CASCI:
        raise _unknown(name)
    found = _parameters(name, "nddo", level, parameters)
    return Casci(found, n_states, charge, CASCI[rest], *(found.filter_eV or ()))


def _n_singlets(n_states: int) -> int:
    if not 1 <= n_states <= N_SINGLETS:
        raise LabelError(f"{n_states} states were asked for; two electrons in two orbitals make {N_SINGLETS} singlets")
    return n_states


def _parameters(name: str, program: str, level: str, path: Path | None) -> Parameters:
    """Shipped, given, or none."""
    if level and path is not None:
        raise LabelError(f"method {name!r} has parameters of its own; leave out those of {path}")
    found = shipped_parameters(program, level) if level else path
    return Parameters() if found is None else read_parameters(found)


def _unknown(name: str) -> LabelError:
    known = ", ".join([*(f"mopac-{each.lower()}-ci22" for each in HAMILTONIANS), *(f"nddo-{each}" for each in CASCI)])
    return LabelError(
        f"method {name!r} is not known; choose one of {known}, or pyscf-[df-] or openmolcas-[df-] followed by {PATTERN}"
    )


def _refuse(name: str, **given: object) -> None:
    wrong = [what for what, value in given.items() if value]
    if wrong:
        raise LabelError(f"method {name!r} has no {' and no '.join(wrong)} to set; leave it out, or choose another")
