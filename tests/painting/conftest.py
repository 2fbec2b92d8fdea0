"""Made once for all tests of painting."""

from pathlib import Path

import pytest

from tests.painting.small import model_file


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_file(tmp_path_factory.mktemp("model"))
