"""Operations made of what users have: of a graph (`OpFromGraph`), of a Python function (`as_op`).

Owns both and the gradients that replace an operation's own. It must not know any other operation, nor who
computes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reference.compile.shared import SharedVariable
from reference.compile.test_value import computed_later
from reference.graph.adapter import apart
from reference.graph.core import Apply, Constant, Op, Type, Variable
from reference.graph.fgraph import FunctionGraph
from reference.graph.traversal import clone_replace, graph_inputs, toposort
from reference.graph.types import DisconnectedType, TensorType
from reference.interpreter import Program

__all__ = ["FromFunctionOp", "OpFromGraph", "as_op", "io_connection_pattern"]


class OpFromGraph(Op):
    """An operation that computes `outputs` from `inputs` by a graph of its own.

    inline              rewriting puts the graph in the operation's place.
    lop_overrides       a gradient instead of the graph's: ``f(inputs, outputs, output_gradients)`` for all inputs, or a
                        list with an entry an input: 'default', None (disconnected), a variable, such a function.
    grad_overrides      the same without `outputs`; one of the two may be given.
    rop_overrides       accepted: `Rop` differentiates `Lop`.
    connection_pattern  ``[input][output]``, or a function of the node; by default what the graph says.
    options             of `function` (mode, on_unused_input, ...): accepted, as the graph is compiled with what is
                        around it.

    Shared variables of the graph become inputs that nobody has to pass. Two operations are equal if they are one.
    """

    def __init__(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        inline: bool = False,
        lop_overrides: Any = "default",
        grad_overrides: Any = "default",
        rop_overrides: Any = "default",
        connection_pattern: Any = None,
        name: str | None = None,
        **options: Any,
    ):
        if unknown := sorted(set(options) - {"mode", "on_unused_input", "profile", "accept_inplace", "rebuild_strict"}):
            raise TypeError(f"OpFromGraph: it does not take {', '.join(unknown)}")
        for role, given in (("inputs", inputs), ("outputs", outputs)):
            if not isinstance(given, list | tuple) or not all(isinstance(v, Variable) for v in given):
                raise TypeError(f"OpFromGraph: the {role} are a list of variables, got {given!r}")
        if valued := [v for v in inputs if isinstance(v, Constant | SharedVariable)]:
            raise TypeError(f"OpFromGraph: {valued} have values of their own; leave them out of the inputs")
        if not _is_default(lop_overrides) and not _is_default(grad_overrides):
            raise ValueError("OpFromGraph: pass lop_overrides or grad_overrides, not both")
        self.inline, self.name = inline, name
        self.lop_overrides, self.grad_overrides, self.pattern = lop_overrides, grad_overrides, connection_pattern
        self.n_given = len(inputs)
        self.shared = tuple(v for v in graph_inputs(outputs) if isinstance(v, SharedVariable))
        outer = [*inputs, *self.shared]
        self.inner_inputs = tuple(v.type(v.name) for v in outer)
        self.inner_outputs = tuple(clone_replace(outputs, dict(zip(outer, self.inner_inputs)), copy_all=True))
        FunctionGraph(self.inner_inputs, self.inner_outputs)

    def make_node(self, *inputs: Any) -> Apply:
        if len(inputs) not in (self.n_given, len(self.inner_inputs)):
            raise TypeError(f"{self} takes {self.n_given} inputs, got {len(inputs)}")
        given = [*inputs, *self.shared][: len(self.inner_inputs)]
        variables = [inner.type.filter_variable(v) for inner, v in zip(self.inner_inputs, given)]
        return Apply(self, variables, [out.type(out.name) for out in self.inner_outputs])

    @cached_property
    def program(self) -> Program:
        """The graph, ready to run."""
        return Program(FunctionGraph(self.inner_inputs, self.inner_outputs))

    def perform(self, node: Apply, *inputs: Any) -> tuple[Any, ...]:
        return apart(self.program.run_quietly(inputs), inputs)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[Any]:
        from reference.tensor.shape import shape_tuple

        tensors = [v for v in self.inner_outputs if isinstance(v.type, TensorType)]
        lengths = [n for v in tensors for n in shape_tuple(v)]
        outer = iter(self.expanded(node, lengths))
        found = {v: tuple(next(outer) for _ in range(v.type.ndim)) for v in tensors}
        return [found.get(v) for v in self.inner_outputs]

    def expanded(self, node: Apply, variables: Sequence[Variable] | None = None) -> list[Variable]:
        """Variables of the inner graph, its outputs unless told otherwise, as functions of the node's inputs."""
        wanted = list(self.inner_outputs if variables is None else variables)
        return clone_replace(wanted, dict(zip(self.inner_inputs, node.inputs)))

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> Sequence[Any]:
        overrides, with_outputs = self.lop_overrides, True
        if not _is_default(self.grad_overrides):
            overrides, with_outputs = self.grad_overrides, False
        if _is_default(overrides):
            return computed_later(lambda: self._own_gradients(inputs, output_gradients))
        from reference.tensor.creation import zeros_like

        # Who writes a gradient by hand is not to be bothered with outputs that nobody reads.
        seeds = [
            zeros_like(v) if isinstance(g.type, DisconnectedType) else g for v, g in zip(outputs, output_gradients)
        ]
        given = list(inputs[: self.n_given])
        arguments = (given, list(outputs), seeds) if with_outputs else (given, seeds)
        if not isinstance(overrides, list | tuple):
            answers = _called(overrides, arguments)
            answers = list(answers) if isinstance(answers, list | tuple) else [answers]
        else:
            answers = [_called(entry, arguments) if callable(entry) else entry for entry in overrides]
        if len(answers) not in (self.n_given, len(self.inner_inputs)):
            raise ValueError(f"{self}: the overrides give {len(answers)} gradients for {self.n_given} inputs")
        answers += ["default"] * (len(self.inner_inputs) - len(answers))
        if any(_is_default(a) for a in answers):
            own = self._own_gradients(inputs, output_gradients)
            answers = [own[k] if _is_default(a) else a for k, a in enumerate(answers)]
        return answers

    def _own_gradients(self, inputs: Sequence[Variable], output_gradients: Sequence[Variable]) -> list[Any]:
        """The gradients of the inner graph, by an operation like this one."""
        from reference.gradient import Seeds, grad

        seeds = Seeds(
            (out, g.type())
            for out, g in zip(self.inner_outputs, output_gradients)
            if not isinstance(g.type, DisconnectedType)
        )
        given = [g for g in output_gradients if not isinstance(g.type, DisconnectedType)]
        inner = grad(
            None, list(self.inner_inputs), known_grads=seeds, disconnected_inputs="ignore",
            return_disconnected="None", null_gradients="return",
        )  # fmt: skip
        defined = [g for g in inner if g is not None and isinstance(g.type, TensorType)]
        if not defined:
            return inner
        name = None if self.name is None else f"{self.name}_grad"
        op = OpFromGraph([*self.inner_inputs, *seeds.values()], defined, inline=self.inline, name=name)
        results = dict(zip(defined, op(*inputs, *given, return_list=True)))
        return [results.get(g, g) for g in inner]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        if callable(self.pattern):
            return self.pattern(node)
        if self.pattern is not None:
            return [list(row) for row in self.pattern] + [[True] * len(node.outputs)] * len(self.shared)
        return self._connections

    @cached_property
    def _connections(self) -> list[list[bool]]:
        return io_connection_pattern(self.inner_inputs, self.inner_outputs)

    def __str__(self) -> str:
        return f"{self.name or type(self).__name__}{{inline={self.inline}}}"

    __repr__ = __str__

    def __getstate__(self) -> dict[str, Any]:
        # The graph's nodes first and in order, so that pickling a deep graph does not recurse.
        return {"nodes": toposort(self.inner_outputs), **{k: v for k, v in vars(self).items() if k != "program"}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({name: value for name, value in state.items() if name != "nodes"})


def io_connection_pattern(inputs: Sequence[Variable], outputs: Sequence[Variable]) -> list[list[bool]]:
    """``[i][o]``: may output `o` have a gradient with respect to input `i`?"""
    order = toposort(outputs, stop_at=inputs)
    pattern = []
    for v in inputs:
        reached = {v}
        for node in order:
            table = node.op.connection_pattern(node)
            for o, out in enumerate(node.outputs):
                if any(source in reached and table[k][o] for k, source in enumerate(node.inputs)):
                    reached.add(out)
        pattern.append([out in reached for out in outputs])
    return pattern


def _is_default(override: Any) -> bool:
    return isinstance(override, str) and override == "default"


def _called(override: Any, arguments: Sequence[list[Variable]]) -> Any:
    """The gradients that a function, or an operation on all arguments in a row, gives."""
    if isinstance(override, Op):
        return override(*[v for part in arguments for v in part])
    return override(*arguments)


@dataclass(frozen=True)
class FromFunctionOp(Op):
    """A Python function of arrays as an operation; without a gradient."""

    function: Callable[..., Any]
    itypes: tuple[Type, ...]
    otypes: tuple[Type, ...]
    shape: Callable[..., Any] | None = None

    def perform(self, node: Apply, *inputs: Any) -> tuple[Any, ...]:
        results = self.function(*inputs)
        results = results if isinstance(results, list | tuple) else (results,)
        if len(results) != len(self.otypes):
            raise ValueError(f"{self} returned {len(results)} values for {len(self.otypes)} outputs")
        return apart([t.filter(r) for t, r in zip(self.otypes, results)], inputs)

    def infer_shape(self, node: Apply, shapes: Sequence[Any]) -> list[Any]:
        if self.shape is None:
            raise NotImplementedError
        return self.shape(node, shapes)

    def __str__(self) -> str:
        return f"FromFunctionOp{{{self.function.__name__}}}"


def as_op(itypes: Any, otypes: Any, infer_shape: Callable[..., Any] | None = None) -> Callable[..., FromFunctionOp]:
    """Decorate a function of arrays to make an operation of it.

    `itypes`, `otypes` are its inputs' and outputs' types, one or a list; it returns one array or a tuple.
    ``infer_shape(node, shapes)`` may tell the outputs' shapes.
    """
    types = [tuple(t) if isinstance(t, list | tuple) else (t,) for t in (itypes, otypes)]
    for t in (*types[0], *types[1]):
        if not isinstance(t, Type):
            raise TypeError(f"as_op: itypes and otypes are types such as T.dmatrix, got {t!r}")
    return lambda function: FromFunctionOp(function, types[0], types[1], infer_shape)
