"""Forces and virials against finite differences of the energy: the rows that need no other engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fusionmd.potential.checks import double_precision
from fusionmd.potential.evaluation import largest
from fusionmd.potential.finite_differences import forces_error, virials_error
from fusionmd.potential.potential import Potential
from fusionmd.structure import Structure
from fusionmd.workflows.verify_rows import Row
from fusionmd.workflows.verify_subject import Subject

TOLERANCE = 1e-6
# Every difference is a frame of its own, and all of them stand side by side.
MAX_EDGES = 4_000


def derivative_rows(subject: Subject, frames: Sequence[Structure]) -> list[Row]:
    """Finite differences (1e-3 angstrom, 1e-3 strain) of a float64 copy without reference energies.

    Both are relative: to the largest force (at least 1 eV/angstrom), to the largest virial (at least 1 eV).
    """
    potential = double_precision(subject.potential)
    chosen = [frame for frame in frames if potential.graph(frame).n_edges <= MAX_EDGES]
    names = ["forces against finite differences, relative", "virial against finite strain, relative"]
    if not chosen:
        reason = f"every frame has more than {MAX_EDGES} pairs within the cutoff; give a smaller one"
        return [Row(name, None, TOLERANCE, reason, False) for name in names]
    force_scale, virial_scale = _scales(potential, chosen)
    errors = [forces_error(potential, chosen) / force_scale, virials_error(potential, chosen) / virial_scale]
    return [Row(name, error, TOLERANCE) for name, error in zip(names, errors, strict=True)]


def _scales(potential: Potential, frames: Sequence[Structure]) -> tuple[float, float]:
    found = potential.evaluate(frames, states=potential.all_states)
    forces, virials = np.array([(largest(one.forces), largest(one.virials)) for one in found]).T
    return max(1.0, float(forces.max())), max(1.0, float(virials.max()))
