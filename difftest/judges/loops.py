"""The derivatives of a loop are those of its steps written one after another, to the third order; of one whose gradient
is truncated, the first derivative is that of the last steps.

Of every program with a loop one is taken by itself, on the values that it had, with random weights of what it gives;
the order is drawn. They agree if they are the same bits, else if the bounds by which the oracle knows both meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import numpy as np

from difftest.case import Case, Failure, judge
from difftest.cells import BASE
from difftest.oracle.alone import is_float, is_real
from difftest.oracle.bits import same_bits
from difftest.oracle.bounds import Bound, walk
from difftest.oracle.ulps import executor
from difftest.validate import computed
from reference.graph.core import Constant
from reference.graph.traversal import clone_replace, toposort
from reference.interpreter import without_effects
from reference.scan.unroll import unrolled

ORDERS = ("first derivative", "second derivative", "third derivative", "Rop")
LONGEST = 6
LARGEST = 60
"""So many steps, and nodes in all of them, are written out."""

AFFORDABLE = {"second derivative": 40, "third derivative": 20}
"""Of loops with more nodes a lower derivative is taken: third ones of sixty took seconds, half of a session's time."""


@judge("loop")
def loops(case: Case) -> Iterator[Failure]:
    random = Random(case.program.digest)
    nodes = [n for n in case.nodes if type(n.op).__name__ == "Scan" and is_real(n)]
    if not nodes:
        return
    node, order = random.choice(nodes), random.choice(ORDERS)
    order = _within_reach(order, _steps(node, case.met) * _size(node))
    if node.op.truncate_gradient >= 0:
        order = ORDERS[0]  # that of a loop that forgets its past has a meaning of its own
    verdict, what = judged(case.built.api, node, case.met, order, random.getrandbits(32))
    case.count("loop", f"{order}: {verdict}")
    if what:
        who = "scan" if verdict == "wrong value" else "gradient Scan"
        what = what if verdict == "wrong value" else f"the {order} of {node.op}: {what}"
        yield Failure("loop", BASE, what, culprit=who, judge="loop")


def judged(api: Any, node: Any, values: Any, order: str, seed: int) -> tuple[str, str]:
    """The verdict on a derivative of a loop, and what is wrong with it."""
    steps = _steps(node, values)
    if not 1 <= steps <= LONGEST or steps * _size(node) > LARGEST or (node.op.until and not node.op.n_stacked):
        return "not written out", ""
    places = {v: v.type.make_variable() for v in node.inputs if is_float(v)}
    fixed = {v: v.type.make_variable() for v in node.inputs if v not in places and not isinstance(v, Constant)}
    twin = node.clone_with_new_inputs([{**places, **fixed}.get(v, v) for v in node.inputs])
    given = {new: _value(values, v) for v, new in (*places.items(), *fixed.items())}
    pairs = [
        (a, b, np.shape(values[v]))
        for a, b, v in zip(twin.outputs, _flat(unrolled(twin, steps, _forgotten(node, steps))), node.outputs)
        if is_float(a)
    ]
    both = _Both(given)
    _, what = both.compared([a for a, _, _ in pairs], [b for _, b, _ in pairs])
    if what:
        return "wrong value", f"written out, {node.op} gives something else: {what}"
    try:
        one, other = (
            _derivatives(api, outputs, [shape for *_, shape in pairs], list(places.values()), given, order, seed)
            for outputs in ([a for a, _, _ in pairs], [b for _, b, _ in pairs])
        )
    except api.gradient.NullTypeGradError:
        return "undefined", ""
    if one is None or other is None:
        return "undefined", ""
    return both.compared(one, other)


class _Both:
    """Two ways to compute the same, on the same values. Where they give the same bits, both bounds hold these."""

    def __init__(self, given: Any):
        self.given, self.plain = given, dict(given)
        self.bounds: dict[Any, Bound] = {}

    def compared(self, one: list[Any], other: list[Any]) -> tuple[str, str]:
        """The verdict on pairs of variables, None standing for zeros; and what is wrong with one."""
        pairs = list(zip(one, other))
        with np.errstate(all="ignore"), without_effects():
            for v in (v for pair in pairs for v in pair if v is not None):
                computed(v, self.plain)
        if all(a is b or (None not in (a, b) and same_bits(self.plain[a], self.plain[b])) for a, b in pairs):
            return "agrees", ""
        order = toposort([v for pair in pairs for v in pair if v is not None])
        self.bounds = walk(order, self.given, executor("reference", False), self.bounds).known
        return _compared([_bound(self.bounds, v) for v in one], [_bound(self.bounds, v) for v in other])


