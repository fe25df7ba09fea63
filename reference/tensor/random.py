"""Random numbers in graphs.

Owns `RandomFunction`, the one operation that draws, and a function a distribution that builds it. What
the numbers are stands in `distributions.py` (formulas) and `philox.py` (words), or, for a state of NumPy's generator,
in `legacy.py`: a draw is a pure function of state, size and parameters. It must not know who keeps the states; see
`shared_randomstreams.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from reference.config import config
from reference.graph.core import Apply, Constant, Op, Variable
from reference.graph.dtypes import BOOL, INTEGERS, upcast
from reference.graph.errors import ShapeError
from reference.graph.types import NullType, RandomStateType, TensorType
from reference.tensor import legacy
from reference.tensor.basic import as_tensor_variable, constant
from reference.tensor.distributions import DISTRIBUTIONS, Distribution, broadcast_parameters
from reference.tensor.elemwise import cast, ceil, log, lt, sqrt
from reference.tensor.extra_ops import cumsum
from reference.tensor.philox import next_state, philox_words
from reference.tensor.reduce import max as max_
from reference.tensor.reduce import sum as sum_
from reference.tensor.shape import ONE, MakeVector, as_index, element_of, shape, shape_tuple, vector_length

__all__ = [
    "RandomFunction", "binomial", "choice", "multinomial", "normal", "permutation", "philox_words", "poisson",
    "random_integers", "uniform",
]  # fmt: skip

Pair = tuple[Variable, Variable]
"""(the state before the next draw, the sample)"""


@dataclass(frozen=True)
class RandomFunction(Op):
    """Draw from a distribution: (state, size, *parameters) -> (next state, sample).

    `size` is an int64 vector; an empty one leaves the shape to the parameters. Parameters are matched
    with the shape from the right; a dimension stretches only where its type says broadcastable.
    """

    distribution: str
    dtype: str
    broadcastable: tuple[bool, ...]
    generator: str = "philox"

    default_output: ClassVar[int | None] = 1

    @property
    def row(self) -> Distribution:
        return _ROWS[self.generator][self.distribution]

    @property
    def draw_ndim(self) -> int:
        """How many dimensions the draw has; a sample that is a vector adds one."""
        return len(self.broadcastable) - self.row.grows

    def make_node(self, state: Variable, size: Any, *parameters: Any) -> Apply:
        size = as_tensor_variable(size)
        parameters = tuple(as_tensor_variable(p) for p in parameters)
        if not isinstance(state.type, RandomStateType) or state.type.generator != self.generator:
            raise TypeError(f"{self} needs a random state of {self.generator}, got {state} of type {state.type}")
        if size.type.ndim != 1 or size.type.dtype not in INTEGERS:
            raise TypeError(f"{self}: the size is an integer vector, got {size} of type {size.type}")
        for p, core in zip(parameters, self.row.core):
            if core is not None and p.type.ndim > self.draw_ndim + core:
                raise ValueError(f"{self}: the draw has fewer dimensions than its parameter {p} of type {p.type}")
        sample = TensorType(self.dtype, self.broadcastable)
        return Apply(self, [state, size, *parameters], [state.type(), sample()])

    def perform(self, node: Apply, *inputs: Any) -> tuple[np.ndarray, np.ndarray]:
        state, size, *parameters = inputs
        types = [v.type for v in node.inputs[2:]]
        shape = self._draw_shape(tuple(size.tolist()), parameters, types)
        stretched = broadcast_parameters(self.row, shape, parameters)
        for axis, stretches in enumerate(self.broadcastable[: self.draw_ndim]):
            if stretches and shape[axis] != 1:
                raise ShapeError(f"{self} promised length 1 along axis {axis}, but the shape is {shape}")
        if self.generator == "numpy":
            return legacy.draw(self.row, state, shape, self.dtype, stretched)
        sample = np.asarray(self.row.sample(state, shape, self.dtype, *stretched))
        return next_state(state), sample

    def _draw_shape(self, size: tuple[int, ...], parameters: Any, types: Any) -> tuple[int, ...]:
        if (size and len(size) != self.draw_ndim) or any(n < 0 for n in size):
            raise ShapeError(f"{self}: the size {size} is no shape of {self.draw_ndim} dimensions")
        lengths = list(size) or [1] * self.draw_ndim
        for value, type_, core in zip(parameters, types, self.row.core):
            if core is None:
                continue
            offset = self.draw_ndim + core - value.ndim
            for axis, n in enumerate(value.shape[: value.ndim - core]):
                if type_.broadcastable[axis]:
                    continue
                if not size and lengths[offset + axis] == 1:
                    lengths[offset + axis] = n
                elif lengths[offset + axis] != n:
                    raise ShapeError(
                        f"{self}: a parameter of shape {value.shape} does not fit the shape {tuple(lengths)}"
                    )
        return tuple(lengths)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[Any]:
        size, parameters = node.inputs[1], node.inputs[2:]
        if vector_length(size) == 0:
            lengths = [self._own_length(axis, parameters, shapes[2:]) for axis in range(self.draw_ndim)]
        else:
            pattern = self.broadcastable[: self.draw_ndim]
            lengths = [ONE if b else as_index(element_of(size, k)) for k, b in enumerate(pattern)]
        if self.distribution == "multinomial":
            lengths.append(shapes[3][-1])
        elif self.row.grows:
            lengths.append(as_index(parameters[0]))
        return [None, tuple(lengths)]

    def _own_length(self, axis: int, parameters: Sequence[Variable], shapes: Sequence[Any]) -> Variable:
        for p, lengths, core in zip(parameters, shapes, self.row.core):
            mine = axis - (self.draw_ndim + (core or 0) - p.type.ndim)
            if core is not None and mine >= 0 and not p.type.broadcastable[mine]:
                return lengths[mine]
        return ONE

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        why = f"a sample of {self.distribution} has no gradient with respect to the distribution's parameters"
        return [None, None, *[NullType(why)() for _ in inputs[2:]]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False, False]] * 2 + [[False, True]] * (len(node.inputs) - 2)

    def __str__(self) -> str:
        return f"RandomFunction{{{self.distribution}{'_helper' * (self.distribution in _HELPED)}}}"


_HELPED = ("choice", "multinomial", "permutation", "poisson", "random_integers")
"""Distributions that print under the name of Theano's function for them."""

