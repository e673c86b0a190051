"""Files with one state each, as xxMD has them, become frames with several; what does not fit together is named."""

import json

import numpy as np
import pytest

from fusionmd.cli.main import run
from fusionmd.data.read import read_frames
from fusionmd.data.states import join_states
from fusionmd.data.units import Units
from fusionmd.errors import DataError
from fusionmd.units import ANGSTROM_PER_BOHR, EV_PER_HARTREE

N_ATOMS, N_FRAMES = 4, 3


def geometry(frame):
    return np.arange(3.0 * N_ATOMS).reshape(-1, 3) * 0.7 + 0.1 * frame


def gradient(frame, state):
    return np.sin(geometry(frame) + state)


def rows(frame, state):
    lines = [
        "C " + " ".join(f"{x:.8f}" for x in (*place, *force))
        for place, force in zip(geometry(frame), gradient(frame, state), strict=True)
    ]
    comment = f'Properties=species:S:1:pos:R:3:forces:R:3 energy={-10.0 + state + 0.01 * frame} pbc="F F F"'
    return [str(N_ATOMS), comment, *lines]


@pytest.fixture
def files(tmp_path):
    """Three states of three frames; Hartree, Hartree/Bohr and angstrom."""
    paths = []
    for state in range(3):
        paths.append(tmp_path / f"S{state}.xyz")
        text = [line for frame in range(N_FRAMES) for line in rows(frame, state)]
        paths[-1].write_text("\n".join(text) + "\n")
    return paths


def change(path, line, old, new):
    lines = path.read_text().split("\n")
    assert old in lines[line]
    lines[line] = lines[line].replace(old, new)
    path.write_text("\n".join(lines))


def join(files, **options):
    return list(join_states(files, Units("Hartree", "angstrom", "Hartree/Bohr"), **options))


def test_states_are_joined_in_the_units_named(files):
    frames = join(files)
    assert [frame.n_states for frame in frames] == [3, 3, 3]
    for index, frame in enumerate(frames):
        np.testing.assert_allclose(frame.energy, (np.arange(3) - 10 + 0.01 * index) * EV_PER_HARTREE)
        expected = np.stack([gradient(index, state) for state in range(3)]) * EV_PER_HARTREE / ANGSTROM_PER_BOHR
        np.testing.assert_allclose(frame.forces, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            lambda f: change(f[2], 2 * (N_ATOMS + 2) + 3, "2.30000000", "2.30100000"),
            "S0.xyz, frame 2 and .*S2.xyz, frame 2",
        ),
        (lambda f: change(f[1], 4, "C ", "N "), "frame 0: other atoms"),
        (
            lambda f: change(f[1], N_ATOMS + 5, "C 2.2", "C 2,2"),
            r"S1.xyz, frame 1: column pos: .*'2,2.*\(atom 1\) .*line 7",
        ),
        (
            lambda f: change(f[0], N_ATOMS + 2, "4", "4x"),
            "S0.xyz, frame 1: wanted the number of atoms, got '4x' in line 7",
        ),
        (lambda f: change(f[1], 2, rows(0, 1)[2], "C 0.0"), "S1.xyz, frame 0: atom 0 has 2 columns"),
        (lambda f: change(f[1], 1, "energy=-9.0", "energy=nan"), "energy is NaN"),
        (lambda f: change(f[1], 1, "energy=-9.0", "note=none"), "no energy label"),
        (lambda f: change(f[1], 1, "energy=-9.0", "energy=-11.0"), "do not ascend"),
        (lambda f: f[1].write_text("\n".join(rows(0, 1)) + "\n"), "S1.xyz ends after 1 frames"),
        (lambda f: f[2].write_text("\n".join(rows(0, 2)[:-1]) + "\n"), "the file ends after 3; is it truncated"),
    ],
)
def test_what_does_not_fit_is_named(files, spoil, says):
    spoil(files)
    with pytest.raises(DataError, match=says):
        join(files)


def test_rounded_positions_are_allowed_as_far_as_told(files):
    change(files[2], 2 * (N_ATOMS + 2) + 3, "2.30000000", "2.30100000")
    assert len(join(files, tolerance=2e-3)) == N_FRAMES
    with pytest.raises(DataError, match="one a state"):
        join(files[:1])


def test_the_verb(files, tmp_path, capsys):
    paths, output = [str(path) for path in files], tmp_path / "all.xyz"
    command = ["data", "join", *paths, "-o", str(output)]
    units = ["--energy-unit", "Hartree", "--forces-unit", "Hartree/Bohr"]
    assert run([*command, *units, "--json", str(tmp_path / "j.json")]) == 0
    assert json.loads((tmp_path / "j.json").read_text())["n_frames"] == N_FRAMES
    for read, joined in zip(read_frames(output), join(files), strict=True):
        np.testing.assert_array_equal(read.forces, joined.forces)
    assert run(command) == 2
    assert "energy-unit" in capsys.readouterr().err
