"""What is made of an ensemble: lifetimes, incidence with censoring, coordinates, and the verb from end to end."""

import json
from dataclasses import replace

import ase.io
import mdtraj
import numpy as np
import pytest
import yaml
from ase.build import molecule

from fusionmd.cli.main import run
from fusionmd.errors import ConfigError
from fusionmd.namd import geometry
from fusionmd.namd.analysis import arrivals, energy_changes, energy_drifts, hop_times, populations_of
from fusionmd.namd.incidence import CENSORED, cumulative_incidence
from fusionmd.namd.lifetimes import lifetime
from fusionmd.namd.plots import population_plot
from fusionmd.namd.run_file import read_run
from fusionmd.potential import export_potential
from fusionmd.units import ANGSTROM_PER_NM
from fusionmd.workflows.namd import run_namd
from fusionmd.workflows.namd_outcomes import Outcomes, read_outcomes
from tests.namd.springs import WATER, MorsePairs
from tests.namd.test_resume import settings


def test_lifetime_and_delay_are_found_and_the_interval_covers():
    rng, times = np.random.default_rng(3), np.linspace(0, 500, 51)
    values, is_inside = [], []
    for _ in range(5):
        ends = 40.0 + rng.exponential(120.0, size=300)
        found = lifetime(times, ends[:, None] > times)
        values.append(found.value)
        is_inside.append(found.low < 120.0 < found.high)
        assert found.delay == pytest.approx(40.0, abs=12.0)
    assert np.mean(values) == pytest.approx(120.0, rel=0.06)
    assert sum(is_inside) >= 4


def test_no_lifetime_without_a_decay():
    assert lifetime(np.linspace(0, 100, 11), np.ones((50, 11), dtype=bool)) is None


def test_incidence_without_censoring_is_the_share_and_with_it_is_unbiased():
    rng, n, grid = np.random.default_rng(5), 4000, np.linspace(0, 240, 25)
    times, outcomes = rng.exponential(100.0, size=n), rng.choice(3, p=[0.5, 0.3, 0.2], size=n)
    found, without = cumulative_incidence(times, outcomes, 3, grid)
    shares = np.array([[(times[outcomes == k] <= t).sum() / n for t in grid] for k in range(3)])
    np.testing.assert_allclose(found, shares, atol=1e-12)
    seen = rng.uniform(20.0, 300.0, size=n)
    is_censored = seen < times
    found, without = cumulative_incidence(np.minimum(times, seen), np.where(is_censored, CENSORED, outcomes), 3, grid)
    assert 0.2 < is_censored.mean() < 0.6
    np.testing.assert_allclose(found.sum(axis=0) + without, 1.0, atol=1e-12)
    exact = np.outer([0.5, 0.3, 0.2], 1 - np.exp(-grid / 100.0))
    assert np.abs(found - exact).max() < 0.03
    naive = (np.minimum(times, seen)[~is_censored & (outcomes == 0)] <= 240).sum() / n
    assert naive < exact[0, -1] - 0.06  # what forgetting them would give


def test_coordinates_agree_with_ase():
    atoms = molecule("CH3CH2OH")
    atoms.rattle(0.1, seed=1)
    points = np.stack([atoms.positions, atoms.positions[::-1]])
    assert geometry.distance(points, (0, 4))[0] == pytest.approx(atoms.get_distance(0, 4))
    assert geometry.angle(points, (0, 1, 2))[0] == pytest.approx(atoms.get_angle(0, 1, 2))
    turned = atoms.get_dihedral(3, 1, 0, 2)
    assert geometry.dihedral(points, (3, 1, 0, 2))[0] == pytest.approx(min(turned, 360 - turned))


@pytest.fixture(scope="module")
def cone(tmp_path_factory):
    """80 trajectories on the cone; some are stopped at the wish of a narrow energy window."""
    path = tmp_path_factory.mktemp("cone") / "cone.h5"
    method = {"hopping": "fssh", "amplitudes": "diabatic", "substeps": 2, "seed": 4}
    changes = {"n_trajectories": 80, "batch_size": 80, "time_step_fs": 0.4, "n_steps": 200, "interval": 2}
    run_namd(settings(**changes, method=method, checkpoint_s=60.0, triage={"energy_window_eV": 0.03}), path)
    return path


