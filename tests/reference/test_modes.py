"""Modes: names, choices of rewrites, and the modes that watch."""

import functools
from typing import Any

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.compile.modes import PREDEFINED, Mode, MonitorMode, detect_nan, get_mode, register_mode
from reference.compile.nanguard import NanGuardMode
from reference.graph.core import Apply, Op
from reference.graph.errors import BadOptimization
from reference.rewriting.engine import REGISTRY, Promise, rewrite


@pytest.mark.parametrize(
    "name", ["UNOPTIMIZED", "FAST_COMPILE", "EXACT", "FAST_RUN", "UNSAFE", "DebugMode", "DEBUG_MODE", "NanGuardMode"]
)
def test_names_are_accepted_in_any_case(name: str):
    kind = type(get_mode(name))
    assert type(get_mode(name.lower())) is kind
    assert type(get_mode(name.upper())) is kind
    assert get_mode(name.lower()).name == get_mode(name).name


def test_an_unknown_mode_offers_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'FAST_RUN'"):
        get_mode("FASTRUN")
    with pytest.raises(TypeError, match="Mode"):
        get_mode(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fast_compile"):
        Mode(optimizer="fast_compil")
    with pytest.raises(ValueError, match="linker"):
        Mode(linker="cmv")


def test_no_mode_is_the_flag():
    assert get_mode(None).name == "FAST_RUN"
    with theano.config.change_flags(mode="EXACT"):
        assert get_mode(None).name == "EXACT"


@pytest.mark.parametrize("linker", [None, "py", "c|py", "cvm", "vm", "c"])
def test_theanos_linkers_are_accepted(linker: str | None):
    x = T.dscalar("x")
    assert theano.function([x], x + 1, mode=Mode(linker=linker, optimizer="fast_run"))(1) == 2


@pytest.mark.parametrize(
    ("mode", "exact"),
    [
        ("UNOPTIMIZED", True),
        ("FAST_COMPILE", True),
        ("EXACT", True),
        ("FAST_RUN", False),
        ("UNSAFE", False),
        ("DebugMode", False),
        (Mode(optimizer="merge"), True),
        (Mode(optimizer=None), True),
        (get_mode("EXACT").including("plus_zero"), False),
        (get_mode("EXACT").including("times_one"), True),
        (get_mode("EXACT").excluding("times_one"), True),
    ],
)
def test_which_modes_keep_every_bit(mode: Any, exact: bool):
    assert get_mode(mode).exact is exact


def applied(mode: Any, expression: Any, *inputs: Any) -> dict[str, int]:
    return theano.function(list(inputs), expression, mode=mode).rewrites.counts()


def test_each_mode_admits_its_promises():
    x = T.dvector("x")
    z = T.log(1 + T.exp(x)) * 1 + 0 + (x - x)
    assert applied("UNOPTIMIZED", z, x) == {}
    assert applied(Mode(optimizer=None), z, x) == {}
    names = ("FAST_COMPILE", "EXACT", "FAST_RUN", "UNSAFE")
    promises = {name: {REGISTRY[r].promise for r in applied(name, z, x)} for name in names}
    assert promises["FAST_COMPILE"] == promises["EXACT"] == {Promise.EXACT}
    assert promises["FAST_RUN"] == {Promise.EXACT, Promise.REAL, Promise.STABLE}
    assert Promise.FINITE in promises["UNSAFE"]
    assert all(REGISTRY[r].cheap for r in applied("FAST_COMPILE", z, x))


def test_including_and_excluding_by_name_family_stage_and_promise():
    x = T.dvector("x")
    z = x * 1 + 0
    fast = get_mode("FAST_RUN")
    assert "times_one" in applied(fast, z, x)
    for name in ("times_one", "algebra", "canonicalize", "exact"):
        assert "times_one" not in applied(fast.excluding(name), z, x)
    assert "plus_zero" in applied(get_mode("EXACT").including("plus_zero"), z, x)
    assert "plus_zero" in applied(get_mode("EXACT").including("real"), z, x)
    assert set(applied(fast.requiring("merge"), z, x)) <= {"merge_nodes", "merge_constants"}
    assert "times_one" in applied(fast, z, x), "a mode does not change when another is made from it"


def test_flags_add_and_remove_rewrites():
    x = T.dvector("x")
    with theano.config.change_flags(optimizer_excluding="times_one:plus_zero"):
        assert not {"times_one", "plus_zero"} & set(applied("FAST_RUN", x * 1 + 0, x))
    with theano.config.change_flags(optimizer_including="plus_zero"):
        assert "plus_zero" in applied("EXACT", x + 0, x)
        assert not get_mode("EXACT").exact
        assert applied("UNOPTIMIZED", x + 0, x) == {}


def test_names_that_mean_nothing_can_be_found():
    mode = get_mode("FAST_RUN").excluding("times_one", "inplace")
    assert mode.check_names() == ["inplace"]


def test_a_mode_of_ones_own():
    register_mode("mine", Mode(optimizer="merge"))
    try:
        assert get_mode("MINE").exact
    finally:
        del PREDEFINED["mine"]
    with pytest.raises(ValueError, match="exists"):
        register_mode("fast_run", Mode())


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "EXACT", "FAST_RUN", "UNSAFE", "DebugMode"])
def test_results_agree_across_modes(mode: str):
    x, y = T.dmatrices("x", "y")
    cost = T.log(1 + T.exp(T.dot(x, y.T))).mean() + (x[1:] * 2 / 4).sum()
    outputs = [cost, *T.grad(cost, [x, y])]
    values = np.linspace(-1, 1, 12).reshape(4, 3), np.linspace(2, -1, 12).reshape(4, 3)
    expected = theano.function([x, y], outputs, mode="UNOPTIMIZED")(*values)
    for result, wanted in zip(theano.function([x, y], outputs, mode=mode)(*values), expected):
        assert result == pytest.approx(wanted, rel=1e-12)
        if get_mode(mode).exact:
            assert np.array_equal(result, wanted)


