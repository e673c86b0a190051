"""Linear algebra on one thread."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from fusionmd import threads
from fusionmd.labels import casci
from fusionmd.labels.methods import method_of
from fusionmd.structure import Structure
from fusionmd.threads import one_thread


def counts():
    return {library["filepath"]: library["num_threads"] for library in threadpool_info()}


@pytest.fixture(autouse=True)
def three_threads():
    """Of what is loaded now, which may be more than when the libraries were looked for first."""
    threads._controller.cache_clear()
    with threadpool_limits(3):
        yield


def test_one_thread_inside_and_as_many_as_before_outside():
    before = counts()
    with one_thread():
        assert set(counts().values()) == {1}
    assert counts() == before and 3 in before.values()


def test_as_before_after_an_error():
    before = counts()
    with pytest.raises(ValueError, match="no"), one_thread():
        raise ValueError("no")
    assert counts() == before


def test_labels_of_the_smooth_active_space_are_made_on_one(tmp_path, monkeypatch):
    """Its matrices are small."""
    path = tmp_path / "ethylene.params"
    path.write_text("SITE 0 1 2 3\nSITE 1 0 4 5\nACTIVE 0 1\nEND\n")
    places = np.array([[0, 0, 0], [1.33, 0, 0], [-0.56, 0.93, 0], [-0.56, -0.93, 0], [1.9, 0.93, 0], [1.9, -0.93, 0]])
    seen, original = [], casci.Point

    def point(*arguments):
        seen.append(set(counts().values()))
        return original(*arguments)

    monkeypatch.setattr(casci, "Point", point)
    method = method_of("nddo-am1-casci22", parameters=path)
    method.label(Structure(positions=places, numbers=np.array([6, 6, 1, 1, 1, 1])), [0])
    assert seen == [{1}]
