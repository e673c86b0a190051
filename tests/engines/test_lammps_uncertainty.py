"""`uncertainty yes`: `compute pair` says what the potential says of itself, on every rank and in every form."""

import re
import shutil

import numpy as np
import pytest

from fusionmd.potential import export_potential, load_potential
from fusionmd.potential.fast import build_fast
from fusionmd.potential.rigidity import Rigidity
from tests.engines.lammps_case import ask, run, script, write_data
from tests.engines.test_lammps_agrees import SYSTEMS, check
from tests.models.nets import net

pytestmark = pytest.mark.usefixtures("lammps_plugin")

CRYSTAL, E0 = SYSTEMS["triclinic"], {1: -13.6, 6: -1030.0, 8: -2040.0}
N_STATES = 2


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """Two layers, two diabatic states; the numbers of the calibration are any."""
    path = tmp_path_factory.mktemp("calibrated") / "calibrated.pt"
    model = net(hidden_irreps="0e + 1o", cutoff=3.2, n_outputs=3)
    export_potential(model, path.with_name("plain.pt"), atomic_energies=E0, head="diabatic")
    plain = load_potential(path.with_name("plain.pt"))
    features, counts = plain.descriptors([CRYSTAL])[0], np.zeros(3)
    size = features.shape[-1] + len(counts)
    root = np.random.default_rng(0).normal(size=(size, size)) / size
    rigidity = Rigidity(root, np.array([0.01, 0.03]))
    export_potential(model, path, atomic_energies=E0, head="diabatic", rigidity=rigidity, calibration={"n": 1})
    return path


def expected(path, state):
    return load_potential(path).uncertainties([CRYSTAL])[0, state]


@pytest.mark.parametrize(
    ("n_ranks", "style"),
    [(1, ""), (1, "mode expand memory_GB 0.00005"), (2, "mode expand"), (2, "mode exchange"), (4, "mode exchange")],
)
def test_energy_std(n_ranks, style, calibrated, tmp_path):
    style = f"state 1 uncertainty yes compiled no {style}"
    answer = ask(CRYSTAL, calibrated, tmp_path, n_ranks=n_ranks, style=style, n_extras=N_STATES + 1)
    assert ("fusionmd: works in" in answer.output) == ("memory_GB" in style)
    assert answer.extras[N_STATES] == pytest.approx(expected(calibrated, 1), rel=1e-9)
    check(CRYSTAL, calibrated, answer, 1)


def test_a_rank_without_atoms(calibrated, tmp_path):
    molecule = SYSTEMS["molecule"]
    options = {"n_ranks": 3, "before": "processors 3 1 1", "margin": 30.0, "n_extras": N_STATES + 1}
    answer = ask(molecule, calibrated, tmp_path, style="uncertainty yes mode exchange", **options)
    assert re.search(r"Nlocal: .* 0 min", answer.output)
    assert answer.extras[N_STATES] == pytest.approx(
        load_potential(calibrated).uncertainties([molecule])[0, 0], rel=1e-9
    )


@pytest.mark.slow
@pytest.mark.parametrize("n_ranks", [1, 2])
def test_native_operations(n_ranks, calibrated, tmp_path):
    """They also give the sums that mix the states, on which the forces depend."""
    if shutil.which("g++") is None:
        pytest.skip("no g++")
    build_fast(load_potential(calibrated))
    style = "state 1 uncertainty yes compiled yes"
    answer = ask(CRYSTAL, calibrated, tmp_path, n_ranks=n_ranks, style=style, n_extras=N_STATES + 1)
    assert "cpu, compiled" in answer.output
    assert answer.extras[N_STATES] == pytest.approx(expected(calibrated, 1), rel=1e-9)
    check(CRYSTAL, calibrated, answer, 1)


def test_real_units_and_halt(calibrated, tmp_path):
    """In the energy unit of the run; `fix halt` stops what leaves the learnt region."""
    answer = ask(CRYSTAL, calibrated, tmp_path, style="uncertainty yes", units="real", n_extras=N_STATES + 1)
    assert answer.extras[N_STATES] == pytest.approx(expected(calibrated, 0), rel=1e-9)
    write_data(CRYSTAL, tmp_path / "start.data", [1, 6, 8])
    watch = "compute x all pair fusionmd\nvariable s equal c_x[3]\nfix n all nve\nthermo 1\n"
    watch += "thermo_style custom step c_x[3]\n"
    watch += f"fix h all halt 1 v_s > {0.5 * expected(calibrated, 0):.6g} error soft\nrun 10\n"
    done = run(script(CRYSTAL, calibrated, [1, 6, 8], style="uncertainty yes") + watch, tmp_path)
    assert "Fix halt condition for fix-id h met on step 1" in done.stdout


def test_a_potential_without_is_refused(potentials, tmp_path):
    write_data(CRYSTAL, tmp_path / "start.data", [1, 6, 8])
    done = run(script(CRYSTAL, potentials / "one.pt", [1, 6, 8], style="uncertainty yes"), tmp_path)
    assert done.returncode and "use `fusionmd calibrate`, or uncertainty no" in done.stdout