# Modes that watch do so while the interpreter runs; a backend has its own ways.

watched = functools.partial(theano.function, backend="reference")


def test_monitor_sees_every_node():
    seen: list[Any] = []
    x = T.dvector("x")
    mode = MonitorMode(
        pre_func=lambda i, node, fn: seen.append(("pre", i, str(node.op), [v[0].tolist() for v in fn.inputs])),
        post_func=lambda i, node, fn: seen.append(("post", i, str(node.op), fn.outputs[0][0].tolist())),
        optimizer=None,
    )
    f = watched([x], T.exp(x) * x, mode=mode)
    for _ in range(2):
        seen.clear()
        f([0.0])
        assert seen == [
            ("pre", 0, "Elemwise{exp,no_inplace}", [[0.0]]),
            ("post", 0, "Elemwise{exp,no_inplace}", [1.0]),
            ("pre", 1, "Elemwise{mul,no_inplace}", [[1.0], [0.0]]),
            ("post", 1, "Elemwise{mul,no_inplace}", [0.0]),
        ]


def test_a_monitor_finds_where_nan_comes_from(capsys):
    x = T.dvector("x")
    f = watched([x], T.log(x) * 2, mode=MonitorMode(post_func=detect_nan, optimizer=None))
    f([1.0])
    assert capsys.readouterr().out == ""
    f([-1.0])
    text = capsys.readouterr().out
    assert text.startswith("*** NaN detected ***\nElemwise{log,no_inplace}") and "Inputs : [array([-1.])]" in text


@pytest.mark.parametrize(
    ("value", "word"), [(np.nan, "NaN"), (np.inf, "infinite"), (1e11, "beyond")], ids=["nan", "inf", "big"]
)
def test_nan_guard_stops_at_the_first(value: float, word: str):
    x = T.dvector("x")
    f = watched([x], x * 2, mode=NanGuardMode())
    with pytest.raises(AssertionError, match=word):
        f([1.0, value])
    assert f([1.0]).tolist() == [2.0]
    quiet = NanGuardMode(nan_is_error=False, inf_is_error=False, big_is_error=False)
    watched([x], x * 2, mode=quiet)([value])
    with pytest.warns(UserWarning, match=word):
        watched([x], x * 2, mode=NanGuardMode(action="warn"))([value])


@pytest.fixture
def wrong_rewrite():
    before = dict(REGISTRY)

    @rewrite(Promise.EXACT, on="sub", stage="specialize")
    def wrong(fgraph, node):
        """x - y -> y - x."""
        return node.op.make_node(*node.inputs[::-1]).outputs if node.inputs[0].name == "x" else None

    yield wrong
    REGISTRY.clear()
    REGISTRY.update(before)


def test_debug_mode_names_a_rewrite_that_breaks_its_promise(wrong_rewrite: Any):
    x, y = T.dvectors("x", "y")
    f = watched([x, y], T.exp(x - y), mode="DebugMode")
    with pytest.raises(BadOptimization, match=r"(?s)wrong broke its promise EXACT.*optimizer_excluding=wrong.*Before:"):
        f([1.0], [2.0])
    assert f([1.0], [1.0]) == [1.0]


class _Faulty(Op):
    """Returns what its `make_node` did not promise, or writes to its input."""

    __props__ = ("fault",)

    def __init__(self, fault: str):
        self.fault = fault

    def make_node(self, x: Any) -> Apply:
        return Apply(self, [x], [x.type()])

    def perform(self, node: Apply, *inputs: Any) -> tuple[Any, ...]:
        (x,) = inputs
        if self.fault == "dtype":
            return (x.astype("float32"),)
        if self.fault == "scalar":
            return (x.sum(),)
        x += 1
        return (x.copy(),)


@pytest.mark.backend("reference")
@pytest.mark.parametrize(("fault", "word"), [("dtype", "float32"), ("scalar", "expected"), ("write", "changed")])
def test_debug_mode_checks_every_node(fault: str, word: str):
    x = T.dvector("x")
    f = watched([x], _Faulty(fault)(x), mode="DebugMode")
    with pytest.raises(AssertionError, match=word):
        f(np.zeros(3))


def test_debug_mode_can_insist_on_finite_values():
    x = T.dvector("x")
    mode = theano.compile.debugmode.DebugMode(check_isfinite=True)
    with pytest.raises(AssertionError, match="infinity"):
        watched([x], 1 / x, mode=mode)([0.0])
    with pytest.raises(TypeError, match="patience"):
        theano.compile.debugmode.DebugMode(patience=3)


def test_debug_mode_passes_sound_graphs():
    x = T.dmatrix("x")
    total, _ = theano.scan(lambda row, acc: acc + T.log(1 + T.exp(row)), sequences=x, outputs_info=T.zeros(3))
    cost = total[-1].sum()
    f = watched([x], [cost, T.grad(cost, x)], mode="DebugMode")
    cost_value, slope = f(np.linspace(-2, 2, 6).reshape(2, 3))
    assert cost_value == pytest.approx(np.log1p(np.exp(np.linspace(-2, 2, 6))).sum())
    assert slope.ravel() == pytest.approx(1 / (1 + np.exp(-np.linspace(-2, 2, 6))))
