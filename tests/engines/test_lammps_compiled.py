"""`compiled auto|yes|no`: native operations and AOTInductor give what TorchScript gives, on one rank and on several."""

import shutil

import pytest

from fusionmd.potential import load_potential
from fusionmd.potential.fast import build_fast
from tests.engines.lammps_case import MEASURE, ask, run, script, write_data
from tests.engines.test_lammps_agrees import SYSTEMS, check

pytestmark = [pytest.mark.usefixtures("lammps_plugin"), pytest.mark.slow]
CRYSTAL = SYSTEMS["triclinic"]


@pytest.fixture(scope="module")
def built(potentials):
    """net.pt runs in native operations, two.pt has none and goes through AOTInductor."""
    if shutil.which("g++") is None:
        pytest.skip("no g++")
    for name in ("net.pt", "two.pt"):
        build_fast(load_potential(potentials / name))
    return potentials


@pytest.mark.parametrize("name", ["net.pt", "two.pt"])
@pytest.mark.parametrize("choice", ["yes", "auto"])
def test_one_rank(name, choice, built, tmp_path):
    answer = ask(CRYSTAL, built / name, tmp_path, style=f"compiled {choice}")
    assert "one rank, cpu, compiled" in answer.output
    check(CRYSTAL, built / name, answer)


@pytest.mark.parametrize(
    "name, style, said",
    [
        ("net.pt", "compiled yes", "mode exchange, cpu, compiled"),
        ("net.pt", "compiled no", "mode exchange, cpu, TorchScript"),
        ("two.pt", "compiled yes", "mode expand, cpu, compiled"),
        ("two.pt", "compiled auto", "mode exchange, cpu, TorchScript"),
    ],
)
def test_two_ranks(name, style, said, built, tmp_path):
    """Native operations exchange features; AOTInductor cannot."""
    answer = ask(CRYSTAL, built / name, tmp_path, style=style, n_ranks=2)
    assert said in answer.output
    check(CRYSTAL, built / name, answer)


def test_a_rank_without_atoms(built, tmp_path):
    molecule = SYSTEMS["molecule"]
    answer = ask(
        molecule,
        built / "net.pt",
        tmp_path,
        style="compiled yes",
        n_ranks=3,
        before="processors 3 1 1",
        margin=30.0,
    )
    check(molecule, built / "net.pt", answer)


def test_what_was_never_compiled_says_what_to_do(potentials, tmp_path):
    write_data(CRYSTAL, tmp_path / "start.data", [1, 6, 8])
    done = run(script(CRYSTAL, potentials / "one.pt", [1, 6, 8], style="compiled yes") + MEASURE, tmp_path)
    assert done.returncode and "run `fusionmd compile" in done.stdout
