"""The pytest plugin: ``--backend NAME`` and the fixture `backend`.

Owns the choice of backends for a test run. A test that takes the fixture runs once for each chosen backend:
the reference, and OpenCL if there is a device; a backend that was asked for by name must work, or the run fails.
Nothing heavy is imported before a test asks.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from functools import cache

import pytest

KNOWN = ("reference", "opencl")


@cache
def trouble_with(name: str) -> str:
    """Why a backend cannot be used here; empty if it can."""
    if name == "reference":
        return ""
    try:
        return "" if devices(name) else f"backend {name}: no device was found"
    except Exception as error:
        return f"backend {name}: {type(error).__name__}: {error}"


@cache
def devices(name: str) -> str:
    """What a backend, or ``NAME:DEVICE``, computes on, in a few words."""
    if name == "reference":
        import numpy

        return f"NumPy {numpy.__version__}"
    from reference import config

    name, _, device = name.partition(":")
    module = importlib.import_module(f"{name}_backend.device")
    with config.change_flags({f"{name}.device": device} if device else {}):
        return str(module.current().name)


def backends_of(asked: Sequence[str]) -> list[str]:
    """The backends that `--backend` options mean. ``all`` is every one that works; others must work."""
    names: list[str] = []
    for name in asked:
        if name == "all":
            names += [known for known in KNOWN if not trouble_with(known)]
        elif trouble_with(name):
            raise SystemExit(trouble_with(name))
        else:
            names.append(name)
    return list(dict.fromkeys(names))


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("reference", "Theano's graphs on several backends")
    group.addoption(
        "--backend",
        action="append",
        default=[],
        metavar="NAME",
        help="run tests that take the fixture `backend` on NAME, or on `all`; repeatable (env: REFERENCE_BACKEND)",
    )


def _chosen(config: pytest.Config) -> list[str]:
    asked = list(config.getoption("--backend")) or os.environ.get("REFERENCE_BACKEND", "").replace(",", " ").split()
    try:
        return backends_of(asked or ["all"])
    except SystemExit as error:
        raise pytest.UsageError(str(error)) from None


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "backend(name): run this test on one backend only")


def pytest_report_header(config: pytest.Config) -> str | None:
    if not config.getoption("--backend") and not os.environ.get("REFERENCE_BACKEND"):
        return None
    return "backends: " + ", ".join(f"{name} ({devices(name)})" for name in _chosen(config))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" not in metafunc.fixturenames:
        return
    marked = metafunc.definition.get_closest_marker("backend")
    chosen = _chosen(metafunc.config)
    names = [name for name in chosen if marked is None or name in marked.args]
    metafunc.parametrize("backend", names, scope="session")
