"""Every behaviour test runs on every chosen backend (``--backend``): `function` takes it from the flag."""

from collections.abc import Iterator

import pytest

from reference.config import config


@pytest.fixture(autouse=True)
def _on_backend(backend: str) -> Iterator[None]:
    with config.change_flags(backend=backend):
        yield
