"""Shapes: found without computing what has them; and operations that only move elements.

Owns the step from ``Shape_i(x)`` to lengths of the graph's inputs. Finding the length of a result without
computing it also hides the errors of computing it, so there are two rules: one passes only through
operations that cannot fail, the other through all that tell their shape.
"""

from __future__ import annotations

from reference.graph.core import Apply, Constant, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.types import TensorType
from reference.rewriting.engine import Promise, Replacement, has_effect, rewrite
from reference.tensor.basic import constant
from reference.tensor.creation import Alloc
from reference.tensor.elemwise import DimShuffle, Elemwise, cast
from reference.tensor.reduce import All, Any, Prod, Sum
from reference.tensor.shape import (
    ONE,
    MakeVector,
    Rebroadcast,
    Reshape,
    ScalarFromTensor,
    Shape,
    Shape_i,
    SpecifyShape,
    TensorFromScalar,
)

EXACT, REAL, STABLE, FINITE, RAISES = Promise

Lengths = tuple[Variable, ...]

# The shape of a variable, from the shapes of what computes it.


@rewrite(EXACT, on=Shape, cheap=True)
def shape_as_lengths(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """Shape(x) -> MakeVector(Shape_i{0}(x), Shape_i{1}(x), ...)."""
    (x,) = node.inputs
    if x.type.ndim == 0:
        return [constant([], dtype="int64")]
    lengths = MakeVector("int64")(*[_length(x, i) for i in range(x.type.ndim)])
    return [lengths if lengths.type == node.outputs[0].type else Rebroadcast((0, False))(lengths)]


@rewrite(EXACT, on=Shape_i)
def length_through_safe(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """Shape_i(f(x)) -> Shape_i(x), where f cannot fail and keeps or moves the dimension."""
    return _resolved(fgraph, node, safe_only=True)


@rewrite(RAISES, on=Shape_i)
def length_through_any(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """Shape_i(f(x, y)) -> an expression of the lengths of x and y."""
    return _resolved(fgraph, node, safe_only=False)


def _length(x: Variable, i: int) -> Variable:
    """The length of a dimension; a constant only where no computation is left out by it."""
    if x.owner is None and isinstance(x.type, TensorType) and x.type.broadcastable[i]:
        return ONE
    return Shape_i(i)(x)


def _resolved(fgraph: FunctionGraph, node: Apply, safe_only: bool) -> Replacement:
    """The length from what `x` is computed from, as far up as variables that somebody computes anyway.

    Of a variable that is computed anyway the length is there for the asking; it is replaced only by a
    constant or by a length of one of the graph's inputs.
    """
    (x,) = node.inputs
    lengths = shape_of(fgraph, x, safe_only)
    i = node.op.i  # type: ignore[attr-defined]
    found = lengths[i] if lengths is not None else None
    if found is None or _reads_length_of(found, x, i) or found.type != node.outputs[0].type:
        return None
    if _computed_anyway(fgraph, x) and not _is_simple(found):
        return None
    return [found]


def _computed_anyway(fgraph: FunctionGraph, v: Variable) -> bool:
    """Does anybody read more of `v` than its shape?"""
    return any(node is None or not isinstance(node.op, Shape | Shape_i) for node, _ in fgraph.clients.get(v, ()))


def _is_simple(length: Variable) -> bool:
    if length.owner is None:
        return True
    return isinstance(length.owner.op, Shape_i) and length.owner.inputs[0].owner is None


def _reads_length_of(found: Variable, x: Variable, i: int) -> bool:
    return found.owner is not None and found.owner.op == Shape_i(i) and found.owner.inputs[0] is x


def shape_of(fgraph: FunctionGraph, variable: Variable, safe_only: bool) -> Lengths | None:
    """The lengths of `variable` in terms of what computes it, as far up as shapes are told and nobody computes
    the thing itself. None for what is no tensor.
    """
    known: dict[Variable, Lengths | None] = {}
    stack = [variable]
    while stack:
        v = stack[-1]
        if v in known:
            stack.pop()
            continue
        node = v.owner
        passed = node is not None and (_cannot_fail(node) if safe_only else not has_effect(node.op))
        passed = passed and (v is variable or not _computed_anyway(fgraph, v))
        missing = [u for u in node.inputs if u not in known] if node is not None and passed else []
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        if node is not None and passed:
            _tell_outputs(node, known, safe_only)
        if v not in known:
            known[v] = _opaque(v, safe_only)
    return known[variable]


def _tell_outputs(node: Apply, known: dict[Variable, Lengths | None], safe_only: bool) -> None:
    try:
        told = node.op.infer_shape(node, [known[u] for u in node.inputs])
    except NotImplementedError:
        return
    for out, lengths in zip(node.outputs, told):
        if isinstance(out.type, TensorType) and lengths is not None:
            fixed = [ONE if b and not safe_only else n for b, n in zip(out.type.broadcastable, lengths)]
            known[out] = tuple(fixed)


def _opaque(v: Variable, safe_only: bool) -> Lengths | None:
    """The shape of something that is just there, or that does not tell its shape."""
    if not isinstance(v.type, TensorType):
        return None
    if isinstance(v, Constant):
        return tuple(constant(n, dtype="int64") for n in v.data.shape)
    if safe_only:
        return tuple(_length(v, i) for i in range(v.type.ndim))
    return tuple(ONE if b else Shape_i(i)(v) for i, b in enumerate(v.type.broadcastable))


def _cannot_fail(node: Apply) -> bool:
    """Can computing the node never raise, whatever the shapes and values of its inputs?"""
    op = node.op
    if isinstance(op, Elemwise):
        stretched = [v.type.broadcastable for v in node.inputs]
        return all(sum(not pattern[axis] for pattern in stretched) <= 1 for axis in range(len(stretched[0])))
    if isinstance(op, DimShuffle):
        return not op.dropped
    if isinstance(op, Rebroadcast):
        return not any(value for _, value in op.axes)
    return isinstance(op, Sum | Prod | All | Any | MakeVector | Shape | Shape_i | TensorFromScalar)


@rewrite(EXACT, on=lambda op: isinstance(op, Elemwise) and op.scalar_op.name.startswith("Cast{"))
def cast_of_lengths(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """cast(MakeVector(a, b)) -> MakeVector(cast(a), cast(b))."""
    vector, target = node.inputs[0].owner, node.outputs[0].type.dtype
    if vector is None or not isinstance(vector.op, MakeVector):
        return None
    middle = vector.op.dtype
    return MakeVector(target).make_node(*[cast(cast(v, middle), target) for v in vector.inputs]).outputs


# Operations that only move elements.


@rewrite(EXACT, on=DimShuffle, cheap=True)
def dimshuffle_of_nothing(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """DimShuffle{0,1}(x) -> x."""
    order = node.op.new_order  # type: ignore[attr-defined]
    return [node.inputs[0]] if order == tuple(range(node.inputs[0].type.ndim)) else None


@rewrite(EXACT, on=DimShuffle, cheap=True)
def dimshuffle_of_dimshuffle(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """DimShuffle{...}(DimShuffle{...}(x)) -> DimShuffle{...}(x)."""
    inner = node.inputs[0].owner
    if inner is None or not isinstance(inner.op, DimShuffle):
        return None
    outer_order = node.op.new_order  # type: ignore[attr-defined]
    order = tuple("x" if axis == "x" else inner.op.new_order[axis] for axis in outer_order)
    return [DimShuffle(inner.op.input_broadcastable, order)(inner.inputs[0])]


@rewrite(EXACT, on=Rebroadcast, cheap=True)
def rebroadcast_of_same(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """Rebroadcast(x) -> x, where it changes nothing."""
    return [node.inputs[0]] if node.inputs[0].type == node.outputs[0].type else None


@rewrite(EXACT, on=ScalarFromTensor, cheap=True)
def scalar_of_tensor_of_scalar(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """ScalarFromTensor(TensorFromScalar(s)) -> s."""
    inner = node.inputs[0].owner
    return [inner.inputs[0]] if inner is not None and isinstance(inner.op, TensorFromScalar) else None


@rewrite(EXACT, on=TensorFromScalar, cheap=True)
def tensor_of_scalar_of_tensor(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """TensorFromScalar(ScalarFromTensor(t)) -> t."""
    inner = node.inputs[0].owner
    return [inner.inputs[0]] if inner is not None and isinstance(inner.op, ScalarFromTensor) else None


@rewrite(RAISES, on=Reshape)
def reshape_of_reshape(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """Reshape(Reshape(x, a), b) -> Reshape(x, b)."""
    inner = node.inputs[0].owner
    if inner is None or not isinstance(inner.op, Reshape):
        return None
    shorter = node.op.make_node(inner.inputs[0], node.inputs[1]).outputs[0]
    return [shorter] if shorter.type == node.outputs[0].type else None


@rewrite(EXACT, on=Reshape)
def reshape_to_own_shape(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """Reshape(x, x.shape) -> x; Reshape(vector, [-1]) -> vector."""
    x, wanted = node.inputs
    if x.type != node.outputs[0].type:
        return None
    if x.type.ndim == 1 and isinstance(wanted, Constant) and wanted.data.tolist() == [-1]:
        return [x]
    if wanted.owner is None or not isinstance(wanted.owner.op, Shape | MakeVector):
        return None
    if isinstance(wanted.owner.op, Shape):
        return [x] if wanted.owner.inputs[0] is x else None
    return [x] if all(_reads_length_of(n, x, i) for i, n in enumerate(wanted.owner.inputs)) else None


@rewrite(EXACT, on=Alloc)
def alloc_of_one(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """Alloc(x, 1, 1) -> x, where x has that shape by its type."""
    x, *lengths = node.inputs
    ones = all(isinstance(n, Constant) and int(n.data) == 1 for n in lengths)
    return [x] if ones and x.type == node.outputs[0].type else None


@rewrite(RAISES, on=Alloc)
def alloc_of_same_pattern(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """Alloc(x, n, m) -> x, where x is broadcastable nowhere and so has that shape already."""
    x = node.inputs[0]
    return [x] if x.type == node.outputs[0].type else None


@rewrite(RAISES, on="second", stage="specialize")
def fill_to_alloc(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """second(x, v) -> Alloc(v, lengths of x)."""
    model, value = node.inputs
    lengths = [ONE if b else Shape_i(i)(model) for i, b in enumerate(model.type.broadcastable)]
    if all(v <= m for v, m in zip(model.type.broadcastable, value.type.broadcastable)):
        return [Alloc()(value, *lengths)]
    return None


@rewrite(RAISES, on=lambda op: isinstance(op, Elemwise) and op.scalar_op.nin != 1)
def alloc_inside_elementwise(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """f(Alloc(v, n), y) -> f(v, y), where y has the result's shape."""
    inputs = list(node.inputs)
    for k, v in enumerate(inputs):
        if v.owner is not None and isinstance(v.owner.op, Alloc):
            shorter = [*inputs[:k], v.owner.inputs[0], *inputs[k + 1 :]]
            padded = node.op.make_node(*shorter)
            if padded.outputs[0].type == node.outputs[0].type:
                inputs = list(padded.inputs)
    return node.op.make_node(*inputs).outputs if tuple(inputs) != node.inputs else None


@rewrite(EXACT, on=SpecifyShape)
def specify_shape_twice(fgraph: FunctionGraph, node: Apply) -> Replacement:
    """SpecifyShape(SpecifyShape(x, s), s) -> SpecifyShape(x, s)."""
    inner = node.inputs[0].owner
    same = inner is not None and isinstance(inner.op, SpecifyShape) and inner.inputs[1] is node.inputs[1]
    return [node.inputs[0]] if same else None
