"""Loops of elementwise steps: what they compute goes into memory that is set aside once.

Owns the text of such a loop, a call of a NumPy function a line, and where its values lie: shapes are the same in every
step, so that they are looked at before the first, and a row that nobody reads any more receives a later one. The
meaning is that of `rounds`, which also runs what goes wrong here again, as it knows how to complain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from reference.config import config
from reference.graph.core import Apply, Constant, Op, Variable
from reference.graph.dtypes import COMPLEX
from reference.graph.errors import ShapeError
from reference.graph.traversal import toposort
from reference.graph.types import TensorType
from reference.scan.rounds import ALL, GROWING, RING
from reference.tensor.elemwise import DimShuffle, Elemwise, result_shape

if TYPE_CHECKING:
    from reference.scan.op import Scan

Shape = tuple[int, ...]

CARRY = "carry"
"""How the value of a carry is kept: as it is, not as a row."""

_NAMING_PLACES = (np.maximum, np.minimum)
"""Functions to which NumPy wants to be told by name where the result goes; with others that takes longer."""

_FORMS = 64
"""Combinations of shapes that a loop is remembered for."""


class Arithmetic:
    """The step of one loop, where it is elementwise; `loop` says how it runs on values of some shapes."""

    def __init__(self, op: Scan):
        self.op, self.nodes = op, toposort(op.inner_outputs)
        self.elementwise = (
            op.n_stacked + op.n_carries > 0
            and all(_elementwise(node.op) for node in self.nodes)
            and all(isinstance(v.type, TensorType) for v in (*op.inner_inputs, *op.inner_outputs))
        )
        self.stacks = op.n_sequences + op.n_states
        self.known: dict[Any, _Text | None] = {}
        self.texts: dict[Any, _Text | None] = {}

    def loop(
        self, steps: int, outer: Sequence[np.ndarray], kept: Callable[[], Sequence[str]]
    ) -> Callable[..., tuple[np.ndarray, ...]] | None:
        """The loop on such values, told the steps and the values; None: `rounds` must run it. `kept`, which may raise
        what is wrong with the lengths, tells how rows of outputs are kept."""
        key = (steps, config.float32_math, *[x.shape for x in outer])
        if key not in self.known:
            if len(self.known) >= _FORMS:
                self.known.clear()
            self.known[key] = self._text(kept(), outer)
        found = self.known[key]
        if found is None:
            return None
        if found.in_order:
            for k, x in enumerate(outer):
                if not (x.flags.c_contiguous or (k < self.stacks and x[0, ...].flags.c_contiguous)):
                    return None
        return found.run

    def _text(self, kept: Sequence[str], outer: Sequence[np.ndarray]) -> _Text | None:
        if GROWING in kept:
            return None
        shapes = [x.shape[1:] if k < self.stacks else x.shape for k, x in enumerate(outer)]
        key = (config.float32_math, *kept, *shapes)
        if key not in self.texts:
            if len(self.texts) >= _FORMS:
                self.texts.clear()
            try:
                self.texts[key] = _Text(self.op, self.nodes, shapes, kept)
            except ShapeError:
                # The steps themselves will say so, and in which of them.
                self.texts[key] = None
        return self.texts[key]


class _Text:
    """The loop for one combination of shapes.

    in_order    values must lie in order, as NumPy may round otherwise where memory is read in another one
    """

    def __init__(self, op: Scan, nodes: Sequence[Apply], shapes: Sequence[Shape], kept: Sequence[str]):
        self.op, self.kept = op, kept
        self.known: dict[str, Any] = {"empty": np.empty, "cycle": cycle, "each": _each, "in_order": in_order}
        self.called: dict[int, str] = {}
        self.shapes: dict[Variable, Shape] = {}
        self.names: dict[Variable, str] = {}
        self.in_order = False
        self._given(shapes)
        self.outs = op.inner_outputs[: op.n_stacked + op.n_carries]
        self.body: list[str] = []
        self._compute(nodes)
        self._copy()
        self.run = self._function()

    def _given(self, shapes: Sequence[Shape]) -> None:
        op, left = self.op, iter(shapes)
        sequences, states, carries, constants = op.cut_inner(op.inner_inputs)
        self.moving = [f"x{k}" for k in range(len(sequences))]
        self._name(zip(sequences, self.moving), left)
        for k, (reads, taps) in enumerate(zip(states, op.taps)):
            shape = next(left)
            for v, tap in zip(reads, taps):
                self.names[v], self.shapes[v] = f"h{k}_{-tap}", shape
        self._name(((v, f"c{k}") for k, v in enumerate(carries)), left)
        self._name(((v, f"k{k}") for k, v in enumerate(constants)), left)
        self.ages = [[f"h{k}_{ago}" for ago in range(op.depth(k), 0, -1)] for k in range(op.n_states)]
        self.carried = [f"c{k}" for k in range(len(carries))]
        self.constants = [f"k{k}" for k in range(len(constants))]

    def _name(self, pairs: Any, shapes: Iterator[Shape]) -> None:
        for v, name in pairs:
            self.names[v], self.shapes[v] = name, next(shapes)

    # The step.

    def _compute(self, nodes: Sequence[Apply]) -> None:
        self.kinds: dict[str, tuple[Shape, str]] = {}
        self.free: list[str] = []
        self.renamed: dict[str, str] = {}
        last = {v: k for k, node in enumerate(nodes) for v in node.inputs}
        targets: dict[Variable, str] = {}
        for k, v in enumerate(self.outs):
            targets.setdefault(v, f"n{k}")
        used = {x for node in nodes if isinstance(node.op, DimShuffle) for x in node.inputs} | {*self.op.inner_outputs}
        for k, node in enumerate(nodes):
            (v,) = node.outputs
            for x in node.inputs:
                self._constant(x)
            if isinstance(node.op, DimShuffle):
                self._view(node)
                continue
            self.shapes[v] = result_shape(node, [self.shapes[x] for x in node.inputs])
            ending = [x for x in dict.fromkeys(node.inputs) if last[x] == k and x not in used]
            self._line(node, targets.get(v), [self.names[x] for x in ending if self.names[x] in self.kinds])

    def _view(self, node: Apply) -> None:
        """The same elements in the same order, with other axes of length 1."""
        (x,), (v,), op = node.inputs, node.outputs, node.op
        assert isinstance(op, DimShuffle)
        if any(self.shapes[x][axis] != 1 for axis in op.dropped):
            raise ShapeError(f"{op} drops a dimension of a length other than 1")
        shape = self.shapes[v] = tuple(1 if axis == "x" else self.shapes[x][axis] for axis in op.new_order)  # type: ignore[index]
        if isinstance(x, Constant):
            self.names[v] = self._known(self.known[self.names[x]].reshape(shape))
            return
        self.names[v] = f"v{len(self.body)}"
        self.body.append(f"{self.names[v]} = {self.names[x]}.reshape({shape})")

    def _line(self, node: Apply, target: str | None, ending: list[str]) -> None:
        """Compute a node: into `target`, if it is an output. Nobody reads the buffers `ending` afterwards."""
        (v,), row = node.outputs, node.op.scalar_op  # type: ignore[attr-defined]
        given = [self.names[x] for x in node.inputs]
        direct = row.as_ufunc(*[x.type.dtype for x in node.inputs])
        kind = (self.shapes[v], v.type.dtype)
        # Where functions are no correctly rounded ones, bits may depend on how memory is read.
        sensitive = row.transcendental or v.type.dtype in COMPLEX
        self.in_order |= sensitive
        if direct is None:
            self.names[v] = target or f"v{len(self.body)}"
            place = f"{target}[...]" if target else self.names[v]
            self.body.append(f"{place} = {self._known(node.op.plain(node))}({', '.join(given)})")
            self.free += ending
            return
        over = [] if sensitive else [x for x in ending if self.kinds[x] == kind and _read_at_once(x, given)]
        if over and target is not None:
            self.renamed[over[0]] = target
            del self.kinds[over[0]]
            ending.remove(over[0])
        result = target or (over[0] if over else self._buffer(kind))
        operands, extra = [], []
        for x, name, dtype in zip(node.inputs, given, direct.operands):
            operands.append(name)
            if x.type.dtype == dtype:
                continue
            if isinstance(x, Constant):
                operands[-1] = self._known(x.data.astype(dtype))
            else:
                extra.append(self._buffer((self.shapes[x], dtype)))
                self.body.append(f"{extra[-1]}[...] = {name}")
                operands[-1] = extra[-1]
        into = result
        if direct.result != v.type.dtype:
            into = self._buffer((self.shapes[v], direct.result))
            extra.append(into)
        f, first = self._known(direct.ufunc), operands[0]
        place = f"out={into}" if direct.ufunc in _NAMING_PLACES else into
        for other in operands[1:] or [""]:
            self.body.append(f"{f}({', '.join(filter(None, (first, other, place)))})")
            first = into
        if into != result:
            self.body.append(f"{result}[...] = {into}")
        self.names[v] = result
        self.free += [name for name in (*ending, *extra) if name != result]

    def _known(self, value: Any) -> str:
        """The name under which the text finds a value."""
        name = self.called.setdefault(id(value), f"f{len(self.called)}")
        self.known[name] = value
        return name

    def _buffer(self, kind: tuple[Shape, str]) -> str:
        for name in self.free:
            if self.kinds[name] == kind:
                self.free.remove(name)
                return name
        name = f"b{len(self.kinds) + len(self.renamed)}"
        self.kinds[name] = kind
        return name

    def _constant(self, v: Variable) -> None:
        if isinstance(v, Constant):
            self.names[v], self.shapes[v] = self._known(np.asarray(v.data, order="C")), v.data.shape

    def _copy(self) -> None:
        """What a step gives as it found it goes into rows of its own."""
        for v in self.op.inner_outputs:
            self._constant(v)
        for k, v in enumerate(self.outs):
            if self.names[v] != f"n{k}":
                self.body.append(f"n{k}[...] = {self.names[v]}")
        _, states, carries, _ = self.op.cut_inner(self.op.inner_inputs)
        back = [*(reads[0] for reads in states), *carries]
        news = [*self.outs[: self.op.n_states], *self.outs[self.op.n_stacked :]]
        if any(self.shapes[old] != self.shapes[new] for old, new in zip(back, news)):
            raise ShapeError("a state changes its shape")

    # The loop.

    def _function(self) -> Callable[..., tuple[np.ndarray, ...]]:
        op, body = self.op, list(self.body)
        for k, past in enumerate(self.ages):
            body += [f"{older} = {newer}" for older, newer in zip(past, [*past[1:], f"n{k}"])]
        body += [f"{name} = n{op.n_stacked + k}" for k, name in enumerate(self.carried)]
        begin = [f"{name} = {self._empty(*kind)}" for name, kind in self.kinds.items()]
        for k, past in enumerate(self.ages):
            begin += [f"{name} = p{k}[{row}, ...]" for row, name in enumerate(past)]
        moving = [f"each({name})" for name in self.moving]
        given: list[str] = []
        for k, v in enumerate(self.outs):
            shape, dtype = self.shapes[v], v.type.dtype  # type: ignore[attr-defined]
            how = self.kept[k] if k < op.n_stacked else CARRY
            if how == ALL:
                begin.append(f"y{k} = {self._empty(('steps', *shape), dtype)}")
                moving.append(f"each(y{k})")
                given.append(f"y{k}[:made]" if op.until else f"y{k}")
                continue
            count = 1 + (op.depth(k) if k < op.n_states else how == CARRY)
            own = self._empty(shape if how == CARRY else (1, *shape), dtype)
            begin.append(f"y{k} = {_tuple([own] * count)}")
            moving.append(f"cycle({_tuple(f'y{k}[{j}]' + '[0, ...]' * (how != CARRY) for j in range(count))})")
            given.append(f"y{k}[(made - 1) % {count}]")
            if how == RING:
                begin.append(f"q{k} = {self._empty((op.keep[k], *shape), dtype)}")
                body.append(f"q{k}[t % {op.keep[k]}] = n{k}")
                given[-1] = f"in_order(q{k}, made)"
        if op.until:
            body.append(f"if {self.names[op.inner_outputs[-1]]}: made = t + 1; break")
        pasts = [f"p{k}" for k in range(op.n_states)]
        names = ["t", *self.moving, *(f"n{k}" for k in range(len(self.outs)))]
        lines = [
            f"def run({', '.join(['steps', *self.moving, *pasts, *self.carried, *self.constants])}):",
            *(f"    {line}" for line in begin),
            "    made = steps",
            f"    for {', '.join(names)} in zip(range(steps), {', '.join(moving)}):",
            *(f"        {line}" for line in body),
            f"    return {_tuple(given)}",
        ]
        text = re.sub(r"\bb\d+\b", lambda found: self.renamed.get(found[0], found[0]), "\n".join(lines))
        exec(_code(text), self.known)
        return self.known["run"]

    def _empty(self, shape: Sequence[Any], dtype: str) -> str:
        return f"empty({_tuple(map(str, shape))}, {self._known(np.dtype(dtype))})"


def _tuple(parts: Iterable[str]) -> str:
    return f"({''.join(f'{part}, ' for part in parts)})"


def in_order(ring: np.ndarray, steps: int) -> np.ndarray:
    """The rows of a ring, the oldest first, after so many steps."""
    if steps <= len(ring):
        return ring[:steps]
    turn = steps % len(ring)
    return ring if turn == 0 else np.concatenate([ring[turn:], ring[:turn]])


def _elementwise(op: Op) -> bool:
    """Does it compute element by element, or nothing at all?"""
    if isinstance(op, DimShuffle):
        return list(op.kept) == sorted(op.kept)
    return isinstance(op, Elemwise) and not op.scalar_op.python


def _read_at_once(name: str, operands: Sequence[str]) -> bool:
    """May the result overwrite this operand? Of more than two, the third is read when the first two are added up."""
    return name in operands and (len(operands) <= 2 or name not in operands[1:])


def _each(rows: np.ndarray) -> Any:
    """The rows one by one, as arrays."""
    return rows if rows.ndim > 1 else (rows[t, ...] for t in range(len(rows)))


@lru_cache(maxsize=256)
def _code(text: str) -> Any:
    return compile(text, "<the steps of a loop>", "exec")
