"""What bad input to a loop gets: which scan, which argument, what types or shapes, where the step stands; and at run
time, in which step."""

import functools
import inspect
import re

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.graph.errors import MissingInputError
from reference.scan import scan, until

V = np.arange(1.0, 7.0)
v, x, m, n = T.dvector("v"), T.dscalar("x"), T.dmatrix("m"), T.iscalar("n")
f32 = T.constant(np.float32(0), name="f32")
s, other = theano.shared(3.0, name="W"), theano.shared(np.float32(1), name="c")


def one(a):
    return a


def grown(a):
    return T.concatenate([a, a])


def reading(i):
    return v[i]


def built(build):
    """The complaint about a loop that is called walk, while it is built."""
    with pytest.raises(Exception) as caught:
        build(functools.partial(scan, name="walk"))
    return caught.value


BUILT = {
    # name: (build, step function or None for a lambda, error, what the text says)
    "another number of outputs": (
        lambda scan: scan(lambda a, p: [a, p], v, [x]),
        ValueError,
        "None as outputs_info .* the step has 2 outputs, outputs_info has 1 entry",
    ),
    "a dtype": (
        lambda scan: scan(lambda p: p + x, outputs_info=f32, n_steps=2),
        ValueError,
        r"initial state \(outputs_info\) of output 0 .*float32, but the step gives float64.*T.cast",
    ),
    "a rank": (
        lambda scan: scan(lambda a, p: [a, p + v], v, [None, x]),
        ValueError,
        r"output 1 .* has 0 dimension\(s\), but the step gives 1 .*TensorType\(float64, vector\)",
    ),
    "no tensor": (
        lambda scan: scan(lambda a: T.NoneConst, v),
        TypeError,
        "output 0 of the step, .* must be a tensor to be stacked",
    ),
    "initial rows": (
        lambda scan: scan(lambda p: p, outputs_info={"initial": np.zeros((2, 3)), "taps": [-1, -3]}, n_steps=2),
        ValueError,
        r"taps \[-1, -3\] the initial state of output 0 .* needs 3 rows, it has 2 \(shape \(2, 3\)\)",
    ),
    "no rows": (
        lambda scan: scan(lambda p: p, outputs_info=[None, {"initial": x, "taps": [-2]}], n_steps=2),
        ValueError,
        "initial state of output 1 .* needs a leading dimension",
    ),
    "until alone": (
        lambda scan: scan(lambda p: (p, until(p > 1)), outputs_info=x),
        ValueError,
        "No information about the number of steps.*with until, n_steps is the most steps",
    ),
    "two conditions": (
        lambda scan: scan(lambda p: (p, until(p > 1), until(p < 0)), outputs_info=x, n_steps=3),
        ValueError,
        "two conditions",
    ),
    "strict": (
        lambda scan: scan(lambda a: a * s, v, strict=True),
        MissingInputError,
        r"strict=True: .* shared variable W of type TensorType\(float64, scalar\).*not in non_sequences",
    ),
    "an update of another dtype": (
        lambda scan: scan(lambda a: {other: other + a}, v),
        TypeError,
        r"updates the shared variable c of type TensorType\(float32, scalar\) with .*float64.*T.cast",
    ),
    "an update of another rank": (
        lambda scan: scan(lambda a: {s: v}, v),
        TypeError,
        r"updates the shared variable W of type TensorType\(float64, scalar\) with v of type TensorType\(float64, vec",
    ),
    "updates that disagree": (
        lambda scan: scan(lambda a: (a, {s: s + 1}, [(s, s * 2)]), v),
        ValueError,
        "two updates of W",
    ),
    "negative n_steps": (lambda scan: scan(one, v, n_steps=-3), ValueError, "n_steps is -3.*go_backwards=True"),
    "float n_steps": (lambda scan: scan(one, v, n_steps=x), ValueError, "n_steps must be an int, got x of type"),
    "vector n_steps": (lambda scan: scan(one, v, n_steps=[1, 2]), ValueError, "n_steps must be an int"),
    "a tap that is no integer": (
        lambda scan: scan(one, [v, {"input": v, "taps": [0.5]}]),
        TypeError,
        r"taps of sequence 1 are integers, got \[0.5\]",
    ),
    "no taps": (lambda scan: scan(one, {"input": v, "taps": []}), ValueError, r"sequence 0 \(v\) has no taps"),
    "a 0-d sequence": (lambda scan: scan(one, [v, x]), ValueError, "sequence 1 needs a leading dimension.*got x"),
    "an odd key": (lambda scan: scan(one, {"inputs": v}), ValueError, "sequence 0 is a variable or dict"),
    "an odd key of outputs_info": (
        lambda scan: scan(one, outputs_info={"init": v}, n_steps=2),
        ValueError,
        "entry 0 of outputs_info is a value or dict",
    ),
    "too few arguments": (
        lambda scan: scan(lambda a, b: a, {"input": v, "taps": [1]}),
        TypeError,
        r"missing a required argument: 'b'. It is given 1 of sequences, 0 of states, 0 non-sequences: v\[t\+1\]",
    ),
    "too many arguments": (lambda scan: scan(one, v, x), TypeError, r"too many .*: v\[t\], x\[t-1\]"),
    "nothing": (lambda scan: scan(lambda a: None, v), ValueError, "returns nothing"),
    "a number": (lambda scan: scan(lambda a: [a, 3], v), ValueError, r"returned 3. Make a constant"),
    "truncate_gradient": (lambda scan: scan(one, v, truncate_gradient=0), ValueError, "truncate_gradient=0"),
    "an unknown mode": (lambda scan: scan(one, v, mode="FAST_RUNN"), ValueError, "FAST_RUNN"),
    "an error of the step's own": (lambda scan: scan(lambda a: v + "a", v), TypeError, ""),
}


