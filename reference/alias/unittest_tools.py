"""`theano.tests.unittest_tools`: what test suites written for Theano import from it."""

from __future__ import annotations

import unittest
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference.compile.function import function
from reference.compile.modes import Mode, get_mode
from reference.config import config
from reference.graph.core import Op, Variable
from reference.numeric_gradient import verify_grad as _verify_grad

__all__ = [
    "InferShapeTester", "OptimizationTestMixin", "SkipTest", "TestOptimizationMixin", "WrongValue", "assert_allclose",
    "attr", "custom_name_func", "fetch_seed", "seed_rng", "str_diagnostic", "verify_grad",
]  # fmt: skip


def fetch_seed(pseed: int | None = None) -> int | None:
    """The seed of a test: the flag unittests.rseed, 666 unless set, unless one is given; None for "random"."""
    seed = config.unittests.rseed if pseed is None else pseed
    return None if seed == "random" else int(seed)


def seed_rng(pseed: int | None = None) -> int | None:
    """Seed NumPy's global generator with `fetch_seed`."""
    seed = fetch_seed(pseed)
    np.random.seed(seed)
    return seed


def verify_grad(op: Callable[..., Variable], pt: Sequence[Any], n_tests: int = 2, rng: Any = None, *args: Any,
                **kwargs: Any) -> None:  # fmt: skip
    """`theano.gradient.verify_grad` with a generator seeded by `fetch_seed`."""
    rng = np.random.RandomState(fetch_seed()) if rng is None else rng
    _verify_grad(op, pt, n_tests, rng, *args, **kwargs)


verify_grad.E_grad = AssertionError  # type: ignore[attr-defined]


SkipTest = unittest.SkipTest


def attr(*names: str, **values: Any) -> Callable[[Any], Any]:
    """A decorator that notes something about a test, as nose had it: ``@attr("slow")``."""

    def note(test: Any) -> Any:
        for name, value in {**dict.fromkeys(names, True), **values}.items():
            setattr(test, name, value)
        return test

    return note


class WrongValue(AssertionError):
    """Two values that should be equal are not; the text says by how much."""

    def __init__(self, expected_val: Any, val: Any, rtol: float, atol: float):
        super().__init__(str_diagnostic(expected_val, val, rtol, atol))


def str_diagnostic(expected: Any, value: Any, rtol: float, atol: float) -> str:
    """How far two arrays are apart, and where."""
    a, b = np.asarray(expected), np.asarray(value)
    if not _stretch(a, b):
        return f"the shapes differ: {a.shape} expected, got {b.shape}"
    a, b = np.broadcast_arrays(a, b)
    apart = np.abs(a.astype("complex128") - b)
    text = f"dtypes {a.dtype} and {b.dtype}, shape {a.shape}; allowed: {atol} + {rtol} * |expected|"
    if apart.size:
        worst = np.unravel_index(np.argmax(apart), apart.shape)
        text += f"; worst at {tuple(map(int, worst))}: {a[worst]} expected, got {b[worst]}"
    return text


def _stretch(a: np.ndarray, b: np.ndarray) -> bool:
    """Do the two have a common shape?"""
    return all(m == n or 1 in (m, n) for m, n in zip(reversed(a.shape), reversed(b.shape)))


def assert_allclose(expected: Any, value: Any, rtol: float | None = None, atol: float | None = None) -> None:
    """Raise WrongValue unless the arrays are close, as the narrower dtype allows; a number may stand for many."""
    a, b = np.asarray(expected), np.asarray(value)
    narrow = max((np.finfo(x.dtype).eps for x in (a, b) if x.dtype.kind in "fc"), default=0.0)
    rtol = (1e-5 if narrow < 1e-7 else 1e-3 if narrow > 1e-4 else 1e-5) if rtol is None else rtol
    atol = (1e-8 if narrow < 1e-7 else 1e-3 if narrow > 1e-4 else 1e-5) if atol is None else atol
    if not _stretch(a, b) or not np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True):
        raise WrongValue(expected, value, rtol, atol)


class OptimizationTestMixin:
    """Assertions on which operations a compiled function holds."""

    def assertFunctionContains(self, f: Any, op: Any, min: int = 1, max: float = float("inf")) -> None:
        """`op`, an operation or class, occurs between `min` and `max` times."""
        matches = (lambda o: o == op) if isinstance(op, Op) else (lambda o: isinstance(o, op))
        found = [node for node in f.maker.fgraph.toposort() if matches(node.op)]
        assert min <= len(found) <= max, f"{op} occurs {len(found)} times, not {min} to {max}: {found}"

    def assertFunctionContains0(self, f: Any, op: Any) -> None:
        """`op` does not occur."""
        self.assertFunctionContains(f, op, min=0, max=0)

    def assertFunctionContains1(self, f: Any, op: Any) -> None:
        """`op` occurs once."""
        self.assertFunctionContains(f, op, min=1, max=1)

    def assertFunctionContainsN(self, f: Any, op: Any, N: int) -> None:
        """`op` occurs N times."""
        self.assertFunctionContains(f, op, min=N, max=N)

    assertFunctionContainsClass = assertFunctionContains
    assertFunctionContainsClassN = assertFunctionContainsN


TestOptimizationMixin = OptimizationTestMixin


def custom_name_func(testcase_func: Any, param_num: Any, param: Any) -> str:
    """The name of a test made by the package `parameterized`: its arguments are in it."""
    return f"{testcase_func.__name__}_{'_'.join(str(a) for a in param.args)}"


class InferShapeTester(unittest.TestCase):
    """Tests that a shape can be told without computing the value."""

    def setUp(self) -> None:
        seed_rng()
        self.mode: Mode = get_mode(None)

    def _compile_and_check(self, inputs: Sequence[Variable], outputs: Sequence[Any], numeric_inputs: Sequence[Any],
                           cls: Any, excluding: Sequence[str] | None = None, warn: bool = True,
                           check_topo: bool = True) -> None:  # fmt: skip
        """The shapes of `outputs` are those of their values, and are found without an operation of class `cls`."""
        mode = self.mode.excluding(*excluding) if excluding else self.mode
        values = function(inputs, outputs, mode=mode, on_unused_input="ignore")(*numeric_inputs)
        shapes = function(inputs, [o.shape for o in outputs], mode=mode, on_unused_input="ignore")
        if check_topo:
            classes = cls if isinstance(cls, tuple) else (cls,)
            left = [node for node in shapes.fgraph.toposort() if isinstance(node.op, classes)]
            assert not left, f"the shape is computed from the value: {left}"
        for value, shape in zip(values, shapes(*numeric_inputs)):
            assert np.array_equal(np.shape(value), shape), f"shape {shape} was told, {np.shape(value)} computed"
