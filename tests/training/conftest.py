from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.training import toy


@pytest.fixture(autouse=True)
def toy_architecture() -> Iterator[None]:
    with toy.registered():
        yield


@pytest.fixture(scope="session")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.write_frames(tmp_path_factory.mktemp("frames") / "train.xyz", 16)
