"""Studies from electronic structure to a page: what they are told, where they stop and go on, what they say."""

import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
import yaml

from fusionmd.cli.main import run
from fusionmd.errors import ConfigError
from fusionmd.namd import geometry
from fusionmd.namd.run_file import read_run
from fusionmd.workflows.namd_study import begin, choice_of, draw, hop
from fusionmd.workflows.namd_study_compare import comparison, reference_of
from fusionmd.workflows.namd_study_report import MOST_UNFINISHED
from fusionmd.workflows.namd_study_settings import STUDIES, Study, read_study
from tests.namd.test_resume import assert_same_bits
from tests.namd.water import WATER, words


@pytest.fixture(scope="module")
def finished(folder):
    assert run(words(folder, folder / "done")) == 0
    return folder / "done"


def test_one_folder_has_everything(finished):
    result = json.loads((finished / "result.json").read_text())
    assert json.loads(Path(f"{finished}.json").read_text())["counts"] == result["counts"]
    assert sum(result["counts"].values()) == result["n_trajectories"] == 6
    assert len(ase.io.read(finished / "starts.xyz", index=":")) == 6
    page = (finished / "report.html").read_text()
    assert "Springs &amp; nothing else." in page and "nobody" in page and "<img" in page and result["headline"] in page
    came_down = any(row["accepted"] and row["target"] == 0 for row in result["hops"]["table"])
    assert came_down == (finished / "hop_geometries.png").exists()
    for name in ("populations", "yields", "traces"):
        assert (finished / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    settings = yaml.safe_load((finished / "settings.yaml").read_text())
    assert Study.model_validate(settings["study"]).title == WATER["title"] and settings["choice"]["start"] == "bent"


def test_yields_are_headlined_only_when_nearly_all_are_finished(finished):
    result = json.loads((finished / "result.json").read_text())
    without = result["counts"]["unfinished"] + result["counts"]["discarded"]
    assert result["is_headlined"] == (without <= MOST_UNFINISHED * 6)
    assert result["headline"].startswith("Yields" if result["is_headlined"] else "No yields")


def test_the_same_command_changes_nothing_and_another_is_refused(folder, finished, capsys):
    before = (finished / "run.h5").read_bytes()
    assert run(words(folder, finished)) == 0 and (finished / "run.h5").read_bytes() == before
    assert run(words(folder, finished, "--seed", "7")) == 2
    assert "other settings" in capsys.readouterr().err


def test_a_reference_stands_beside(folder, finished, tmp_path, capsys):
    out = tmp_path / "other"
    assert run(words(folder, out, "--seed", "5", "--reference", str(finished), n=8)) == 0
    result = json.loads((out / "result.json").read_text())
    beside = result["comparison"]
    assert beside["n_trajectories"] == 6 - json.loads((finished / "result.json").read_text())["n_discarded"]
    assert 0 <= beside["ground_population"]["distance"] <= 1
    assert "Kolmogorov" not in result["headline"] and "largest distance" in (out / "report.html").read_text()
    assert (out / "comparison.png").exists()
    words_of_file = words(folder, out, "--seed", "5", "--reference", str(finished / "run.h5"), n=8)
    assert run(words_of_file) == 0
    assert json.loads((out / "result.json").read_text())["comparison"] == beside


def test_a_reference_that_is_none_is_said_before_anything_runs(folder, finished, tmp_path, capsys):
    out = tmp_path / "other"
    assert run(words(folder, out, "--reference", str(tmp_path), n=8)) == 2
    assert "no folder of a study" in capsys.readouterr().err and not (out / "run.h5").exists()
    stilbene = ["namd", "stilbene", "-o", str(tmp_path / "stilbene"), "--reference", str(finished / "run.h5")]
    assert run(stilbene) == 2
    assert "not a run of C14H12" in capsys.readouterr().err and not (tmp_path / "stilbene" / "run.h5").exists()


def test_a_run_beside_itself_is_no_different(folder, finished):
    plan = begin(folder / "water.yaml", choice_of(surfaces=str(folder / "two.pt"), n_trajectories=6), finished)
    side = reference_of(plan, finished)
    found = comparison(side, side, plan.study.outcomes.names)
    assert found["ground_population"]["distance"] == 0
    assert found["logrank_p"] is None or found["logrank_p"] == pytest.approx(1.0)


def test_shipped_studies_are_of_the_molecules_they_say():
    stilbene, methaniminium = read_study("stilbene"), read_study("ch2nh2")
    torsions = {}
    for name, each in stilbene.starts.items():
        atoms = each.atoms()
        assert atoms.get_chemical_formula() == "C14H12"
        assert stilbene.outcomes.names[stilbene.outcomes.classified(atoms.positions.reshape(1, -1))[0]] == name
        torsions[name] = float(geometry.dihedral(atoms.positions, (2, 0, 1, 8)))
        values = {key: one.values(atoms.positions.ravel()) for key, one in stilbene.outcomes.coordinates.items()}
        assert values["pyramidalisation C0"] < 5 and 0.1 < values["bond length alternation"] < 0.15
    assert torsions["cis"] < 15 and torsions["trans"] > 170
    assert methaniminium.charge == 1 and methaniminium.starts["s2"].state == 2 and methaniminium.starts["s1"].state == 1
    assert {path.stem for path in STUDIES.glob("*.yaml")} == {"stilbene", "ch2nh2"}


def test_bond_of_three_carbons_makes_dhp_and_a_lost_hydrogen_makes_other():
    study = read_study("stilbene")
    places = study.starts["cis"].atoms().positions
    closed, lost = places.copy(), places.copy()
    pair = min(((a, b) for a in (3, 7) for b in (9, 13)), key=lambda p: np.linalg.norm(places[p[0]] - places[p[1]]))
    closed[pair[0]] = closed[pair[1]] + [0, 0, 1.6]
    lost[14] += [0, 0, -2.0]
    classes = study.outcomes.classified(np.stack([closed.ravel(), lost.ravel()]))
    assert [study.outcomes.names[k] for k in classes] == ["dhp", "other"]


def test_what_cannot_be_studied_is_said(folder, tmp_path, capsys):
    assert run(["namd", "stilbene", "--start", "gauche", "-o", str(tmp_path / "a")]) == 2
    assert "cis, trans" in capsys.readouterr().err
    assert run(["namd", "study", "benzene", "-o", str(tmp_path / "b")]) == 2
    assert "ch2nh2, stilbene" in capsys.readouterr().err
    assert run(["namd", "stilbene", "--surfaces", "nothing", "-o", str(tmp_path / "c")]) == 2
    assert "neither a potential" in capsys.readouterr().err
    assert run(words(folder, tmp_path / "d", "--parameters", str(folder / "water.yaml"))) == 2
    assert "is a potential" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConfigError, match="above 0|greater than 0"):
        choice_of(time_fs=-1.0)
    with pytest.raises(ConfigError, match="kcsdm moves"):
        choice_of(hopping="kcsdm", upper_hops=False)
    with pytest.raises(ValueError, match="classes"):
        Study.model_validate(WATER | {"literature": [{"start": "bent", "source": "x", "yields": {"far": 1}}]})


