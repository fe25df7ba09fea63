"""Gradients of graphs, as graphs.

Owns the reverse walk (`grad`) and what is built on it (`Lop`, `Rop`, `jacobian`, `hessian`, ...). It must not know any
operation: each gives its own `L_op`.

Two answers besides a gradient: None from an `L_op` says that the input is disconnected, a variable of `NullType` that
the gradient is not defined. An output that the cost does not depend on is handed to it as a `DisconnectedType`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from reference import complex_gradient
from reference.config import config
from reference.gradient_ops import (
    ConsiderConstant,
    DisconnectedGrad,
    GradClip,
    GradScale,
    UndefinedGrad,
    ZeroGrad,
    consider_constant,
    disconnected_grad,
    grad_clip,
    grad_not_implemented,
    grad_scale,
    grad_undefined,
    undefined_grad,
    zero_grad,
)
from reference.graph.core import Apply, Constant, Variable, inherit_line
from reference.graph.dtypes import is_discrete
from reference.graph.errors import DisconnectedInputError, GradientError, NullTypeGradError
from reference.graph.lazy import Guard, guards
from reference.graph.traversal import clone_replace, toposort
from reference.graph.types import DisconnectedType, NullType, ScalarType, TensorType
from reference.numeric_gradient import numeric_grad, verify_grad

__all__ = [
    "ConsiderConstant", "DisconnectedGrad", "DisconnectedInputError", "DisconnectedType", "GradClip",
    "GradScale", "GradientError", "Lop", "NullTypeGradError", "Rop", "UndefinedGrad", "ZeroGrad",
    "consider_constant", "disconnected_grad", "grad", "grad_clip", "grad_not_implemented", "grad_scale",
    "grad_undefined", "hessian", "jacobian", "numeric_grad", "subgraph_grad", "undefined_grad", "verify_grad",
    "zero_grad",
]  # fmt: skip

Wrt = Variable | Sequence[Variable]


class Seeds(dict[Variable, Variable]):
    """Known gradients to which what is found on the way is added."""


def grad(
    cost: Variable | None,
    wrt: Any,
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
    add_names: bool = True,
    known_grads: Mapping[Variable, Variable] | None = None,
    return_disconnected: str = "zero",
    null_gradients: str = "raise",
) -> Any:
    """The gradient of a scalar `cost` with respect to each of `wrt`.

    consider_constant    variables through which no gradient flows.
    disconnected_inputs  'raise' (DisconnectedInputError), 'warn' or 'ignore' where the cost does not depend on one.
    known_grads          gradients of some variables, given, whatever depends on these; `cost` may then be None.
    return_disconnected  what stands for a disconnected one: 'zero', 'None' or 'Disconnected'.
    null_gradients       'raise' (NullTypeGradError) or 'return' for a gradient that is not defined.

    Returns a variable, list or tuple as `wrt` is one. The dtype follows the chain. The gradient with respect
    to integers is that of the same function of real numbers, but an integer that is computed is a step
    function of what it is computed from: the gradient behind it is zero.
    """
    if cost is None and not known_grads:
        raise ValueError("grad needs a cost or known_grads")
    if cost is not None and cost.type == DisconnectedType():
        raise ValueError("the cost is a gradient that is disconnected")
    if cost is not None and isinstance(cost.type, NullType):
        raise NullTypeGradError(f"the cost {cost} is itself an undefined gradient: {cost.type.why}")
    if cost is not None and getattr(cost.type, "ndim", None) != 0:
        raise TypeError(f"cost must be a scalar. Got {cost} of type {cost.type}; take its sum or mean")
    targets = list(wrt) if isinstance(wrt, list | tuple) else [wrt]
    for v in targets:
        if not isinstance(v, Variable):
            raise TypeError(f"gradients are taken with respect to variables, got {v!r}")

    with inherit_line(cost.line if cost is not None else None):
        seeds = dict(known_grads or {})
        if cost is not None:
            if is_discrete(cost.type.dtype):
                warnings.warn(f"the cost {cost} is an integer, {cost.type}: its gradient is 0", stacklevel=2)
            seeds.setdefault(cost, _namespace().ones_like(cost))
        settled = () if isinstance(known_grads, Seeds) else known_grads or ()
        table = _reverse(seeds, targets, set(consider_constant or ()), set(settled))

    results = []
    for v in targets:
        g = table.gradient(v)
        if g is None:
            g = _disconnected(cost, v, disconnected_inputs, return_disconnected, v in table.reached)
        elif isinstance(g.type, NullType) and null_gradients == "raise":
            raise NullTypeGradError(f"the gradient with respect to {v} is not defined: {g.type.why}")
        elif add_names and g.name is None and cost is not None and cost.name and v.name and g.owner is not None:
            g.name = f"(d{cost.name}/d{v.name})"
        results.append(g)
    if isinstance(wrt, list):
        return results
    return tuple(results) if isinstance(wrt, tuple) else results[0]


def _namespace() -> Any:
    import reference.tensor as namespace

    return namespace


def _disconnected(cost: Variable | None, v: Variable, policy: str, stand_in: str, reached: bool) -> Any:
    ns = _namespace()
    if reached:
        return ns.zeros_like(v, dtype=config.floatX)
    text = (
        f"grad: the cost {cost} does not depend on {v} of type {v.type}, or only through operations that have no "
        "gradient; pass disconnected_inputs='ignore' if that is meant"
    )
    if policy == "raise":
        raise DisconnectedInputError(text)
    if policy == "warn":
        warnings.warn(text, stacklevel=4)
    elif policy != "ignore":
        raise ValueError(f"disconnected_inputs must be 'raise', 'warn' or 'ignore', not {policy!r}")
    if stand_in.lower() == "zero":
        return ns.zeros_like(v, dtype=config.floatX if is_discrete(v.type.dtype) else None)
    if stand_in.lower() == "none":
        return None
    if stand_in.lower() == "disconnected":
        return DisconnectedType()()
    raise ValueError(f"return_disconnected must be 'zero', 'None' or 'Disconnected', not {stand_in!r}")


class _Table:
    """Terms of each variable's gradient, in the order in which they were found."""

    def __init__(self) -> None:
        self.terms: dict[Variable, list[Variable]] = {}
        self.reached: set[Variable] = set()

    def add(self, v: Variable, term: Variable) -> None:
        self.terms.setdefault(v, []).append(term)
        self.reached.add(v)

    def gradient(self, v: Variable) -> Variable | None:
        terms = self.terms.get(v)
        if not terms:
            return None
        undefined = next((t for t in terms if isinstance(t.type, NullType)), None)
        if undefined is not None:
            return undefined
        if len(terms) > 1:
            total = terms[0]
            for t in terms[1:]:
                total = total + t  # type: ignore[operator]
            self.terms[v] = terms = [total]
        return terms[0]