_ROWS = {"philox": DISTRIBUTIONS, "numpy": legacy.LEGACY}


def _size(size: Any, ndim: int | None, parameters: Sequence[Variable], core: Sequence[int | None]) -> Any:
    """A size argument as an int64 vector, and the broadcast pattern of the draw."""
    if isinstance(size, Variable) and size.type.ndim == 1:
        known = vector_length(size)
        rank = ndim if known is None else known
        if rank is None:
            raise ValueError(f"the length of the size {size} is not known here; pass ndim=")
        vector, pattern = cast(size, "int64"), (False,) * rank
    elif size is None or (not isinstance(size, Variable) and np.ndim(size) == 1 and len(size) == 0):
        ranks = [p.type.ndim - c for p, c in zip(parameters, core) if c is not None]
        rank = max([0, *ranks]) if size is None else 0
        vector, pattern = constant(np.empty(0, dtype="int64")), _joint_pattern(parameters, core, rank)
    else:
        items = list(size) if isinstance(size, list | tuple | np.ndarray) else [size]
        lengths = [as_tensor_variable(n) for n in items]
        for n in lengths:
            if n.type.ndim != 0 or n.type.dtype not in INTEGERS:
                raise TypeError(f"a size holds integers, got {n} of type {n.type}")
            if isinstance(n, Constant) and n.data < 0:
                raise ValueError(f"a size with the negative number {n} is no shape")
        vector = cast(MakeVector(upcast(*[n.type.dtype for n in lengths]))(*lengths), "int64")
        pattern = tuple(not isinstance(n, Variable) and int(n) == 1 for n in items)
    if ndim is not None and ndim != len(pattern):
        raise ValueError(f"ndim={ndim} was asked for, but the size {size} has {len(pattern)} dimensions")
    return vector, pattern


def _joint_pattern(parameters: Sequence[Variable], core: Sequence[int | None], rank: int) -> tuple[bool, ...]:
    pattern = [True] * rank
    for p, c in zip(parameters, core):
        own = () if c is None else p.type.broadcastable[: p.type.ndim - c]
        for k, b in enumerate(own, rank - len(own)):
            pattern[k] &= b
    return tuple(pattern)


def _draw(name: str, state: Variable, size: Any, ndim: int | None, dtype: str, *parameters: Any) -> Pair:
    generator = state.type.generator if isinstance(state.type, RandomStateType) else "philox"
    row = _ROWS[generator][name]
    variables = [as_tensor_variable(p) for p in parameters]
    vector, pattern = _size(size, ndim, variables, row.core)
    op = RandomFunction(name, TensorType(dtype, ()).dtype, pattern + (False,) * row.grows, generator)
    after, sample = op(state, vector, *variables, return_list=True)
    return after, sample


def _float_dtype(dtype: str | None, *parameters: Any) -> str:
    if dtype is None:
        dtype = upcast(config.floatX, *[as_tensor_variable(p).type.dtype for p in parameters])
    if not TensorType(dtype, ()).dtype.startswith("float"):
        raise TypeError(f"the sample must be a float, not {dtype}")
    return dtype


