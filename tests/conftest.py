"""Every behaviour test runs on the backend named by ``--backend``: `function` takes it from the flag."""

from collections.abc import Iterator

import pytest

from reference.config import config


@pytest.fixture(autouse=True)
def _on_backend(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compile for the chosen backend, unless the test is about one itself."""
    if "backend" in request.fixturenames:
        with config.change_flags(backend=request.getfixturevalue("backend")):
            yield
    else:
        yield
