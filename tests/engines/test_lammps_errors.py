"""Bad input ends with a sentence that tells what to do; in child processes with time limits: no crash, no hang."""

import subprocess

import pytest
import torch

from fusionmd.potential.archive import pack, unpack
from fusionmd.potential.torchscript import loaded
from tests.engines.lammps_case import run, script, write_data
from tests.potential.conftest import random_structure

pytestmark = pytest.mark.usefixtures("lammps_plugin")
CRYSTAL = random_structure(24, edge=7.0, seed=2, pbc=True)
ELEMENTS = [1, 6, 8]


def refused(folder, text, *wanted, n_ranks=1, n_types=3):
    """Run; LAMMPS must stop by itself, with all the words wanted in one error."""
    elements = ELEMENTS[:n_types] + [7] * (n_types - 3)
    write_data(CRYSTAL, folder / "start.data", elements)
    done = run(text, folder, n_ranks=n_ranks, timeout_s=60)
    said = " ".join((done.stdout + done.stderr).split())
    assert 0 < done.returncode < 128, f"ended with {done.returncode}: {said[-500:]}"
    assert "ERROR" in said, said[-1000:]
    for words in wanted:
        assert words in said, said[-1000:]


def pair(path, symbols="H C O", style=""):
    return f"pair_style fusionmd {style}\npair_coeff * * {path} {symbols}"