def _integer(name: str, v: Any) -> Variable:
    v = as_tensor_variable(v)
    if v.type.dtype not in (BOOL, *INTEGERS):
        raise TypeError(f"{name} must be an integer, got {v} of type {v.type}")
    return v


def uniform(
    state: Variable,
    size: Any = None,
    low: Any = 0.0,
    high: Any = 1.0,
    ndim: int | None = None,
    dtype: str | None = None,
) -> Pair:
    """Numbers of [low, high): low + u * (high - low), each operation rounded in the dtype."""
    return _draw("uniform", state, size, ndim, _float_dtype(dtype, low, high), low, high)


def normal(
    state: Variable,
    size: Any = None,
    avg: Any = 0.0,
    std: Any = 1.0,
    ndim: int | None = None,
    dtype: str | None = None,
) -> Pair:
    """Normal numbers with mean `avg` and standard deviation `std`, by the inverse distribution function."""
    return _draw("normal", state, size, ndim, _float_dtype(dtype, avg, std), avg, std)


def binomial(
    state: Variable,
    size: Any = None,
    n: Any = 1,
    p: Any = 0.5,
    ndim: int | None = None,
    dtype: str = "int64",
    prob: Any = None,
) -> Pair:
    """How many of `n` trials succeed, each with probability `p` (`prob` is the older name)."""
    return _draw("binomial", state, size, ndim, dtype, _integer("n", n), p if prob is None else prob)


def poisson(
    state: Variable, size: Any = None, lam: Any = 1.0, ndim: int | None = None, dtype: str = "int64"
) -> Pair:
    """How many events happen in a time in which `lam` are expected.

    Element by element, waiting times -log(1 - u) are added up until they exceed `lam`. As many are drawn as suffice
    for the largest `lam`, but for a probability below 1e-30.
    """
    lam = as_tensor_variable(lam)
    if state.type == RandomStateType("numpy"):
        return _draw("poisson", state, size, ndim, dtype, lam)
    vector, pattern = _size(shape(lam) if size is None else size, ndim, [lam], [0])
    lengths = [element_of(vector, k) for k in range(len(pattern))]
    most = max_(cast(lam, "float64"))
    waits = cast(ceil(most + 12 * sqrt(most) + 40), "int64")
    after, u = uniform(state, (waits, *lengths), dtype="float64")
    return after, cast(sum_(lt(cumsum(-log(1 - u), axis=0), lam), axis=0), dtype)


def random_integers(
    state: Variable,
    size: Any = None,
    low: Any = 0,
    high: Any = 1,
    ndim: int | None = None,
    dtype: str = "int64",
) -> Pair:
    """Integers from `low` to `high`, both included."""
    return _draw("random_integers", state, size, ndim, dtype, _integer("low", low), _integer("high", high))


def choice(
    state: Variable,
    size: Any = None,
    a: Any = 2,
    replace: bool = True,
    p: Any = None,
    ndim: int | None = None,
    dtype: str | None = None,
) -> Pair:
    """Elements of ``arange(a)``, or of the vector `a`, with weights `p`; each at most once if not `replace`.

    The dtype is int64, or that of a vector `a`, unless `dtype` says otherwise.
    """
    if isinstance(replace, Variable):
        raise TypeError("replace must be True or False when the graph is built")
    items = as_tensor_variable(a)
    if items.type.ndim > 1:
        raise ValueError(f"a must be an integer or a vector, got {items} of type {items.type}")
    vector = items.type.ndim == 1
    count = shape_tuple(items)[0] if vector else _integer("a", items)
    weights = [] if p is None else [as_tensor_variable(p)]
    name = "choice" if replace else "choice_without_replacement"
    after, sample = _draw(name, state, size, ndim, "int64" if vector else dtype or "int64", count, *weights)
    if vector:
        sample = items[sample]
        sample = sample if dtype is None else cast(sample, dtype)
    return after, sample


def permutation(state: Variable, size: Any = None, n: Any = 1, ndim: int | None = None, dtype: str = "int64") -> Pair:
    """The numbers 0 to n - 1 in random order; `size` gives the leading dimensions."""
    return _draw("permutation", state, size, ndim, dtype, _integer("n", n))


def multinomial(
    state: Variable,
    size: Any = None,
    n: Any = 1,
    pvals: Any = (0.5, 0.5),
    ndim: int | None = None,
    dtype: str = "int64",
) -> Pair:
    """How often each category is met in `n` trials with probabilities `pvals` (last dimension)."""
    pvals = constant(np.asarray(pvals)) if isinstance(pvals, tuple) else as_tensor_variable(pvals)
    return _draw("multinomial", state, size, ndim, dtype, _integer("n", n), pvals)
