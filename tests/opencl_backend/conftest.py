"""What holds for every kernel that any test here builds."""

import pytest

from opencl_backend.cache import every_table


@pytest.fixture(scope="session", autouse=True)
def kernels_need_no_header():
    """Every function that a kernel calls is declared in `builtins`, so that drivers need not read their headers."""
    yield
    assert [table.with_header for table in every_table()] == [0] * len(every_table())


@pytest.fixture(autouse=True)
def nothing_kept():
    """Tests neither see nor leave built programs among the user's caches."""
    from reference.config import config

    with config.change_flags(opencl__cache_dir=""):
        yield
