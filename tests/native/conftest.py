import pytest

from fusionmd.errors import CompilerError
from fusionmd.native.library import build_library, load_library


@pytest.fixture(scope="session", autouse=True)
def library():
    """The native operations, built into the user's cache as `fusionmd compile` does."""
    try:
        path = build_library()
    except CompilerError as error:
        pytest.skip(f"no native operations: {error}")
    load_library()
    return path
