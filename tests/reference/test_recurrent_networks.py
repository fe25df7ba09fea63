"""What the loops of recurrent networks come down to: products a step, and products on whole sequences."""

import numpy as np
import pytest
import recurrent as nets

import reference as theano
import reference.tensor as T
from reference.graph.traversal import toposort
from reference.scan.op import Scan
from reference.tensor.linalg import BatchedDot, Dot

NETWORKS = {
    # (in each loop, outside), forward; the same for cost, gradients and updates
    "lstm": (lambda g: nets.lstm(g), ([1], 1), ([1, 1], 3)),
    "lstm, merged": (lambda g: nets.lstm(g, merged=True), ([1], 1), ([1, 1], 3)),
    "lstm of vectors": (lambda g: nets.lstm(g, rank=1), ([1], 1), ([1, 1], 3)),
    "lstm of vectors, merged": (lambda g: nets.lstm(g, merged=True, rank=1), ([1], 1), ([1, 1], 3)),
    "gru, reset before": (lambda g: nets.gru(g), ([2], 1), ([2, 2], 5)),
    "gru, reset after": (lambda g: nets.gru(g, before=False), ([1], 1), ([1, 1], 4)),
    "simple": (lambda g: nets.simple(g), ([1], 2), ([1, 1], 6)),
    "simple, tied": (lambda g: nets.simple(g, tied=True), ([1], 2), ([1, 1], 6)),
    "simple, both directions": (lambda g: nets.simple(g, both=True), ([2], 3), ([2, 2], 9)),
    "attention": (lambda g: nets.attention(g), ([3], 2), ([3, 5], 6)),
    "boltzmann": (lambda g: nets.boltzmann(g), ([2], 4), ([2], 8)),
}


def products(nodes):
    return sum(isinstance(node.op, Dot | BatchedDot) for node in nodes)


def steps(f):
    return [toposort(node.op.inner_outputs) for node in f.fgraph.toposort() if isinstance(node.op, Scan)]


@pytest.mark.parametrize("gradients", [False, True], ids=["forward", "training"])
@pytest.mark.parametrize("name", NETWORKS)
def test_products_a_step(name, gradients):
    make, *expected = NETWORKS[name]
    f, values = make(gradients)
    assert ([products(step) for step in steps(f)], products(f.fgraph.toposort())) == expected[gradients]
    with theano.config.change_flags(mode="UNOPTIMIZED"):
        plain, _ = make(gradients)
    for _ in range(2):
        np.testing.assert_allclose(f(*values), plain(*values), rtol=1e-10)


@pytest.mark.parametrize("rank", [1, 2])
def test_an_lstm_of_separate_matrices_comes_down_to_that_of_merged_ones(rank):
    """The backward steps are of the same size; forward, one Split stands for four slices."""
    separate, merged = (steps(nets.lstm(True, merged=m, rank=rank)[0]) for m in (False, True))
    assert len(separate[1]) == len(merged[1])
    assert len(separate[0]) + 3 == len(merged[0])


def test_explain_tells_what_was_done_and_what_stays():
    f, _ = nets.lstm(True)
    loops = f.explain().partition("\n\nLoops\n\n")[2].split("\n\n")
    assert len(loops) == 2
    forward, backward = loops
    assert forward.startswith(
        "for{cpu,scan_fn}, Shape_i{0}.0 steps; 1 sequence, 2 states, 4 outputs; 12 operations a step, 1 product"
    )
    assert "  written_down: " in forward and "  gates_side_by_side: " in forward and "  dots_at_once: " in forward
    assert forward.endswith("stays: dot(state 0[t-1], non-sequence 0): it waits for state 0[t-1]")
    assert backward.startswith("for{cpu,grad_of_scan_fn}, ")
    assert "  sums_after: " in backward and backward.count("stays:") == 1
    assert nets.lstm(True)[0].explain().partition("Loops")[2] == f.explain().partition("Loops")[2]


def loops_told(inputs, outputs, **more):
    return theano.function(inputs, outputs, **more).explain().partition("\n\nLoops\n\n")[2]


def test_explain_says_why_work_stays():
    x, w, h = T.matrix("x"), T.matrix("w"), T.vector("h")

    def step(a, s):
        new = T.tanh(s + T.dot(a, w))
        return new, theano.scan_module.until(new[0] > 5)

    assert "dot(x[t], w_copy): the loop may end before its last row" in loops_told(
        [x, w, h], theano.scan(step, x, h)[0]
    )
    large = theano.scan(lambda a, s: T.tanh(s + T.exp(a * T.shape_padright(a))), x, w)[0]
    assert "for all rows it would be larger than what it reads" in loops_told([x, w], large)
    shown = theano.scan(lambda a: theano.printing.Print("a")(a) * 2, x)[0]
    assert "what it does besides computing is done in every step" in loops_told([x], shown)
    product = theano.scan(lambda a, s: T.tanh(s + T.dot(a, w)), x, h)[0]
    assert "the rewrites of the mode leave it here" in loops_told([x, w, h], product, mode="EXACT")


def test_explain_tells_of_loops_that_are_gone():
    x, h = T.matrix("x"), T.vector("h")
    text = loops_told([x], theano.map(lambda a: a.sum(), x)[0])
    assert text.startswith("for{cpu,scan_fn}, is gone\n") and "row_given_back" in text
    two = theano.scan(lambda a, s: T.tanh(s + a), x, h)[0], theano.scan(lambda a, s: T.cos(s + a), x, h)[0]
    assert loops_told([x, h], list(two)).count("loops_joined") == 1
    assert loops_told([x], x * 2) == ""