def _reverse(
    seeds: Mapping[Variable, Variable], targets: Sequence[Variable], constant: set[Variable], settled: set[Variable]
) -> _Table:
    order = toposort(list(seeds), stop_at=constant)
    needed = _connected_to(targets, order)
    guarded = guards(order, seeds)
    table = _Table()
    for v, g in ((v, g) for v, g in seeds.items() if not isinstance(g.type, DisconnectedType)):
        table.add(v, _shaped_like(g, v, None))
    for node in reversed(order):
        if not any(v in needed for v in node.inputs):
            continue
        # An integer output passes no gradient on, but what it depends on is connected, with a zero one.
        gradients = [None if _is_step(v) else table.gradient(v) for v in node.outputs]
        if all(g is None for g in gradients):
            if any(v in table.reached for v in node.outputs):
                table.reached.update(v for v in node.inputs if v in needed)
            continue
        with inherit_line(node.line):
            for v, term in zip(node.inputs, _node_gradients(node, gradients), strict=True):
                if term is not None and v in needed and v not in settled:
                    term = _shaped_like(term, v, node)
                    table.add(v, _under(guarded, node, v, term) if guarded else term)
    return table


def _under(guarded: Mapping[Variable, tuple[Guard, ...]], node: Apply, v: Variable, term: Variable) -> Variable:
    """A term for `v` from a branch that may not be taken: computed if it is, else zeros."""
    from reference.ifelse import only_under

    left = guarded[node.outputs[0]][len(guarded.get(v, ())) :]
    return only_under(left, term, v) if left and isinstance(term.type, TensorType) else term


def _is_step(v: Variable) -> bool:
    """Whether the variable, an integer, moves in steps as a function of what it is computed from."""
    return is_discrete(getattr(v.type, "dtype", "float64"))


def _connected_to(targets: Sequence[Variable], order: Sequence[Apply]) -> set[Variable]:
    """The variables through which the cost may depend on the targets."""
    needed = set(targets)
    for node in order:
        reading = [k for k, v in enumerate(node.inputs) if v in needed]
        if not reading:
            continue
        pattern = node.op.connection_pattern(node)
        for o, v in enumerate(node.outputs):
            if any(pattern[k][o] for k in reading):
                needed.add(v)
    return needed


