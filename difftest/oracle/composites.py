"""How errors pass through operations made of others: softmax and its kin, and loops.

Owns a rule each, written with the rules of the parts. A loop is its step, walked over with each step's own bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from difftest.oracle import rules
from difftest.oracle.bits import needed
from difftest.oracle.bounds import Bound, Walk, approximate, rule, settled
from difftest.oracle.decisions import switched
from difftest.oracle.elementwise import applied
from reference import scalar
from reference.tensor.reduce import Sum

Bounds = Sequence[Bound]


def _row_parts(walk: Walk, x: Bound) -> tuple[Bound, Bound, Bound]:
    """x minus its row's largest, the exponential of that, and the exponentials' sum."""
    largest = settled(rules.largest(x, (1,)))
    column = Bound(largest.y[:, None], largest.e[:, None], x.dtype)
    centred = settled(applied(walk, scalar.TABLE["sub"], [x, column]))
    # The largest element minus itself is 0, and nothing is larger: the hulls of the two say less.
    powers = settled(applied(walk, scalar.TABLE["exp"], [centred]))
    dtype, acc = Sum().resolved(x.dtype)
    return centred, powers, rules.total(powers, (1,), acc, dtype, keepdims=True)


@rule("Softmax")
def softmax(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    (x,) = inputs
    if x.y is None or x.y.shape[1] == 0:
        return None
    _, powers, sums = _row_parts(walk, x)
    return [applied(walk, scalar.TABLE["true_div"], [powers, settled(sums)])]


@rule("LogSoftmax")
def log_softmax(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    (x,) = inputs
    if x.y is None or x.y.shape[1] == 0:
        return None
    centred, _, sums = _row_parts(walk, x)
    logs = settled(applied(walk, scalar.TABLE["log"], [settled(sums)]))
    return [applied(walk, scalar.TABLE["sub"], [centred, logs])]


@rule("CrossentropyCategorical1Hot")
def crossentropy(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    x, labels = inputs
    if x.y is None or not labels.exact:
        return None
    places = np.arange(len(labels.raw)), labels.raw
    chosen = Bound(x.y[places], x.e[places], x.dtype)
    logs = applied(walk, scalar.TABLE["log"], [chosen])
    return [Bound(-logs.y, logs.e, logs.dtype)]


@rule("IfElse")
def choice(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    """The side that is taken; where either may be, what holds both."""
    condition, *branches = inputs
    count = len(branches) // 2
    if condition.exact:
        first = node.op.taken(condition.raw) * count
        return branches[first : first + count]
    pairs = list(zip(branches[:count], branches[count:]))
    if any(a.y is None or b.y is None or a.y.shape != b.y.shape for a, b in pairs):
        return None
    return [switched([condition, a, b], a.dtype) for a, b in pairs]


@rule("OpFromGraph")
def graph(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    """A walk through its own graph."""
    inner = walk.inside(dict(zip(node.op.inner_inputs, inputs)))
    inner.nodes(needed(node.op.inner_outputs))
    return [inner.of(v) for v in node.op.inner_outputs]


@rule("FromFunctionOp")
def python_function(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    """Nothing is known of a function but what it gives for exact operands."""
    if not all(b.exact for b in inputs):
        return None
    return [Bound.exactly(r) for r in node.op.perform(node, *[b.raw for b in inputs])]


@rule("Scan")
def loop(walk: Walk, node: Any, inputs: Bounds) -> Bounds | None:
    """The loop of `Scan.perform`, on bounds. A condition in doubt leaves everything unknown."""
    op = node.op
    if not inputs[0].exact:
        return None
    n_steps = int(inputs[0].raw)
    sequences, states, carries, constants = op.cut(inputs[1:])
    if n_steps == 0 or any(b.y is None for b in (*sequences, *states)):
        return _nothing_done(node, inputs) if n_steps == 0 else None
    order = needed(op.inner_outputs)
    history = [[_row(b, k) for k in range(len(b.y))] for b in states]
    stacks: list[list[Bound]] = [[] for _ in range(op.n_stacked)]
    for t in range(n_steps):
        given = [_row(b, t) for b in sequences]
        for past, taps in zip(history, op.taps):
            given += [past[tap] for tap in taps]
        step = walk.inside(dict(zip(op.inner_inputs, [*given, *carries, *constants])))
        step.nodes(order)
        values = [step.of(v) for v in op.inner_outputs]
        for stack, value in zip(stacks, values):
            stack.append(value)
        for past, value in zip(history, values):
            past.append(value)
        carries = values[op.n_stacked : op.n_stacked + op.n_carries]
        if op.until:
            if not values[-1].exact:
                return None
            if values[-1].raw:
                break
    return [*(_stacked(rows[-keep if keep else 0 :]) for rows, keep in zip(stacks, op.keep)), *carries]


def _row(b: Bound, k: int) -> Bound:
    raw = None if b.raw is None else np.asarray(b.raw[k])
    return Bound(np.asarray(b.y[k]), np.asarray(b.e[k]), b.dtype, raw)


def _stacked(rows: Sequence[Bound]) -> Bound:
    if any(b.y is None for b in rows):
        return Bound.exactly(np.stack([b.raw for b in rows]))
    y, e = np.stack([b.y for b in rows]), np.stack([b.e for b in rows])
    return Bound(y, e, rows[0].dtype)


def _nothing_done(node: Any, inputs: Bounds) -> list[Bound]:
    """No step: empty stacks, and carries as they came."""
    values = [approximate(b, getattr(v.type, "dtype", "")) for b, v in zip(inputs, node.inputs)]
    stacks = [Bound.exactly(r) for r in node.op.perform(node, *values)[: node.op.n_stacked]]
    return [*stacks, *node.op.cut(inputs[1:])[2]]
