"""A real Redmine for the tests; they are skipped where Debian's package is not installed."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from redmine_server import Redmine, started


@pytest.fixture(scope="session")
def redmine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redmine]:
    try:
        with started(tmp_path_factory.mktemp("redmine")) as server:
            yield server
    except LookupError as error:
        pytest.skip(str(error))
