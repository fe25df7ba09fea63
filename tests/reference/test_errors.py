"""Bad input: each a clear error that names variables, shapes and the user's line, and leaves state alone."""

import numpy as np
import pytest

import reference as theano
import reference.tensor as T
from reference.graph.errors import MissingInputError, UnusedInputError

HERE = "test_errors.py"
pytestmark = pytest.mark.usefixtures("backend")


def _wrong_dtype(s):
    v = T.fvector("v")
    theano.function([v], s + v, updates=[(s, s + 1)])(np.ones(3))


def _wrong_rank(s):
    v = T.dvector("v")
    theano.function([v], s + v, updates=[(s, s + 1)])(np.ones((3, 3)))


def _shape_mismatch(s):
    v = T.dvector("v")
    theano.function([v], s + v, updates=[(s, s * 2)])(np.ones(4))


def _undeclared_broadcast(s):
    v = T.dvector("v")
    theano.function([v], s + v, updates=[(s, s * 2)])(np.ones(1))


def _missing_input(s):
    v, w = T.dvector("v"), T.dvector("forgotten")
    theano.function([v], v + w + s)


def _unused_input(s):
    v, w = T.dvector("v"), T.dvector("needless")
    theano.function([v, w], v + s)


def _givens_of_another_type(s):
    v, w = T.dvector("v"), T.fvector("narrow")
    theano.function([w], v + s, givens={v: w})


def _givens_of_an_input(s):
    v = T.dvector("v")
    theano.function([v], v + s, givens={v: s})


def _update_of_a_non_shared_variable(s):
    v = T.dvector("v")
    theano.function([v], v, updates=[(v, v + 1)])


def _update_of_another_dtype(s):
    v = T.zvector("v")
    theano.function([v], [], updates=[(s, v)])


def _update_of_another_rank(s):
    theano.function([], [], updates=[(s, T.dmatrix("m"))])


def _shared_as_input(s):
    theano.function([s], s)


def _duplicate_input(s):
    v = T.dvector("v")
    theano.function([v, v], v)


def _scan_of_different_lengths(s):
    v = T.dvector("v")
    out, _ = theano.scan(lambda a: a * 2, sequences=v, n_steps=10)
    theano.function([v], out, updates=[(s, s + 1)])(np.ones(3))


def _scan_step_changes_dtype(s):
    v = T.fvector("v")
    theano.scan(lambda a, h: h + a * np.float64(0.1), sequences=v, outputs_info=T.fscalar("h0"))


def _index_out_of_bounds(s):
    i = T.lscalar("i")
    theano.function([i], s[i], updates=[(s, s + 1)])(3)


def _index_vector_out_of_bounds(s):
    i = T.lvector("i")
    theano.function([i], s[i], updates=[(s, s + 1)])([0, 3])


def _unknown_flag(s):
    theano.config.flaotX = "float32"


def _unknown_mode(s):
    theano.function([], s, mode="FAST_RUM")


def _unknown_backend(s):
    theano.function([], s, backend="no_such")


def _dot_of_shapes_that_do_not_fit(s):
    m = T.dmatrix("m")
    theano.function([m], T.dot(m, s), updates=[(s, s + 1)])(np.ones((2, 4)))


def _boolean_use(s):
    if s > 0:
        pass


def _iteration(s):
    list(s)


BAD = [
    (_wrong_dtype, TypeError, ["v", "float64", "float32", HERE]),
    (_wrong_rank, TypeError, ["v", "(3, 3)", "1", HERE]),
    (_shape_mismatch, ValueError, ["(3,)", "(4,)", "add", HERE]),
    (_undeclared_broadcast, ValueError, ["(3,)", "(1,)", "broadcastable", HERE]),
    (_missing_input, MissingInputError, ["forgotten", "givens", HERE]),
    (_unused_input, UnusedInputError, ["needless", "position 1", "on_unused_input", HERE]),
    (_givens_of_another_type, TypeError, ["narrow", "float32", "float64", "v", HERE]),
    (_givens_of_an_input, RuntimeError, ["v", "input", "givens"]),
    (_update_of_a_non_shared_variable, TypeError, ["v", "shared"]),
    (_update_of_another_dtype, TypeError, ["state", "complex128", "float64", HERE]),
    (_update_of_another_rank, TypeError, ["state", "matrix", "vector", HERE]),
    (_shared_as_input, TypeError, ["state", "givens"]),
    (_duplicate_input, UnusedInputError, ["v", "twice"]),
    (_scan_of_different_lengths, ValueError, ["10", "3", HERE]),
    (_scan_step_changes_dtype, ValueError, ["float32", "float64", "h0"]),
    (_index_out_of_bounds, IndexError, ["3", HERE]),
    (_index_vector_out_of_bounds, IndexError, ["3", HERE]),
    (_unknown_flag, AttributeError, ["flaotX", "floatX"]),
    (_unknown_mode, ValueError, ["FAST_RUM", "FAST_RUN"]),
    (_unknown_backend, ValueError, ["no_such", "reference"]),
    (_dot_of_shapes_that_do_not_fit, ValueError, ["(2, 4)", "(3,)", HERE]),
    (_boolean_use, TypeError, ["boolean", "T.switch"]),
    (_iteration, TypeError, ["state", "scan"]),
]


@pytest.mark.parametrize(("bad", "error", "words"), BAD, ids=[b[0].__name__[1:] for b in BAD])
def test_the_error_is_clear_and_state_unchanged(bad, error, words):
    state = theano.shared(np.arange(3.0), "state")
    with pytest.raises(error) as caught:
        bad(state)
    text = str(caught.value)
    for word in words:
        assert word in text, f"{word!r} is missing from: {text}"
    np.testing.assert_array_equal(state.get_value(), np.arange(3.0))


def test_a_flag_in_the_environment_is_checked(monkeypatch):
    from reference.config import parse_flags

    assert parse_flags("floatX=float32, scan.allow_gc=True") == {"floatX": "float32", "scan.allow_gc": True}
    with pytest.raises(ValueError, match="did you mean 'backend'"):
        parse_flags("bakend=opencl")
    with pytest.raises(ValueError, match="float8"):
        parse_flags("floatX=float8")