@pytest.mark.parametrize("form", BUILT)
def test_a_wrong_loop_is_refused_while_it_is_built(form):
    build, kind, text = BUILT[form]
    error = built(build)
    assert isinstance(error, kind)
    assert re.search(text, str(error), re.DOTALL), str(error)
    last = str(error).splitlines()[-1]
    assert last.startswith("In scan 'walk', whose step is ")
    line = int(re.search(r'File ".*test_scan_errors.py", line (\d+)$', last).group(1))
    first = inspect.getsourcelines(build)[1]
    assert line == inspect.getsourcelines(one)[1] if "one, " in last else first <= line <= first + 3


def test_a_loop_in_a_loop_names_both():
    error = built(lambda scan: scan(lambda row: theano.scan(lambda a, b: a, row, name="inner")[0], m))
    inner, outer = str(error).splitlines()[-2:]
    assert inner.startswith("In scan 'inner'")
    assert outer.startswith("In scan 'walk'")


def run(out):
    return theano.function([v, x, m, n], out, on_unused_input="ignore")(V, 2.0, np.ones((3, 2)), 4)


RUN = {
    "a sequence too short": (
        lambda scan: scan(lambda a, p: p * a, v, x, n_steps=10),
        ValueError,
        r"runs 10 steps, but its sequence v, read as v\[t\], has 6 rows \(shape \(6,\)\)",
    ),
    "a sequence too short for its taps": (
        lambda scan: scan(lambda a, b, p: p * a + b, {"input": v, "taps": [-2, 1]}, x, n_steps=n),
        ValueError,
        r"runs 4 steps, but its sequence v, read as v\[t-2\], has 3 rows",
    ),
    "initial rows": (
        lambda scan: scan(lambda a, b: a + b, outputs_info={"initial": m, "taps": [-4, -1]}, n_steps=2),
        ValueError,
        r"the taps \[-4, -1\] of state 0 need 4 initial rows, but m has 3 \(shape \(3, 2\)\)",
    ),
    "negative n_steps": (
        lambda scan: scan(lambda p: p * x, outputs_info=x, n_steps=-n),
        ValueError,
        "a negative number of steps: n_steps is -4",
    ),
    "a state that grows": (
        lambda scan: scan(grown, outputs_info=v, n_steps=3),
        ValueError,
        r"state 0 \(initial value v\) must keep its shape: it had \(6,\), step 0 gave \(12,\)",
    ),
    "a state that is stretched": (
        lambda scan: scan(lambda p: p + m, outputs_info=T.zeros((1, 2)), n_steps=2),
        ValueError,
        r"state 0 .* must keep its shape: it had \(1, 2\), step 0 gave \(3, 2\)",
    ),
    "rows of several lengths": (
        lambda scan: scan(lambda k: T.arange(k) * n, T.arange(1, 4)),
        ValueError,
        r"output 0 must have one shape in every step: it had \(1,\), step 1 gave \(2,\)",
    ),
    "an error in a step": (
        lambda scan: scan(reading, T.arange(4, 9)),
        IndexError,
        r"This was step 2 of 5 of for\{cpu,walk\}",
    ),
}


@pytest.mark.parametrize("form", RUN)
def test_a_loop_that_fails_tells_where(form):
    build, kind, text = RUN[form]
    out, _ = build(functools.partial(scan, name="walk"))
    with pytest.raises(kind) as caught:
        theano.function([v, x, m, n], out, mode="UNOPTIMIZED", on_unused_input="ignore")(V, 2.0, np.ones((3, 2)), 4)
    told = str(caught.value)
    assert re.search(text, told, re.DOTALL), told
    assert "walk" in told
    if form == "an error in a step" and theano.config.backend != "reference":
        return  # a replay knows the loop, the step and its number
    lines = [int(k) for k in re.findall(r'File ".*test_scan_errors.py", line (\d+)', told)]
    step = {"a state that grows": grown, "an error in a step": reading}.get(form, build)
    first, last = inspect.getsourcelines(step)[1], inspect.getsourcelines(step)[1] + 4
    assert any(first <= line <= last for line in lines), told


@pytest.mark.parametrize("form", RUN)
def test_no_mode_makes_a_failing_loop_succeed(form):
    build, kind, _ = RUN[form]
    out, _ = build(functools.partial(scan, name="walk"))
    with pytest.raises(kind):
        run(out)


@pytest.mark.parametrize(
    "returned",
    [
        lambda p: ([p + 1], {s: s * 2}, until(p > 2)),
        lambda p: [[p + 1], {s: s * 2}, until(p > 2)],
        lambda p: [p + 1, until(p > 2), {s: s * 2}],
        lambda p: ({s: s * 2}, p + 1, until(p > 2)),
        lambda p: ([(s, s * 2)], until(p > 2), [p + 1]),
    ],
)
def test_a_step_returns_what_it_has_in_any_order(returned):
    out, updates = scan(returned, outputs_info=x, n_steps=9)
    assert list(updates) == [s]
    assert run(out).tolist() == [3, 4]
