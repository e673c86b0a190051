"""Run by itself in a process of its own: `python -P pyscf_child.py JOB RESULT`, both JSON. Imports nothing of ours.

Every calculation starts from the orbitals of Hartree-Fock, so that it depends on its geometry alone; of several starts
the one that ends lowest counts.
"""

import json
import sys
from typing import Any

import numpy as np
from pyscf import gto, mcscf, scf
from pyscf.fci import direct_spin1
from pyscf.fci.spin_op import spin_square

SCF_TOLERANCE, TOLERANCE, ORBITAL_GRADIENT = 1e-11, 1e-10, 1e-6  # Hartree, Hartree, Hartree
SPIN_TOLERANCE = 1e-5
PENALTY = 0.5  # Hartree, of states that are no singlets


def main(job: dict[str, Any]) -> dict[str, Any]:
    """What the job asks for, atomic units."""
    states = states_of(job)
    gradients = [_converged(states.nuc_grad_method(), root, "gradient") for root in job["roots"]]
    # <a|grad b> without the part that moves with the electrons: PySCF's order is (ket, bra).
    couplings = [_converged(states.nac_method(), (b, a), "coupling", use_etfs=True) for a, b in job["pairs"]]
    return {
        "energies": np.asarray(states.e_states).tolist(),
        "gradients": gradients,
        "couplings": couplings,
        "dipoles": [_transition_dipole(states, k).tolist() for k in range(1, job["n_states"])],
    }


def states_of(job: dict[str, Any]) -> Any:
    """The converged state-averaged calculation of a job."""
    molecule = gto.M(
        atom=list(zip(job["numbers"], job["positions_bohr"], strict=True)),
        unit="Bohr",
        basis=job["basis"],
        charge=job["charge"],
        verbose=0,
    )
    field = _hartree_fock(molecule, job)
    found, failure = [], "no start"
    for active in job["starts"]:
        try:
            found.append(_states(field, job, active))
        except (ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
            failure = str(error)
    if not found:
        raise ArithmeticError(failure)
    return min(found, key=lambda states: np.mean(states.e_states))


def _hartree_fock(molecule: Any, job: dict[str, Any]) -> Any:
    field = scf.RHF(molecule)
    if job["density_fit"]:
        field = field.density_fit()
    field.conv_tol = SCF_TOLERANCE
    field.kernel()
    if not field.converged:
        field = field.newton()
        field.kernel()
    if not field.converged:
        raise ArithmeticError("Hartree-Fock did not converge")
    return field


def _states(field: Any, job: dict[str, Any], active: list[int]) -> Any:
    n_states = job["n_states"]
    states = mcscf.CASSCF(field, job["n_orbitals"], job["n_electrons"])
    states.fix_spin_(shift=PENALTY, ss=0)
    states = states.state_average_([1.0 / n_states] * n_states)
    states.conv_tol, states.conv_tol_grad = TOLERANCE, ORBITAL_GRADIENT
    states.max_cycle_macro = 100
    orbitals = states.sort_mo(active) if active else None
    states.kernel(orbitals)
    if not states.converged:
        raise ArithmeticError("CASSCF did not converge")
    spins = [spin_square(vector, states.ncas, states.nelecas)[0] for vector in states.ci]
    if max(spins) > SPIN_TOLERANCE:
        raise ArithmeticError(f"a state is no singlet, <S^2> = {max(spins):.4f}")
    return states


def _converged(calculation: Any, state: Any, what: str, **options: Any) -> Any:
    values = calculation.kernel(state=state, **options)
    if not calculation.converged:
        raise ArithmeticError(f"the response for the {what} of state {state} did not converge")
    return np.asarray(values).tolist()


def _transition_dipole(states: Any, k: int) -> Any:
    """<0|r|k>, bohr; the inactive orbitals are those of both states and drop out."""
    density = direct_spin1.trans_rdm1(states.ci[0], states.ci[k], states.ncas, states.nelecas)
    active = states.mo_coeff[:, states.ncore : states.ncore + states.ncas]
    return np.einsum("xmn,mp,nq,pq->x", states.mol.intor("int1e_r"), active, active, density, optimize=True)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as given:
        wanted = json.load(given)
    try:
        answer = main(wanted)
    except (ArithmeticError, ValueError, np.linalg.LinAlgError, AssertionError, RuntimeError, KeyError) as error:
        answer = {"failure": f"{type(error).__name__}: {error}"}
    with open(sys.argv[2], "w", encoding="utf-8") as result:
        json.dump(answer, result)