def test_the_verb_writes_numbers_pictures_and_a_page(cone, tmp_path, capsys):
    outcomes = {
        "settle_fs": 10.0,
        "classes": {"left": [{"coordinate": 0, "between": [-1e3, 0.0]}]},
        "coordinates": {"x": {"coordinate": 0}},
    }
    (tmp_path / "outcomes.yaml").write_text(yaml.safe_dump(outcomes))
    out = tmp_path / "result.json"
    arguments = ["namd", "analyze", str(cone), "--outcomes", str(tmp_path / "outcomes.yaml"), "--json", str(out)]
    assert run([*arguments, "-o", str(tmp_path / "pages")]) == 0
    found = json.loads(out.read_text())
    assert {
        "n_trajectories", "n_discarded", "populations", "lifetime_fs", "yields", "energy_drift_eV", "protocol",
    } <= set(found)  # fmt: skip
    assert 0 < found["n_discarded"] < 80 and found["discarded"] == {"energy_window": found["n_discarded"]}
    assert found["with_discarded"]["populations"]["mean"] != found["populations"]["mean"]
    for part in (found, found["with_discarded"]):
        np.testing.assert_allclose(np.sum(part["populations"]["mean"], axis=1), 1.0)
        np.testing.assert_allclose(np.sum(part["populations"]["amplitudes"], axis=1), 1.0)
        assert part["lifetime_fs"]["low"] <= part["lifetime_fs"]["value"] <= part["lifetime_fs"]["high"]
        assert part["yields"]["left"]["value"] + part["yields"]["other"]["value"] == pytest.approx(1.0)
    assert found["n_finished"] + found["n_unfinished"] == 80 - found["n_discarded"]
    incidence = found["cumulative_incidence"]
    np.testing.assert_allclose(np.sum([incidence[k] for k in ("left", "other", "none")], axis=0), 1.0)
    assert found["protocol"]["method"]["seed"] == 4 and "x" in found["hops"]["geometry"]
    page = (tmp_path / "pages" / "report.html").read_text()
    assert page.count("<img") == 5 and "with the discarded" in page
    for name in ("populations", "incidence", "hops", "traces", "energies"):
        assert (tmp_path / "pages" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (tmp_path / "pages" / f"{name}.svg").read_text()
    assert "discarded" in capsys.readouterr().out


def test_arrivals_are_the_last_hops_down(cone):
    read = read_run(cone)
    arrived = arrivals(read)
    for row in np.flatnonzero(~read.is_discarded):
        on_ground = read.active_state[row] == 0
        assert np.isfinite(arrived[row]) == on_ground[-1]
        if on_ground[-1] and not on_ground.all():
            assert on_ground[read.time >= arrived[row]].all()
            assert not on_ground[read.time < arrived[row]][-1]
    assert (hop_times(read) > 0).all() and (energy_drifts(read) < 0.2).all()


def test_drift_is_the_slope_between_hops_and_not_what_they_lose(cone):
    read = read_run(cone)
    made, steps = read.hops.accepted, np.arange(len(read.time)) * read.steps_per_frame
    lost = np.zeros_like(read.total_energy)
    for row, step in zip(read.hops.trajectory[made], read.hops.step[made], strict=True):
        lost[row] -= 5.0 * (steps >= step)
    assert lost.any(axis=1).sum() > 10
    found = energy_drifts(replace(read, total_energy=lost + 2e-3 * read.time))
    lengths = read.time[read.end_frames] - read.time[0]
    np.testing.assert_allclose(found, 2e-3 * lengths, atol=1e-9)
    whole = energy_changes(replace(read, total_energy=lost + 2e-3 * read.time))
    rows = np.arange(read.n_trajectories)
    np.testing.assert_allclose(whole, np.abs(lost[rows, read.end_frames] + 2e-3 * lengths), atol=1e-9)


@pytest.mark.parametrize("has_amplitudes", [True, False])
def test_populations_are_drawn_with_amplitudes_where_there_are_any(cone, has_amplitudes):
    read = read_run(cone)
    found = populations_of(read, np.ones(read.n_trajectories, dtype=bool))
    (axes,) = population_plot(found, None, has_amplitudes=has_amplitudes).axes
    dashed = [line for line in axes.get_lines() if line.get_linestyle() == "--"]
    assert len(dashed) == (read.n_states + 1 if has_amplitudes else 0)


def test_trajectories_and_hops_are_written_for_viewers(tmp_path):
    energies = {1: -13.6, 8: (-2040.0, -2039.0)}
    export_potential(MorsePairs().double(), tmp_path / "two.pt", atomic_energies=energies)
    start = WATER.replace("pos:R:3", "pos:R:3:momenta:R:3").replace("0.0\n", "0.0 0.0 0.0 0.0\n")
    (tmp_path / "start.xyz").write_text(start + start.replace("0.97 ", "0.75 "))  # at rest, and tense enough to cross
    surfaces = {"potential": str(tmp_path / "two.pt"), "frames": str(tmp_path / "start.xyz")}
    given = {"surfaces": surfaces, "method": {"hopping": "lzsh"}, "diabatic_state": None, "state": 1}
    run_namd(settings(**given, n_steps=120, interval=5), tmp_path / "out.h5")
    (tmp_path / "outcomes.yaml").write_text("settle_fs: 0\nclasses: {long: [{distance: [0, 1], between: [1, 9]}]}\n")
    words = ["namd", "analyze", str(tmp_path / "out.h5"), "-o", str(tmp_path / "pages"), "--trajectories"]
    assert run([*words, "--outcomes", str(tmp_path / "outcomes.yaml")]) == 0
    read = read_run(tmp_path / "out.h5")
    (path,) = (tmp_path / "pages").rglob("00000.xyz")
    frames = ase.io.read(path, index=":")
    assert path.parent.name in ("long", "other", "unfinished") and frames[0].get_chemical_formula() == "H2O"
    assert [frame.info["state"] for frame in frames] == read.active_state[0].tolist()
    hops = ase.io.read(tmp_path / "pages" / "hops.xyz", index=":")
    assert len(hops) == read.hops.accepted.sum() > 0
    for hop, trajectory, gap in zip(hops, read.hops.trajectory, read.hops.gap, strict=True):
        assert hop.info["trajectory"] == trajectory and hop.info["gap_eV"] == pytest.approx(gap)
        assert abs(gap) < 0.2 and max(hop.get_distances(0, [1, 2])) > 1.0
    topology = mdtraj.Topology()
    residue = topology.add_residue("HOH", topology.add_chain())
    for symbol in "OHH":
        topology.add_atom(symbol, mdtraj.element.Element.getBySymbol(symbol), residue)
    seen = mdtraj.load_xyz(str(path), top=topology)
    np.testing.assert_allclose(seen.xyz[-1] * ANGSTROM_PER_NM, frames[-1].positions, atol=1e-5)


def test_names_of_classes_that_cannot_be_folders_are_refused():
    for name in ("cis/trans", "..", "none"):
        with pytest.raises(ValueError, match="cannot name a class"):
            Outcomes.model_validate({"classes": {name: [{"coordinate": 0, "between": [0, 1]}]}})


def test_what_cannot_be_analysed_is_said(cone, tmp_path, capsys):
    (tmp_path / "no.h5").write_bytes(b"nothing")
    assert run(["namd", "analyze", str(tmp_path / "no.h5")]) == 2 and "no file of hopping" in capsys.readouterr().err
    (tmp_path / "wrong.yaml").write_text("classes: {a: [{distance: [0, 1], angle: [0, 1, 2], between: [0, 1]}]}\n")
    with pytest.raises(ConfigError, match="exactly one"):
        read_outcomes(tmp_path / "wrong.yaml")
    far = Outcomes.model_validate({"classes": {"a": [{"coordinate": 7, "between": [0, 1]}]}})
    with pytest.raises(ConfigError, match=r"0\.\.1"):
        far.classified(read_run(cone).positions[:, -1])
