"""A loop taken apart.

Owns `Loop`, the working form of a `Scan` for everyone who builds or changes one: each part together with
what stands for it outside. `Loop.of(node)` takes a node apart, `apply()` puts the parts together again.
It must not know the reasons for a change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reference.graph.core import Apply, Constant, Variable
from reference.graph.traversal import ancestors, clone_replace, graph_inputs
from reference.scan.op import Scan


@dataclass
class Read:
    """A sequence or a non-sequence: what a step reads."""

    outer: Variable
    inner: Variable


@dataclass
class State:
    """A state with taps: `outer` holds the rows before the first step, `inner` one variable a tap."""

    outer: Variable
    taps: tuple[int, ...]
    inner: tuple[Variable, ...]
    new: Variable
    keep: int | None = None


@dataclass
class Mapped:
    """An output that does not feed back."""

    new: Variable
    keep: int | None = None


@dataclass
class Carry:
    """A state of which only the last value is given."""

    outer: Variable
    inner: Variable
    new: Variable


Part = State | Mapped | Carry
"""What gives an output."""


@dataclass
class Loop:
    """The parts of a scan. Lists may be changed freely before `apply`."""

    n_steps: Variable
    sequences: list[Read] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    mapped: list[Mapped] = field(default_factory=list)
    carries: list[Carry] = field(default_factory=list)
    constants: list[Read] = field(default_factory=list)
    condition: Variable | None = None
    name: str = "scan_fn"
    truncate_gradient: int = -1

    @classmethod
    def of(cls, node: Apply, inputs: Sequence[Variable] | None = None, copy: bool = False) -> Loop:
        """The parts of a node (or of its op on other `inputs`), with `copy` on inner variables of their own."""
        op, inputs = node.op, node.inputs if inputs is None else inputs
        assert isinstance(op, Scan)
        inner_inputs, inner_outputs = list(op.inner_inputs), list(op.inner_outputs)
        if copy:
            twins = {v: v.clone() for v in inner_inputs}
            inner_outputs = clone_replace(inner_outputs, twins, copy_all=True)
            inner_inputs = list(twins.values())
        reads, gives = iter(inner_inputs), iter(inner_outputs)
        sequences, states, carries, constants = op.cut(inputs[1:])
        return cls(
            n_steps=inputs[0],
            sequences=[Read(v, next(reads)) for v in sequences],
            states=[
                State(v, taps, tuple(next(reads) for _ in taps), next(gives), keep)
                for v, taps, keep in zip(states, op.taps, op.keep)
            ],
            mapped=[Mapped(next(gives), keep) for keep in op.keep[op.n_states :]],
            carries=[Carry(v, next(reads), next(gives)) for v in carries],
            constants=[Read(v, next(reads)) for v in constants],
            condition=next(gives) if op.until else None,
            name=op.name,
            truncate_gradient=op.truncate_gradient,
        )

    @property
    def stacked(self) -> list[State | Mapped]:
        return [*self.states, *self.mapped]

    @property
    def parts(self) -> list[Part]:
        """The parts behind the node's outputs, in order."""
        return [*self.states, *self.mapped, *self.carries]

    @property
    def inner_outputs(self) -> list[Variable]:
        values = [part.new for part in self.parts]
        return values if self.condition is None else [*values, self.condition]

    @inner_outputs.setter
    def inner_outputs(self, values: Sequence[Variable]) -> None:
        given = iter(values)
        for part in self.parts:
            part.new = next(given)
        if self.condition is not None:
            self.condition = next(given)

    @property
    def varying(self) -> list[Variable]:
        """The inner inputs that change from step to step."""
        taps = [v for state in self.states for v in state.inner]
        return [r.inner for r in self.sequences] + taps + [c.inner for c in self.carries]

    def replace(self, pairs: dict[Variable, Variable]) -> None:
        """Let every inner expression read other variables."""
        self.inner_outputs = clone_replace(self.inner_outputs, pairs)

    def tidy(self) -> None:
        """Bring the reads into their one form: nothing twice, nothing unread, in order of mention."""
        self.merge_reads()
        inside = set(graph_inputs(self.inner_outputs))
        self.sequences = [r for r in self.sequences if r.inner in inside]
        self.constants = [r for r in self.constants if r.inner in inside]
        self.order_constants()

    def merge_reads(self) -> None:
        """Read each outer variable once. A step that reads a constant holds it itself."""
        merged: dict[Variable, Variable] = {}
        self.sequences = _first_of_each(self.sequences, merged)
        held = {r.inner: r.outer for r in self.constants if isinstance(r.outer, Constant)}
        self.constants = _first_of_each([r for r in self.constants if r.inner not in held], merged)
        if merged or held:
            self.replace({**merged, **held})

    def order_constants(self) -> None:
        """Sort the non-sequences by their first mention in the step."""
        mention = {v: k for k, v in enumerate(graph_inputs(self.inner_outputs))}
        self.constants.sort(key=lambda r: mention.get(r.inner, len(mention)))

    def capture(self, known: Sequence[Variable] = ()) -> None:
        """Let the step read inner variables only.

        A carry's shared variable becomes the carry; every other variable that the step reads from outside,
        and the expressions in `known` where it uses them, become non-sequences, called NAME_copy inside.
        """
        carried = {c.outer: c.inner for c in self.carries}
        inside = {*self.varying, *[r.inner for r in self.constants], *carried}
        found = [
            v
            for v in ancestors(self.inner_outputs, stop_at=[*known, *inside])
            if (v.owner is None or v in known) and v not in inside and not isinstance(v, Constant)
        ]
        twins = {v: inner_copy(v) for v in found}
        self.constants += [Read(v, twin) for v, twin in twins.items()]
        self.replace({**carried, **twins})

    def apply(self) -> list[Variable]:
        """The outputs of the loop put together: stacks, then the last values of the carries."""
        states = [v for state in self.states for v in state.inner]
        op = Scan(
            inner_inputs=(
                *[r.inner for r in self.sequences],
                *states,
                *[c.inner for c in self.carries],
                *[r.inner for r in self.constants],
            ),
            inner_outputs=tuple(self.inner_outputs),
            n_sequences=len(self.sequences),
            taps=tuple(state.taps for state in self.states),
            n_mapped=len(self.mapped),
            n_carries=len(self.carries),
            keep=tuple(part.keep for part in self.stacked),
            until=self.condition is not None,
            name=self.name,
            truncate_gradient=self.truncate_gradient,
        )
        outer = [r.outer for r in self.sequences] + [s.outer for s in self.states]
        outer += [c.outer for c in self.carries] + [r.outer for r in self.constants]
        return op(self.n_steps, *outer, return_list=True)


def _first_of_each(reads: Sequence[Read], merged: dict[Variable, Variable]) -> list[Read]:
    """One read an outer variable; `merged` receives the inner variables that are left out -> those that stay."""
    first: dict[Variable, Read] = {}
    for read in reads:
        kept = first.setdefault(read.outer, read)
        if kept is not read:
            merged[read.inner] = kept.inner
    return list(first.values())


def inner_copy(v: Variable) -> Variable:
    """The variable that stands for `v` inside a step."""
    return v.type.make_variable(None if v.name is None else f"{v.name}_copy")