def test_hops_above_the_first_state_can_be_left_out(tmp_path):
    choice = choice_of(surfaces="mopac-am1-ci22", upper_hops=False, start="s2", time_fs=31.0, record_fs=2.0)
    given = begin("ch2nh2", choice, tmp_path).run
    assert given.method.pairs == [(0, 1)] and (given.interval, given.n_steps) == (16, 256)


def test_methaniminium_goes_from_electronic_structure_to_a_page(tmp_path):
    assert run(["namd", "study", "ch2nh2", "-n", "2", "--time", "2", "-o", str(tmp_path / "out")]) == 0
    read = read_run(tmp_path / "out" / "run.h5")
    assert read.active_state[:, 0].tolist() == [2, 2] and "CASCI(4,3)" in read.surfaces
    drawn = yaml.safe_load((tmp_path / "out" / "starts.xyz.yaml").read_text())
    assert len(drawn["found"]["frequencies_inverse_cm"]) == 12 and min(drawn["found"]["frequencies_inverse_cm"]) > 300
    assert np.ptp(read.total_energy, axis=1).max() < 0.1
    assert (tmp_path / "out" / "spectrum.png").exists()


def test_a_study_that_was_stopped_goes_on_with_the_same_bits(folder, finished, tmp_path):
    choice = choice_of(surfaces=str(folder / "two.pt"), n_trajectories=6)
    plan = begin(folder / "water.yaml", choice, tmp_path)
    draw(plan)

    def stop(step):
        if step > 6 * 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hop(plan, on_step=stop)
    assert (tmp_path / "run.h5.parts").exists() and not (tmp_path / "run.h5").exists()
    hop(begin(folder / "water.yaml", choice, tmp_path))
    assert_same_bits(tmp_path / "run.h5", finished / "run.h5")