PAIRS = {
    "missing element": (pair("{one}", "H C N"), "element N is not in", "it knows H, C, O"),
    "no symbol": (pair("{one}", "H C Oxygen"), "element Oxygen is not in", "it knows H, C, O"),
    "too few": (pair("{one}", "H C"), "got 2 elements for 3 atom types", "pair_coeff * *"),
    "too many": (pair("{one}", "H C O O"), "got 4 elements for 3 atom types"),
    "nothing": ("pair_style fusionmd\npair_coeff * *", "got 0 elements for 3 atom types"),
    "types": ("pair_style fusionmd\npair_coeff 1 2 {one} H C O", "Pair_coeff must start with * *"),
    "null alone": (pair("{one}", "H C NULL"), "no element for every atom type", "hybrid/overlay"),
    "no file": (pair("nowhere.pt"), "nowhere.pt cannot be read"),
    "state": (pair("{one}", style="state 2"), "state 2 was asked for", "has states 0..1"),
    "keyword": (pair("{one}", style="speed 9"), "knows no keyword speed", "mode, device, state"),
    "no value": (pair("{one}", style="mode"), "keyword mode has no value"),
    "value": (pair("{one}", style="mode fast"), "mode is fast; give one of exchange, expand"),
    "memory": (pair("{one}", style="memory_GB -1"), "memory_GB is -1", "positive"),
    "number": (pair("{one}", style="state x"), "Expected integer"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_pair_style_and_coeff(name, potentials, tmp_path):
    text, *wanted = PAIRS[name]
    text = text.format(one=potentials / "one.pt")
    refused(tmp_path, script(CRYSTAL, "", ELEMENTS, pair=text) + "run 0\n", *wanted)


SETTINGS = {
    "units lj": ({"units": "lj"}, "", "no meaning in units lj; use units metal or real"),
    "newton off": ({"before": "newton off"}, "", "remove newton off"),
    "exclude": ({}, "neigh_modify exclude type 1 2\n", "remove neigh_modify exclude"),
}


@pytest.mark.parametrize("head, after, wanted", SETTINGS.values(), ids=SETTINGS)
def test_settings_that_would_give_wrong_numbers(head, after, wanted, potentials, tmp_path):
    text = script(CRYSTAL, potentials / "one.pt", ELEMENTS, **{"units": "metal", **head})
    refused(tmp_path, text + after + "run 0\n", wanted)


@pytest.mark.parametrize("command", ["neigh_modify include", "comm_modify group"])
def test_a_group_whose_neighbours_alone_are_known(command, potentials, tmp_path):
    first = "group some type 1\natom_modify first some\npair_style zero 3.0\npair_coeff * *\nrun 0\n"
    first += f"{command} some\n{pair(potentials / 'one.pt')}"
    refused(tmp_path, script(CRYSTAL, "", ELEMENTS, pair=first) + "run 0\n", f"remove {command}")


def test_atoms_without_ids(potentials, tmp_path):
    text = "units metal\natom_modify id no\nregion box block 0 9 0 9 0 9\ncreate_box 3 box\nmass * 1\n"
    text += f"create_atoms 1 single 1 1 1\n{pair(potentials / 'one.pt')}\nrun 0\n"
    refused(tmp_path, text, "remove atom_modify id no")


BONDED = """units metal
atom_style molecular
region box block 0 12 0 12 0 12
create_box 3 box bond/types 1 extra/bond/per/atom 2 extra/special/per/atom 4
create_atoms 1 single 3 3 3
create_atoms 2 single 4 3 3
mass * 1
bond_style zero
bond_coeff 1
create_bonds single/bond 1 1 2
{special}
pair_style fusionmd
pair_coeff * * {one} H C O
run 0
print "ANSWER $(pe)"
"""


def test_bonds_that_hide_neighbours(potentials, tmp_path):
    one = potentials / "one.pt"
    refused(tmp_path, BONDED.format(one=one, special="special_bonds lj/coul 0 0 0"), "special_bonds lj/coul 1 1 1")
    done = run(BONDED.format(one=one, special="special_bonds lj/coul 1 1 1"), tmp_path)
    assert done.returncode == 0 and "ANSWER" in done.stdout


def test_pairs_that_a_hybrid_style_takes_away(potentials, tmp_path):
    text = f"pair_style hybrid fusionmd lj/cut 4.0\npair_coeff * * fusionmd {potentials / 'one.pt'} H C O\n"
    text += "pair_coeff 1 2 lj/cut 0.01 1.0"
    refused(tmp_path, script(CRYSTAL, "", ELEMENTS, pair=text) + "run 0\n", "types 1 and 2", "hybrid/overlay")


def test_atoms_on_top_of_each_other(potentials, tmp_path):
    text = script(CRYSTAL, potentials / "one.pt", ELEMENTS) + "create_atoms 1 single 1.0 1.0 1.0\n"
    text += "create_atoms 1 single 1.0 1.0 1.01\nrun 0\n"
    refused(tmp_path, text, "are 0.01 angstrom apart", "check units")


def damaged(content, where):
    """The archive with one byte turned, in the weights or in the compressed part."""
    at = content.index(b"archive/data/2") + 200 if where == "weights" else content.index(b"extra/exchange.pt") + 300
    return content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]


FILES = {
    "empty": (lambda content: b"", "is empty"),
    "text": (lambda content: b"hello", "no TorchScript archive"),
    "truncated": (lambda content: content[:5000], "truncated or damaged"),
    "weights": (lambda content: damaged(content, "weights"), "is damaged"),
    "exchange": (lambda content: damaged(content, "exchange"), ""),
    "foreign": (lambda content: pack(loaded(content), {}), "no fusionmd metadata"),
    "newer": (
        lambda content: pack(
            loaded(content), {"fusionmd.json": b'{\n "format": "fusionmd-potential",\n "format_version": 99\n}'}
        ),
        "format version 99",
    ),
}


@pytest.mark.parametrize("change, wanted", FILES.values(), ids=FILES)
def test_files(change, wanted, potentials, tmp_path):
    (tmp_path / "bad.pt").write_bytes(change((potentials / "net.pt").read_bytes()))
    assert unpack((potentials / "net.pt").read_bytes())
    refused(tmp_path, script(CRYSTAL, "bad.pt", ELEMENTS) + "run 0\n", "bad.pt", wanted)


def test_an_error_on_two_ranks_ends_both(potentials, tmp_path):
    refused(tmp_path, script(CRYSTAL, "nowhere.pt", ELEMENTS) + "run 0\n", "nowhere.pt cannot be read", n_ranks=2)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu(potentials, tmp_path):
    text = script(CRYSTAL, potentials / "one.pt", ELEMENTS, style="device cuda") + "run 0\n"
    refused(tmp_path, text, "torch sees no CUDA device")


FOREIGN = {
    "version": ({"version": 20240829}, "it was built for LAMMPS 20240829, this is 20250722"),
    "bigbig": ({"is_bigbig": True}, "-DLAMMPS_BIGBIG"),
    "mpi": ({"mpi_include": "open"}, "MPICH and Open MPI cannot be mixed"),
}


@pytest.mark.parametrize("change, wanted", FOREIGN.values(), ids=FOREIGN)
def test_a_plugin_for_another_lammps(change, wanted, potentials, tmp_path, monkeypatch):
    """It registers, touches nothing of LAMMPS' classes, and says why when it is asked for."""
    from dataclasses import replace

    from fusionmd_lammps import build
    from fusionmd_lammps.host import wheel_host

    if change.get("mpi_include"):
        (tmp_path / "mpi.h").write_text("typedef struct fake *MPI_Comm;\n")
        change = {"mpi_include": tmp_path}
    command = build.entry_command(tmp_path / "fusionmdplugin.so", replace(wheel_host(), **change))
    subprocess.run(command, check=True, timeout=120)
    monkeypatch.setenv("LAMMPS_PLUGIN_PATH", "")
    text = script(CRYSTAL, potentials / "one.pt", ELEMENTS)
    refused(tmp_path, f"plugin clear\nplugin load {tmp_path / 'fusionmdplugin.so'}\n" + text + "run 0\n", wanted)