def _node_gradients(node: Apply, gradients: Sequence[Variable | None]) -> Sequence[Variable | None]:
    undefined = next((g for g in gradients if g is not None and isinstance(g.type, NullType)), None)
    if undefined is not None:
        return [undefined] * len(node.inputs)
    handed = [DisconnectedType()() if g is None else _as_float_as(g, v) for v, g in zip(node.outputs, gradients)]
    terms = complex_gradient.terms(node, handed)
    if len(terms) != len(node.inputs):
        raise ValueError(f"the L_op of {node.op} returned {len(terms)} gradients for {len(node.inputs)} inputs")
    return [None if t is None or isinstance(t.type, DisconnectedType) else t for t in terms]


def _as_float_as(g: Variable, v: Variable) -> Variable:
    """`g` in the float dtype of `v`: a wide sum further on does not make gradients wide."""
    dtypes = [getattr(x.type, "dtype", "") for x in (g, v)]
    if dtypes[0] == dtypes[1] or not all(dtype.startswith("float") for dtype in dtypes):
        return g
    return _namespace().cast(g, dtypes[1])


def _shaped_like(g: Variable, v: Variable, node: Apply | None) -> Variable:
    """`g`, checked to be a possible gradient of `v`, with its broadcast pattern."""
    if isinstance(g.type, NullType) or not isinstance(v.type, TensorType) or not isinstance(g.type, TensorType):
        return g
    if g.type.ndim != v.type.ndim:
        made_by = f"the L_op of {node.op}" if node is not None else "known_grads"
        raise TypeError(f"{made_by} gave {v} of type {v.type} a gradient of type {g.type}: the ranks differ")
    if g.type.broadcastable != v.type.broadcastable:
        g = _namespace().patternbroadcast(g, v.type.broadcastable)
    return g


