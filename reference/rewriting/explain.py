"""What became of a function's loops, in words: what was moved, merged and written out, and what stays and why.

Owns the text that `Function.explain` ends with. The history of a loop is read from the log of rewrites, what stays is
read from the step as it is now. It must not change a graph, and knows no backend.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from reference.graph.core import Apply, Constant, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.lazy import deferred
from reference.graph.traversal import ancestors, graph_inputs, toposort
from reference.rewriting.batching import Known, has_all_rows
from reference.rewriting.engine import Application, RewriteLog, has_effect
from reference.scan.op import Scan
from reference.tensor.elemwise import DimShuffle
from reference.tensor.linalg import BatchedDot, Dot
from reference.tensor.shape import Rebroadcast, Shape_i


def loops_explained(fgraph: FunctionGraph, log: RewriteLog) -> str:
    """A paragraph for each loop of the graph, then one for each that is gone; empty if there never was one."""
    history = _History(log)
    present = [node for node in fgraph.toposort() if isinstance(node.op, Scan)]
    paragraphs = [_of_loop(node, history.of(node)) for node in present]
    for node in history.gone(present):
        paragraphs.append("\n".join([f"{node.op}, is gone", *_done(history.onwards(node))]))
    return "\n\n".join(paragraphs)


class _History:
    """Which loops were made of which, by which applications of rewrites."""

    def __init__(self, log: RewriteLog):
        self._made_by: dict[Apply, Application] = {}
        self._parents: dict[Apply, list[Apply]] = {}
        self._ends: dict[Apply, list[Application]] = {}
        self._hidden: dict[str, tuple[Application, list[Apply]]] = {}
        """the last application of a rewrite that gave something which reads a loop, not the loop itself"""
        for application in log:
            if application.inner or not isinstance(application.op, Scan):
                continue
            before = _loops(application.old) or [n for n in _loops_above(application.old) if n.op is application.op]
            made = [n for n in _loops(application.new) if n not in before]
            for node in before:
                self._find_origin(node)
                self._ends.setdefault(node, []).append(application)
            for node in made:
                self._made_by.setdefault(node, application)
                self._parents.setdefault(node, before)
            if not made:
                self._hidden[application.rewrite.name] = application, before

    def _find_origin(self, node: Apply) -> None:
        hidden = self._hidden.get(node.made_by or "")
        if node not in self._made_by and hidden is not None:
            self._made_by[node], self._parents[node] = hidden

    def of(self, node: Apply) -> list[Application]:
        """What led to a loop, first to last."""
        self._find_origin(node)
        found: dict[Application, None] = {}
        stack, seen = [node], {node}
        while stack:
            loop = stack.pop()
            if loop in self._made_by:
                found[self._made_by[loop]] = None
            for application in self._ends.get(loop, ()):
                found[application] = None
            stack += [p for p in self._parents.get(loop, ()) if p not in seen]
            seen.update(stack)
        return sorted(found, key=lambda application: application.number)

    def gone(self, present: list[Apply]) -> list[Apply]:
        """The loops as they were at first of which nothing is left."""
        kept: set[Apply] = set()
        stack = list(present)
        while stack:
            node = stack.pop()
            if node not in kept:
                kept.add(node)
                stack += self._parents.get(node, ())
        return [node for node in self._ends if node not in self._made_by and node not in kept]

    def onwards(self, node: Apply) -> list[Application]:
        """What was done to a loop and to those made of it."""
        mine, found = {node}, dict.fromkeys(self._ends.get(node, ()))
        for loop, application in self._made_by.items():
            if mine.intersection(self._parents[loop]):
                mine.add(loop)
                found[application] = None
                found.update(dict.fromkeys(self._ends.get(loop, ())))
        return sorted(found, key=lambda application: application.number)


def _loops(variables: Iterable[Variable]) -> list[Apply]:
    owners = (v.owner for v in variables)
    return list(dict.fromkeys(node for node in owners if node is not None and isinstance(node.op, Scan)))


def _loops_above(variables: Iterable[Variable]) -> list[Apply]:
    """The loops that a replacement reads, down to the first on each way."""
    found: dict[Apply, None] = {}
    stack, seen = list(variables), set()
    while stack:
        node = stack.pop().owner
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(node.op, Scan):
            found[node] = None
        else:
            stack += node.inputs
    return list(found)


def _done(applications: list[Application]) -> list[str]:
    """A line for each rewrite, in the order in which they were first applied."""
    count = Counter(a.rewrite for a in applications)
    return [
        f"  {rewrite.name}{f' ({count[rewrite]} times)' if count[rewrite] > 1 else ''}: {rewrite.summary}"
        for rewrite in dict.fromkeys(a.rewrite for a in applications)
    ]


def _of_loop(node: Apply, applications: list[Application]) -> str:
    op = node.op
    assert isinstance(op, Scan)
    order = toposort(op.inner_outputs)
    products = [inner for inner in order if isinstance(inner.op, Dot | BatchedDot)]
    parts = (
        (op.n_sequences, "sequence"),
        (op.n_states, "state"),
        (op.n_mapped, "output"),
        (op.n_carries, "carried value"),
    )
    counts = ", ".join(_counted(n, what) for n, what in parts if n)
    lines = [
        f"{op}, {node.inputs[0]} steps; {counts}; {_counted(len(order), 'operation')} a step, "
        f"{_counted(len(products), 'product')}"
    ]
    lines += _done(applications)
    step = _Step(node, order)
    for inner in order:
        why = step.why(inner)
        told = inner in products or (why != _FOLLOWS and not isinstance(inner.op, DimShuffle | Rebroadcast | Shape_i))
        if why is not None and told:
            lines.append(f"  stays: {inner.op}({', '.join(map(step.called, inner.inputs))}): {why}")
    return "\n".join(lines)


_FOLLOWS = "it reads what stays"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")


class _Step:
    """The step of a loop: what its values are called, what they wait for, and why they are computed in it."""

    def __init__(self, node: Apply, order: list[Apply]):
        op = node.op
        assert isinstance(op, Scan)
        self._op = op
        sequences, states, carries, constants = op.cut_inner(op.inner_inputs)
        names = dict(zip(op.inner_inputs, op.inner_names(node, {})))
        self._names = {v: name for v, name in names.items() if name}
        kinds = ((sequences, "row of sequence"), (carries, "carried value"), (constants, "non-sequence"))
        for variables, what in kinds:
            self._names.update((v, f"{what} {k}") for k, v in enumerate(variables) if v not in self._names)
        for k, taps in enumerate(states):
            self._names.update((v, f"state {k}[t{t}]") for v, t in zip(taps, op.taps[k]) if v not in self._names)
        self._waits = {*carries, *(v for taps in states for v in taps)}
        self._rows = set(sequences)
        outer = dict(zip(op.inner_inputs, op.outer_of(node)))
        self._known = Known({v: outer[v] for v in sequences}, {v: outer[v] for v in constants})
        self._deferred = deferred(order, op.inner_outputs)

    def called(self, v: Variable) -> str:
        """A short name: given, or of the operation that computes it."""
        if v in self._names:
            return self._names[v]
        return str(v) if v.owner is None else str(v.owner.op)

    def why(self, inner: Apply) -> str | None:
        """Why a node stays in the step; None for elementwise work that waits for a state, which need not be said."""
        waits = [v for v in graph_inputs(inner.outputs) if v in self._waits]
        if waits:
            if not isinstance(inner.op, Dot | BatchedDot):
                return None
            return f"it waits for {', '.join(map(self.called, waits))}"
        if has_effect(inner.op):
            return "what it does besides computing is done in every step"
        if inner in self._deferred:
            return "a step that takes the other side does not compute it"
        reads = ancestors(inner.outputs)
        if not any(v in self._rows for v in reads):
            return (
                None if all(isinstance(v, Constant) for v in inner.inputs) else "the mode moves nothing that may fail"
            )
        if self._op.until:
            return "the loop may end before its last row"
        if not has_all_rows(inner.op):
            return f"nothing is known of {type(inner.op).__name__} for all rows"
        if any(v not in self._known for v in inner.inputs):
            return _FOLLOWS
        if not self._known.add(inner):
            return "for all rows it would be larger than what it reads"
        return "the rewrites of the mode leave it here"
