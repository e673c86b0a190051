from pathlib import Path

import pytest

from tests.training import toy


@pytest.fixture(autouse=True)
def toy_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    from fusionmd.models import registry

    monkeypatch.setattr(registry, "_ARCHITECTURES", dict(registry._ARCHITECTURES))
    toy.register()


@pytest.fixture(scope="session")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.write_frames(tmp_path_factory.mktemp("frames") / "train.xyz", 16)