def Lop(
    f: Any,
    wrt: Any,
    eval_points: Any,
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """The row vector `eval_points` times the Jacobian of `f` with respect to `wrt`."""
    fs = list(f) if isinstance(f, list | tuple) else [f]
    points = list(eval_points) if isinstance(eval_points, list | tuple) else [eval_points]
    known = Seeds(zip(fs, [_namespace().as_tensor_variable(p) for p in points], strict=True))
    return grad(
        None, wrt, consider_constant=consider_constant, known_grads=known, disconnected_inputs=disconnected_inputs
    )


def Rop(
    f: Any, wrt: Any, eval_points: Any, disconnected_outputs: str = "raise", return_disconnected: str = "zero"
) -> Any:
    """The Jacobian of `f` with respect to `wrt` times the vector `eval_points`.

    Lop is linear in its evaluation point u, so differentiating it with respect to u gives the product; through loops it
    is taken forwards, node by node. Zeros for what is computed from anything else; an error for what is not computed.
    """
    fs = list(f) if isinstance(f, list | tuple) else [f]
    wrts = list(wrt) if isinstance(wrt, list | tuple) else [wrt]
    points = list(eval_points) if isinstance(eval_points, list | tuple) else [eval_points]
    points = [_namespace().as_tensor_variable(p) for p in points]
    if len(wrts) != len(points):
        raise ValueError(f"Rop got {len(wrts)} variables and {len(points)} evaluation points")
    for x, p in zip(wrts, points):
        if x.type.ndim != p.type.ndim:
            raise ValueError(f"the evaluation point {p} of type {p.type} does not fit {x} of type {x.type}")
    results = []
    for out, column in zip(fs, _columns(fs, wrts, points)):
        if column is None:
            if disconnected_outputs == "raise" and (out.owner is None or isinstance(out.owner.op, DisconnectedGrad)):
                raise DisconnectedInputError(f"Rop: the output {out} does not depend on {wrts}")
            column = _namespace().zeros_like(out) if return_disconnected == "zero" else None
        results.append(column)
    if isinstance(f, list):
        return results
    return tuple(results) if isinstance(f, tuple) else results[0]


def _columns(fs: Sequence[Variable], wrts: Sequence[Variable], points: Sequence[Variable]) -> list[Any]:
    """The products for each of `fs`, None where there is none."""
    order = toposort(fs)
    if not any(hasattr(node.op, "inner_outputs") for node in order):
        return [_column(out, wrts, points) for out in fs]
    given = dict(zip(wrts, points))
    found: dict[Variable, Any] = {v: p for v, p in given.items() if v.owner is None}
    for node in order:
        reads = [found.get(v) for v in node.inputs]
        with inherit_line(node.line):
            own = _pushed(node, reads) if any(p is not None for p in reads) else [None] * len(node.outputs)
            for v, change in zip(node.outputs, own):
                terms = [p for p in (None if _is_step(v) else change, given.get(v)) if p is not None]
                if terms:
                    found[v] = terms[0] if len(terms) == 1 else terms[0] + terms[1]
    return [found.get(out) for out in fs]


def _pushed(node: Apply, points: Sequence[Any]) -> Sequence[Any]:
    """The products for the outputs of one node, by its own R_op if it is a loop."""
    if hasattr(node.op, "inner_outputs"):
        try:
            return node.op.R_op(list(node.inputs), list(points))
        except NotImplementedError:
            pass
    alone = {v: v.type.make_variable() for v in node.inputs if not isinstance(v, Constant)}
    twin = node.clone_with_new_inputs([alone.get(v, v) for v in node.inputs])
    moving = {alone[v]: p for v, p in zip(node.inputs, points) if p is not None}
    slopes = [hasattr(v.type, "dtype") and not _is_step(v) for v in twin.outputs]  # the state of a stream has none
    columns = [_column(v, list(moving), list(moving.values())) if s else None for v, s in zip(twin.outputs, slopes)]
    back = {new: old for old, new in alone.items()}
    return [None if c is None else clone_replace([c], back)[0] for c in columns]


def _column(out: Variable, wrts: Sequence[Variable], points: Sequence[Variable]) -> Variable | None:
    u, zeros = _stand_in(out)
    rows = grad(None, list(wrts), known_grads={out: u}, disconnected_inputs="ignore", return_disconnected="None")
    pairs: dict[Variable, Any] = {}
    for row, p in zip(rows, points):
        if row is not None:  # the gradients of several variables may be one
            pairs[row] = pairs[row] + p if row in pairs else p
    if not pairs:
        return None
    column = grad(None, u, known_grads=Seeds(pairs), disconnected_inputs="ignore", return_disconnected="None")
    if column is None:
        return zeros
    # The product does not depend on u, but gradients may read its shape.
    return clone_replace([column], {u: zeros})[0]


def _stand_in(out: Variable) -> tuple[Variable, Variable]:
    """A variable of the kind of a gradient of `out`, and zeros of its type."""
    dtype = _float_of(out.type.dtype)
    if isinstance(out.type, ScalarType):
        return ScalarType(dtype)(), _namespace().scalar_from_tensor(_namespace().constant(0, dtype=dtype))
    return out.type.clone(dtype=dtype)(), _namespace().zeros_like(out, dtype=dtype)


def _float_of(dtype: str) -> str:
    return config.floatX if is_discrete(dtype) else dtype


def jacobian(
    expression: Variable,
    wrt: Any,
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """d expression[i] / d wrt for a vector (or scalar) expression: an extra leading dimension."""
    if expression.type.ndim > 1:
        raise ValueError(f"jacobian takes a vector expression, got {expression} of type {expression.type}; flatten it")
    if expression.type.ndim == 0:
        return grad(expression, wrt, consider_constant, disconnected_inputs)
    from reference.scan import scan

    wrts = list(wrt) if isinstance(wrt, list | tuple) else [wrt]

    def row(i: Any, *_: Any) -> Any:
        return grad(expression[i], wrts, consider_constant, disconnected_inputs)  # type: ignore[index]

    rows, _ = scan(
        row,
        sequences=_namespace().arange(expression.shape[0]),  # type: ignore[attr-defined]
        non_sequences=[expression, *wrts],
        return_list=True,
    )
    if isinstance(wrt, list):
        return rows
    return tuple(rows) if isinstance(wrt, tuple) else rows[0]


def hessian(
    cost: Variable, wrt: Any, consider_constant: Sequence[Variable] | None = None, disconnected_inputs: str = "raise"
) -> Any:
    """The matrix of second derivatives of a scalar cost with respect to each vector in `wrt`."""
    wrts = list(wrt) if isinstance(wrt, list | tuple) else [wrt]
    for v in wrts:
        if v.type.ndim != 1:
            raise ValueError(f"hessian takes vectors, got {v} of type {v.type}")
    result = [
        jacobian(grad(cost, v, consider_constant, disconnected_inputs), v, disconnected_inputs="ignore") for v in wrts
    ]
    if isinstance(wrt, list):
        return result
    return tuple(result) if isinstance(wrt, tuple) else result[0]


def subgraph_grad(
    wrt: Sequence[Variable],
    end: Sequence[Variable],
    start: Mapping[Variable, Variable] | None = None,
    cost: Variable | None = None,
    details: bool = False,
) -> Any:
    """Gradients in two stages: of a cost, or of known gradients `start`, with respect to `wrt` and the cut `end`.

    Returns (gradients of wrt, gradients of end), to be handed on as the next call's `start`.
    """
    if cost is None and start is None:
        raise ValueError("subgraph_grad needs `cost` or `start`")
    gradients = grad(
        cost, [*wrt, *end], consider_constant=list(end), known_grads=Seeds(start or {}), disconnected_inputs="ignore"
    )
    return gradients[: len(wrt)], gradients[len(wrt) :]
