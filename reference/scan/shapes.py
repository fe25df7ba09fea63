"""The shapes of a loop's outputs, told before the loop runs.

Owns the inference through a step: lengths inside, expressed by lengths and values outside. It must not
run anything; what only a run can tell (the rows of an `until` loop, a length computed from a row) is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from reference.graph.core import Apply, Constant, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.traversal import clone_replace, graph_inputs, toposort
from reference.graph.types import TensorType
from reference.interpreter import Program
from reference.tensor.basic import constant
from reference.tensor.elemwise import cast, minimum  # type: ignore[attr-defined]
from reference.tensor.shape import MakeVector, Shape, Shape_i, SpecifyShape, shape_i

if TYPE_CHECKING:
    from reference.scan.op import Scan

Lengths = tuple[Variable, ...]


def stacked_shapes(op: Scan, node: Apply, shapes: Sequence[Any]) -> list[Lengths | None]:
    """The shape of each stacked output of a node, None where it is not known before the run."""
    if op.until:
        return [None] * op.n_stacked
    steps = cast(node.inputs[0], "int64")
    known = _outer_lengths(op, node, shapes)
    rows = [known[taps[0]] for taps in op.cut_inner(op.inner_inputs)[1]]
    mapped = op.inner_outputs[op.n_states : op.n_stacked]
    rows += _lengths_inside(mapped, known, _constants(op, node))
    first = [steps if keep is None else minimum(steps, constant(np.int64(keep))) for keep in op.keep]
    return [None if row is None else (n, *row) for n, row in zip(first, rows)]


def rows_without_a_step(node: Apply, values: Sequence[Any]) -> list[tuple[int, ...]]:
    """The shapes of the mapped outputs' rows, where these inputs tell them; else as short as the types say."""
    op: Any = node.op
    twin = node.clone_with_new_inputs([v.type.make_variable() for v in node.inputs])
    told = stacked_shapes(op, twin, _own_shapes(twin))[op.n_states :]
    rows = [tuple(map(int, v.type.broadcastable)) for v in op.inner_outputs[op.n_states : op.n_stacked]]
    for k, lengths in enumerate(told):
        with suppress(Exception):
            graph = FunctionGraph(twin.inputs, lengths[1:])  # type: ignore[index]
            rows[k] = tuple(int(n) for n in Program(graph).run(values))
    return rows


def steady(node: Apply, values: Sequence[Variable]) -> bool:
    """Is each of these values of the step certain to have one shape in all steps, so that they could be stacked?"""
    op: Any = node.op
    known = _outer_lengths(op, node, _own_shapes(node))
    return all(lengths is not None for lengths in _lengths_inside(values, known, _constants(op, node)))


def _own_shapes(node: Apply) -> list[Lengths | None]:
    """The lengths of a node's inputs, read off the inputs."""
    return [
        tuple(shape_i(v, k) for k in range(v.type.ndim)) if isinstance(v.type, TensorType) else None
        for v in node.inputs
    ]


def _outer_lengths(op: Scan, node: Apply, shapes: Sequence[Any]) -> dict[Variable, Lengths | None]:
    """The shapes of the inner inputs: those of the node's inputs, without the rows' own dimension."""
    sequences, states, carries, constants = op.cut(list(shapes[1:]))
    rows = [s for s, taps in zip(states, op.taps) for _ in taps]
    lengths = [None if s is None else tuple(s[1:]) for s in (*sequences, *rows)]
    lengths += [None if s is None else tuple(s) for s in (*carries, *constants)]
    return dict(zip(op.inner_inputs, lengths))


def _constants(op: Scan, node: Apply) -> dict[Variable, Variable]:
    """Inner variable -> outer variable, for what is the same in every step."""
    inner, outer = op.cut_inner(op.inner_inputs)[-1], op.cut(node.inputs[1:])[-1]
    return dict(zip(inner, outer))


def _lengths_inside(
    outputs: Sequence[Variable], known: dict[Variable, Lengths | None], constants: dict[Variable, Variable]
) -> list[Lengths | None]:
    outside = {v: v for lengths in known.values() for v in lengths or ()}
    for node in toposort(outputs):
        for v in node.inputs:
            if isinstance(v, Constant) and isinstance(v.type, TensorType):
                known[v] = tuple(constant(np.int64(n)) for n in v.data.shape)
        inputs = [known.get(v) for v in node.inputs]
        told: Sequence[Any] = [None] * len(node.outputs)
        if isinstance(node.op, SpecifyShape) and inputs[0] is not None:
            told = inputs[:1]  # what it asserts may be read from a row, which nobody outside knows
        elif all(s is not None for s, v in zip(inputs, node.inputs) if isinstance(v.type, TensorType)):
            with suppress(NotImplementedError):
                told = node.op.infer_shape(node, inputs)
        known.update(zip(node.outputs, told))
    return [_outside(known.get(v), known, {**outside, **constants}) for v in outputs]


def _outside(
    lengths: Lengths | None, known: dict[Variable, Lengths | None], outside: dict[Variable, Variable]
) -> Lengths | None:
    """`lengths` with inner variables replaced by outer ones; None if that is impossible.

    The step's own nodes are copied, even those that read nothing: they may be rewritten where they go.
    """
    if lengths is None:
        return None
    replace = dict(outside)
    for node in toposort(lengths):
        shape = known.get(node.inputs[0]) if isinstance(node.op, Shape | Shape_i) else None
        if shape is not None and isinstance(node.op, Shape_i):
            replace[node.outputs[0]] = shape[node.op.i]
        elif shape is not None:
            replace[node.outputs[0]] = MakeVector("int64")(*shape)
    kept = {v: v for v in outside.values()}
    replaced = tuple(clone_replace(clone_replace(lengths, replace), kept, copy_all=True))
    leaves = (v for v in graph_inputs(replaced) if not isinstance(v, Constant))
    return None if any(v in known for v in leaves) else replaced
