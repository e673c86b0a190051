"""A potential in native operations gives OpenMM what it gives ASE, and is what OpenMM then runs."""

import numpy as np
import pytest

from fusionmd.errors import CompilerError
from fusionmd.native.library import build_library
from fusionmd.potential import load_potential
from fusionmd.potential.export import potential_bytes
from fusionmd_openmm.force import make_evaluator
from tests.models.nets import ELEMENTS, molecule, net


@pytest.fixture(scope="module")
def content():
    try:
        build_library()
    except CompilerError as error:
        pytest.skip(f"no native operations: {error}")
    return potential_bytes(net(), atomic_energies=dict.fromkeys(ELEMENTS, -1.0), name="net", frames=())[0]


def parts(module):
    return {part.original_name for part in module.modules()}


@pytest.mark.parametrize("compiled", ["auto", "yes"])
def test_native_operations_run_and_agree(content, compiled):
    structure = molecule(8)
    numbers = structure.numbers.tolist()
    native = make_evaluator(content, numbers=numbers, is_periodic=False, compiled=compiled)
    plain = make_evaluator(content, numbers=numbers, is_periodic=False, compiled="no")
    (found, wanted) = (evaluator.evaluate(structure.positions) for evaluator in (native, plain))
    assert "NativeLayer" in parts(native._module) and "NeighborSum" in parts(plain._module)
    assert found[0] == pytest.approx(wanted[0], abs=1e-8)
    np.testing.assert_allclose(found[1], wanted[1], atol=1e-7)


def test_a_loaded_potential_keeps_its_form(content):
    potential = load_potential(content, compiled="yes")
    evaluator = make_evaluator(potential, numbers=molecule(3).numbers.tolist(), is_periodic=False)
    assert evaluator.settings.compiled == "auto" and evaluator.potential is potential