def _within_reach(order: str, size: int) -> str:
    """The order, or a lower one that a loop of this size can afford."""
    while size > AFFORDABLE.get(order, size):
        order = ORDERS[ORDERS.index(order) - 1]
    return order


def _steps(node: Any, values: Any) -> int:
    return len(values[node.outputs[0]]) if node.op.n_stacked else int(_value(values, node.inputs[0]))


def _forgotten(node: Any, steps: int) -> int:
    """How many of the first steps no gradient flows through."""
    return max(0, steps - node.op.truncate_gradient) if node.op.truncate_gradient >= 0 else 0


def _value(values: Any, v: Any) -> Any:
    return v.data if isinstance(v, Constant) else values[v]


def _size(node: Any) -> int:
    """The nodes of one step, those of loops in it included."""
    inner = toposort(node.op.inner_outputs)
    return 1 + sum(_size(n) if type(n.op).__name__ == "Scan" else 1 for n in inner)


def _flat(outputs: list[Any]) -> list[Any]:
    """With loops in the steps written out too, where their number of steps is known."""
    for node in toposort(outputs):
        op: Any = node.op
        if type(op).__name__ == "Scan" and isinstance(node.inputs[0], Constant) and not op.until:
            steps = int(node.inputs[0].data)
            if 1 <= steps <= LONGEST:
                written = unrolled(node, steps, _forgotten(node, steps))
                return _flat(clone_replace(outputs, dict(zip(node.outputs, written))))
    return outputs


def _derivatives(
    api: Any, outputs: Sequence[Any], shapes: Sequence[Any], wrts: list[Any], given: Any, order: str, seed: int
) -> list[Any] | None:
    """With respect to each of `wrts`, None where there is nothing; None instead of a list if one is undefined."""
    random, ns = np.random.default_rng(seed), api.tensor

    def number(v: Any, shape: Any) -> Any:
        return ns.constant((random.integers(4, 13, shape) / 8.0).astype(v.type.dtype))

    weights: dict[Any, Any] = {}
    for v, shape in zip(outputs, shapes):  # several outputs may be one variable
        weights[v] = weights[v] + number(v, shape) if v in weights else number(v, shape)
    lines = [number(v, np.shape(given[v])) for v in wrts]
    if order == "Rop":
        found = [api.Rop(v, wrts, lines, disconnected_outputs="ignore", return_disconnected="None") for v in outputs]
        return found if any(v is not None for v in found) else None
    how = {"disconnected_inputs": "ignore", "return_disconnected": "None", "null_gradients": "return"}
    found = api.grad(None, wrts, known_grads=api.gradient.Seeds(weights), **how)
    for _ in range(ORDERS.index(order)):
        terms = [ns.sum(g * d) for g, d in zip(found, lines) if g is not None and is_float(g)]
        if not terms:
            return None
        found = api.grad(sum(terms[1:], terms[0]), wrts, **how)
    return found if all(g is None or hasattr(g.type, "broadcastable") for g in found) else None


def _bound(known: Any, v: Any) -> Bound | None:
    if v is None:
        return None
    return known[v] if v in known else Bound.exactly(v.data)


def _compared(one: list[Bound | None], other: list[Bound | None]) -> tuple[str, str]:
    verdict = "agrees"
    for k, (a, b) in enumerate(zip(one, other)):
        if a is None and b is None:
            continue
        if a is not None and b is not None and np.shape(a.y) != np.shape(b.y):
            return "wrong", f"by float input {k} it has shape {np.shape(a.y)}, written out {np.shape(b.y)}"
        (y, e), (z, f) = ((0, 0) if x is None else (x.y, x.e) for x in (a, b))
        room = e + f
        known = np.isfinite(room) & np.isfinite(y) & np.isfinite(z)
        wrong = known & (np.abs(np.where(known, y, 0) - np.where(known, z, 0)) > room)
        if np.any(wrong):
            place = tuple(np.argwhere(wrong)[0])
            said, right, width = (float(np.broadcast_to(x, np.shape(wrong))[place]) for x in (y, z, room))
            where = tuple(map(int, place))
            return "wrong", f"by float input {k} it is {said!r} at {where}, written out {right!r}, +- {width:.3g}"
        if not np.all(known):
            verdict = "vague"
    return verdict, ""
