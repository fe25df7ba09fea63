"""The gradient of a loop, which is a loop again, run backwards.

Owns reverse differentiation through time: what flows from step to step (one pending gradient for every
earlier value that a state's taps can reach), what is summed over the steps, and what the forward loop
must write down. The gradient of a step is `reference.gradient.grad` of the inner graph. It must not know
any other operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reference.config import config
from reference.graph.core import Variable
from reference.graph.dtypes import CONTINUOUS
from reference.graph.traversal import graph_inputs, toposort
from reference.graph.types import DisconnectedType, NullType, TensorType
from reference.scan.parts import Carry, Loop, Mapped, Read, State

if TYPE_CHECKING:
    from reference.scan.op import Scan


def connections(op: Scan) -> list[list[bool]]:
    """``[i][o]``: can output `o` of the node change smoothly with its input `i`, over all steps?"""
    sequences, states, carries, constants = op.cut_inner(op.inner_inputs)
    place = {v: 1 + k for k, v in enumerate(sequences)}
    for k, taps in enumerate(states):
        place.update(dict.fromkeys(taps, 1 + len(sequences) + k))
    place.update({v: 1 + len(sequences) + len(states) + k for k, v in enumerate([*carries, *constants])})
    n_inputs = 1 + len(sequences) + len(states) + len(carries) + len(constants)
    n_outputs = op.n_stacked + op.n_carries
    feeds = {1 + len(sequences) + k: k for k in range(len(states))}
    feeds.update({1 + len(sequences) + len(states) + k: op.n_stacked + k for k in range(len(carries))})

    direct = [{place[v] for v in reaching([out]) if v in place} for out in op.inner_outputs[:n_outputs]]
    total = [set(d) for d in direct]
    changed = True
    while changed:
        changed = False
        for o in range(n_outputs):
            for i in list(total[o]):
                if i in feeds and not total[feeds[i]] <= total[o]:
                    total[o] |= total[feeds[i]]
                    changed = True
    return [[i in total[o] for o in range(n_outputs)] for i in range(n_inputs)]


def reaching(outputs: Sequence[Variable]) -> set[Variable]:
    """The variables on which `outputs` depend through connected paths, themselves included."""
    seen: set[Variable] = set()
    stack = list(outputs)
    while stack:
        v = stack.pop()
        if v in seen:
            continue
        seen.add(v)
        if v.owner is not None:
            pattern = v.owner.op.connection_pattern(v.owner)
            stack += [x for x, row in zip(v.owner.inputs, pattern) if row[v.index]]  # type: ignore[index]
    return seen


def gradients(
    op: Scan, inputs: Sequence[Variable], outputs: Sequence[Variable], output_gradients: Sequence[Variable]
) -> list[Variable | None]:
    """One gradient for each input of a node; None where it is disconnected."""
    if any(keep is not None for keep in op.keep):
        raise NotImplementedError(f"{op} keeps only its last rows; take gradients before rewriting")
    return _Backward(op, inputs, outputs, output_gradients).gradients()


def smooth(v: Variable) -> bool:
    return isinstance(v.type, TensorType) and v.type.dtype in CONTINUOUS


class _Backward:
    """The backward loop of one node, while it is built."""

    def __init__(self, op: Scan, inputs: Any, outputs: Any, output_gradients: Any):
        import reference.tensor as ns

        self.ns, self.op, self.inputs = ns, op, list(inputs)
        self.loop = Loop.of(outputs[0].owner, inputs, copy=True)
        given = [None if isinstance(g.type, DisconnectedType) else g for g in output_gradients]
        self.stacks, self.given_rows = list(outputs[: op.n_stacked]), given[: op.n_stacked]
        self.given_last = given[op.n_stacked :]
        self.back = Loop(inputs[0], name=f"grad_of_{op.name}")
        self.tape: list[Mapped] = []
        """what the forward loop must write down besides its outputs"""
        self._taped_reads: list[Read] = []

    def gradients(self) -> list[Variable | None]:
        self._find_flow()
        self._make_pending()
        terms = self._step_gradients()
        self.undefined = {v: g for v, g in terms.items() if isinstance(g.type, NullType)}
        fed_back = [self.undefined[v] for part in self.live for v in past(part) if v in self.undefined]
        if fed_back:
            return [None, *[fed_back[0]] * (len(self.inputs) - 1)]
        terms = {v: g for v, g in terms.items() if v not in self.undefined}
        self._collect(terms)
        self._count_steps()
        self._supply()
        return self._outside(self.back.apply() if self.back.inner_outputs else [], terms)

    def _find_flow(self) -> None:
        """Which inner outputs receive a gradient: those with one outside, and what they read of the past."""
        loop = self.loop
        parts = loop.parts
        given = [*self.given_rows, *self.given_last]
        live = [p for p, g in zip(parts, given) if g is not None and smooth(p.new)]
        reached = reaching([p.new for p in live])
        growing = True
        while growing:
            feeding = [
                p
                for p in parts
                if smooth(p.new) and any(v in reached for v in past(p)) and not any(p is q for q in live)
            ]
            growing = bool(feeding)
            live += feeding
            reached |= reaching([p.new for p in feeding])
        self.live, self.reached = [p for p in parts if any(p is q for q in live)], reached

    def _make_pending(self) -> None:
        """The gradients under way: for a state, entry i belongs to its value i + 1 steps before the next one."""
        ns, loop = self.ns, self.loop
        self.incoming: dict[Variable, Variable] = {}
        self.pending: dict[int, list[Variable]] = {}
        rows = {id(p): g for p, g in zip(loop.stacked, self.given_rows)}
        last: dict[int, Any] = {id(p): g for p, g in zip(loop.carries, self.given_last)}
        part: Any
        for part in self.live:
            terms: list[Any] = []
            if rows.get(id(part)) is not None:
                terms.append(self._read(rows[id(part)]))
            if any(v in self.reached for v in past(part)) or id(part) in last:
                depth = -min(part.taps) if isinstance(part, State) else 1
                start = ns.zeros_like(part.outer[0] if isinstance(part, State) else part.outer)
                slots = [part.new.type() for _ in range(depth)]
                for slot in slots:
                    self.back.carries.append(Carry(start, slot, slot))
                if last.get(id(part)) is not None:
                    self.back.carries[-1].outer = self._fit(last[id(part)], part.new)
                self.pending[id(part)] = slots
                terms.append(slots[0])
            total = terms[0] if len(terms) == 1 else terms[0] + terms[1]
            known = self.incoming.get(part.new)
            self.incoming[part.new] = total if known is None else known + total

    def _read(self, rows: Any) -> Variable:
        """An inner variable for row t of what has a row for every step."""
        row = rows.type.clone(broadcastable=rows.type.broadcastable[1:])()
        self._taped_reads.append(Read(rows, row))
        return row

    def _step_gradients(self) -> dict[Variable, Variable]:
        """Gradients of one step's inputs, where the step has any."""
        from reference.gradient import Seeds, grad

        reads = [v for v in (*self.loop.varying, *[r.inner for r in self.loop.constants]) if v in self.reached]
        # An integer that comes from outside counts as the real number it is, as it does without a loop.
        outside = {r.inner for r in (*self.loop.sequences, *self.loop.constants)}
        targets = [v for v in reads if smooth(v) or (v in outside and isinstance(v.type, TensorType))]
        if not targets or not self.incoming:
            return {}
        found = grad(
            None,
            targets,
            known_grads=Seeds(self.incoming),
            disconnected_inputs="ignore",
            return_disconnected="None",
            null_gradients="return",
        )
        return {v: g for v, g in zip(targets, found) if g is not None}

    def _collect(self, terms: dict[Variable, Variable]) -> None:
        """What a backward step gives: pending gradients moved on, sums over the steps, rows for sequences."""
        ns, loop, back = self.ns, self.loop, self.back
        carries = iter(list(back.carries))
        for part in self.live:
            slots = self.pending.get(id(part), [])
            for i, _ in enumerate(slots):
                later = slots[i + 1] if i + 1 < len(slots) else None
                own = self._own_term(part, i, terms)
                moved = own if later is None else later if own is None else later + own
                next(carries).new = ns.zeros_like(slots[0]) if moved is None else moved
        self.sums: dict[Variable, Variable] = {}
        for read in loop.constants:
            if read.inner in terms:
                term = self._fit(terms[read.inner], read.inner)
                total = self.sums[read.inner] = term.type()
                back.carries.append(Carry(ns.zeros_like(read.outer, dtype=term.type.dtype), total, total + term))
        for read in loop.sequences:
            if read.inner in terms:
                back.mapped.append(Mapped(self._fit(terms[read.inner], read.inner)))

    def _own_term(self, part: Any, i: int, terms: dict[Variable, Variable]) -> Any:
        """What this step adds to the gradient of a state's value i + 1 steps ago."""
        v = part.inner if isinstance(part, Carry) else dict(zip(part.taps, part.inner)).get(-1 - i)
        return None if v not in terms else self._fit(terms[v], v)

    def _fit(self, g: Any, like: Variable) -> Any:
        """`g` in exactly the type of `like`; of integers in its own dtype."""
        like_type: Any = like.type
        g = self.ns.cast(g, like_type.dtype) if smooth(like) else g
        return self.ns.patternbroadcast(g, like_type.broadcastable)

    def _count_steps(self) -> None:
        ns, op = self.ns, self.op
        if op.until and not self.stacks:
            self.tape.append(Mapped(self.loop.condition))  # type: ignore[arg-type]
        self._write_tape()
        counted = [*self.stacks, *self.taped]
        self.steps = ns.shape_i(counted[0], 0) if op.until else ns.cast(self.inputs[0], "int64")
        limit = op.truncate_gradient
        self.back.n_steps = self.steps if limit < 0 else ns.minimum(self.steps, limit)
        self.cut = op.until or limit >= 0

    def _write_tape(self) -> None:
        """Have the forward loop write down what the backward step needs of values that no output shows.

        Those are the carries, and what is drawn from random states.
        """
        loop = self.loop
        shown = {p.new: s for p, s in zip(loop.stacked, self.stacks) if p.new.owner is not None}
        rows = {v: self._read(stack) for v, stack in shown.items()}
        self.back.replace(rows)
        carried = {c.inner for c in loop.carries}
        hidden = {v for v in carried if not isinstance(v.type, TensorType)}
        needed: list[Variable] = []
        for node in toposort(self.back.inner_outputs):
            if any(v in hidden for v in node.inputs):
                needed += [v for v in node.outputs if isinstance(v.type, TensorType)]
                hidden.update(v for v in node.outputs if not isinstance(v.type, TensorType))
        needed += [v for v in graph_inputs(self.back.inner_outputs, stop_at=needed) if v in carried]
        self.tape += [Mapped(v) for v in needed]
        self.taped: list[Variable] = []
        if self.tape:
            writing = Loop(**{**vars(loop), "mapped": [*loop.mapped, *self.tape]})
            first = self.op.n_stacked
            self.taped = writing.apply()[first : first + len(self.tape)]
            self.back.replace({m.new: self._read(rows) for m, rows in zip(self.tape, self.taped) if m.new in needed})

    def _supply(self) -> None:
        """Give the backward loop the forward values it reads, last step first."""
        loop, back, ns = self.loop, self.back, self.ns
        used = set(graph_inputs(back.inner_outputs))
        for read in loop.sequences:
            if read.inner in used:
                rows = read.outer[: self.steps] if self.op.until else read.outer  # type: ignore[index]
                back.sequences.append(Read(self._backwards(rows), read.inner))
        for state, stack in zip(loop.states, self.stacks):
            if any(v in used for v in state.inner):
                whole = ns.join(0, state.outer, stack)
                depth = -min(state.taps)
                for tap, v in zip(state.taps, state.inner):
                    if v in used:
                        back.sequences.append(Read(self._backwards(whole[depth + tap : tap]), v))
        back.sequences += [Read(self._backwards(r.outer), r.inner) for r in self._taped_reads if r.inner in used]
        back.constants = [Read(r.outer, r.inner) for r in loop.constants if r.inner in used]

    def _backwards(self, rows: Any) -> Any:
        """The rows of the steps that the gradient goes through, last first."""
        if self.op.truncate_gradient >= 0:
            rows = rows[self.steps - self.back.n_steps :]
        return rows[::-1]

    def _outside(self, results: list[Variable], terms: dict[Variable, Variable]) -> list[Variable | None]:
        """The gradients of the node's inputs from the outputs of the backward loop."""
        loop = self.loop
        rows, last = iter(results[: len(self.back.mapped)]), iter(results[len(self.back.mapped) :])
        pending = {id(p): [next(last) for _ in self.pending.get(id(p), ())] for p in self.live}
        sums = {v: next(last) for v in self.sums}
        found: list[Variable | None] = [None]
        for read in loop.sequences:
            found.append(self._of_sequence(read, next(rows)) if read.inner in terms else self._flat(read))
        found += [self._of_initial(s, pending[id(s)]) if pending.get(id(s)) else self._flat(s) for s in loop.states]
        found += [self._of_carry(pending[id(c)][0]) if pending.get(id(c)) else self._flat(c) for c in loop.carries]
        found += [sums[r.inner] if r.inner in sums else self._flat(r) for r in loop.constants]
        return found

    def _flat(self, part: Any) -> Variable | None:
        """An undefined gradient, zeros for an input of a discrete dtype that the step reads smoothly, or nothing."""
        undefined = next((self.undefined[v] for v in past(part) if v in self.undefined), None)
        if undefined is not None:
            return undefined
        reads = [v for v in past(part) if v in self.reached and isinstance(v.type, TensorType) and not smooth(v)]
        return self.ns.zeros_like(part.outer, dtype=config.floatX) if reads else None

    def _of_sequence(self, read: Read, backwards: Any) -> Variable:
        rows = backwards[::-1]
        if not self.cut:
            return rows
        zeros = self.ns.zeros_like(read.outer, dtype=rows.type.dtype)
        return self.ns.set_subtensor(zeros[self.steps - self.back.n_steps : self.steps], rows)

    def _of_initial(self, state: State, pending: list[Any]) -> Variable:
        """The gradients that are still pending before the first step, as rows of the initial value."""
        ns = self.ns
        rows = [ns.shape_padleft(g) for g in reversed(pending)]
        rows = rows[0] if len(rows) == 1 else ns.join(0, *rows)
        if self.op.truncate_gradient < 0:
            return rows
        skipped = ns.minimum(self.steps - self.back.n_steps, len(pending))
        return ns.set_subtensor(ns.zeros_like(state.outer)[skipped:], rows[: len(pending) - skipped])

    def _of_carry(self, pending: Any) -> Variable:
        """The gradient that is still pending before the first step, where it flows so far."""
        if self.op.truncate_gradient < 0:
            return pending
        ns: Any = self.ns
        return ns.switch(ns.eq(self.steps, self.back.n_steps), pending, ns.zeros_like(pending))


def past(part: Any) -> Sequence[Variable]:
    """The inner variables through which a step reads a part."""
    inner = getattr(part, "inner", ())
    return inner if isinstance(inner, tuple) else (inner,)
