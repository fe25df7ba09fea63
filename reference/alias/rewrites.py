"""Rewrites as programs of Theano write and register them: `local_optimizer`, `PatternSub`, `optdb` and their kin.

Owns how these become rewrites of the engine. Their promise is taken to be REAL: so FAST_RUN applies them, and DebugMode
checks every application. A stage stands for each of Theano's databases; optimizers of whole graphs can be
called, but not registered. It must not know how the engine works.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from reference.compile.modes import OPTIMIZERS, Mode
from reference.graph.core import Apply, Op, Variable
from reference.graph.fgraph import FunctionGraph
from reference.rewriting.engine import Promise, Rewrite, Session, add
from reference.rewriting.pipeline import ON_REQUEST, Choice
from reference.tensor.basic import NotScalarConstantError, as_tensor_variable, get_scalar_constant_value

__all__ = [
    "DB", "EquilibriumOptimizer", "LocalOptGroup", "LocalOptimizer", "OpRemove", "OpSub", "Optimizer",
    "PatternSub", "Query", "SeqOptimizer", "TopoOptimizer", "copy_stack_trace", "in2out", "local_optimizer",
    "optdb", "optimizer", "out2in", "register_canonicalize", "register_specialize",
    "register_specialize_device", "register_stabilize", "register_uncanonicalize", "register_useless",
]  # fmt: skip


class LocalOptimizer:
    """What replaces one node: `transform` gives False, replacements for its outputs, or a dict of variables."""

    name = ""
    where = "", 0

    def __init__(self) -> None:
        self.where = _caller()

    @property
    def __name__(self) -> str:
        return self.name or type(self).__qualname__

    def tracks(self) -> Sequence[Any] | None:
        """The operations, or classes of them, that it looks at; None: all."""
        return None

    def transform(self, node: Apply) -> Any:
        """False, a list with a replacement for each output of the node, or a dict."""
        raise NotImplementedError(f"{type(self).__name__} must define transform(node)")

    def add_requirements(self, fgraph: FunctionGraph) -> None:
        """Accepted: nothing is required of a graph."""

    def rewrite(self, name: str, stage: str, tags: Iterable[str] = ()) -> Rewrite:
        """As a rewrite of the engine."""

        def rule(fgraph: FunctionGraph, node: Apply) -> Any:
            return self.in_graph(fgraph, node) or None

        rule.__doc__ = type(self).__doc__ if type(self) is not _Function else self.transform.__doc__
        tracks = self.tracks()
        wanted = () if tracks is None else tuple(_wanted(t) for t in tracks)
        return Rewrite(name, Promise.REAL, rule, wanted, stage, frozenset(tags), False, *self.where)

    def in_graph(self, fgraph: FunctionGraph, node: Apply) -> Any:
        """What becomes of a node of a graph."""
        tracks = self.tracks()
        wanted = tracks is None or any(isinstance(node.op, t) if isinstance(t, type) else t == node.op for t in tracks)
        return self.transform(node) if wanted else False

    def optimize(self, fgraph: FunctionGraph) -> Any:
        """Replace what can be replaced in a graph until nothing can; the log."""
        return Session((("specialize", (self.rewrite(self.__name__, "specialize"),)),)).run(fgraph)

    apply = __call__ = optimize


def _wanted(tracked: Any) -> Any:
    """As the engine asks for it: a class, or the name of an elementwise operation."""
    if isinstance(tracked, type):
        return tracked
    row = getattr(tracked, "scalar_op", None)
    return type(tracked) if row is None else row.name


def _caller() -> tuple[str, int]:
    """The file and line outside of this module that is running."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


class _Function(LocalOptimizer):
    """A function of a node, decorated by `local_optimizer`."""

    def __init__(self, function: Callable[[Apply], Any], tracks: Sequence[Any] | None):
        self.name, self._tracks = function.__name__, tracks
        self.transform = function  # type: ignore[method-assign, assignment]
        self.where = function.__code__.co_filename, function.__code__.co_firstlineno

    def tracks(self) -> Sequence[Any] | None:
        return self._tracks

    def __call__(self, node: Any) -> Any:
        return self.transform(node) if isinstance(node, Apply) else self.optimize(node)


def local_optimizer(
    tracks: Sequence[Any] | None, inplace: bool = False, requirements: Any = ()
) -> Callable[[Callable[[Apply], Any]], LocalOptimizer]:
    """Decorate ``function(node)``; `tracks` lists the operations, or classes of them, that it looks at."""
    if tracks is not None and not isinstance(tracks, list | tuple):
        raise TypeError(f"local_optimizer takes a list of operations, or None for all, not {tracks!r}")
    return lambda function: _Function(function, tracks)


class OpSub(LocalOptimizer):
    """f(x) -> g(x), for two operations."""

    def __init__(self, op1: Op, op2: Op, transfer_tags: bool = True):
        super().__init__()
        self.op1, self.op2, self.name = op1, op2, f"{op1} to {op2}"

    def tracks(self) -> Sequence[Any]:
        return [self.op1]

    def transform(self, node: Apply) -> Any:
        return list(self.op2.make_node(*node.inputs).outputs)


class OpRemove(LocalOptimizer):
    """f(x) -> x."""

    def __init__(self, op: Op):
        super().__init__()
        self.op, self.name = op, f"without {op}"

    def tracks(self) -> Sequence[Any]:
        return [self.op]

    def transform(self, node: Apply) -> Any:
        return list(node.inputs) if len(node.inputs) == len(node.outputs) else False


class PatternSub(LocalOptimizer):
    """A pattern -> another: (op, argument, ...), where an argument is a pattern, a number, a constant, a name that
    stands for one variable, or {'pattern': ..., 'constraint': a function of a variable}."""

    def __init__(
        self, in_pattern: Any, out_pattern: Any, allow_multiple_clients: bool = False,
        skip_identities_fn: Any = None, name: str | None = None, tracks: Any = (), get_nodes: Any = None,
    ):  # fmt: skip
        super().__init__()
        pattern = in_pattern["pattern"] if isinstance(in_pattern, dict) else in_pattern
        if not isinstance(pattern, list | tuple):
            raise TypeError(f"a pattern begins with an operation: (op, argument, ...), not {in_pattern!r}")
        self.before, self.after, self.op = in_pattern, out_pattern, pattern[0]
        self.shared_parts = allow_multiple_clients
        self.name = name or f"{_shown(in_pattern)} to {_shown(out_pattern)}"

    def tracks(self) -> Sequence[Any]:
        return [self.op]

    def in_graph(self, fgraph: FunctionGraph, node: Apply) -> Any:
        if node.op != self.op or len(node.outputs) != 1:
            return False
        found: dict[str, Variable] = {}
        if not self._match(self.before, node.outputs[0], found, fgraph, outermost=True):
            return False
        return [_made(self.after, found)]

    def _match(
        self, pattern: Any, variable: Variable, found: dict[str, Variable], fgraph: FunctionGraph, outermost: bool
    ) -> bool:
        if isinstance(pattern, dict):
            accepted = self._match(pattern["pattern"], variable, found, fgraph, outermost)
            return accepted and bool(pattern["constraint"](variable))
        if isinstance(pattern, list | tuple):
            node = variable.owner
            if node is None or node.op != pattern[0] or len(node.inputs) != len(pattern) - 1:
                return False
            if not outermost and not self.shared_parts and len(fgraph.clients.get(variable, ())) > 1:
                return False
            return all(self._match(p, v, found, fgraph, False) for p, v in zip(pattern[1:], node.inputs))
        if isinstance(pattern, str):
            return found.setdefault(pattern, variable) is variable
        return _same_number(pattern, variable)


def _same_number(pattern: Any, variable: Variable) -> bool:
    try:
        return bool(get_scalar_constant_value(variable) == get_scalar_constant_value(as_tensor_variable(pattern)))
    except NotScalarConstantError:
        return False


def _made(pattern: Any, found: dict[str, Variable]) -> Variable:
    if isinstance(pattern, dict):
        return _made(pattern["pattern"], found)
    if isinstance(pattern, list | tuple):
        return pattern[0](*[_made(p, found) for p in pattern[1:]])
    return found[pattern] if isinstance(pattern, str) else as_tensor_variable(pattern)


def _shown(pattern: Any) -> str:
    if isinstance(pattern, dict):
        return _shown(pattern["pattern"])
    if isinstance(pattern, list | tuple):
        return f"{pattern[0]}({', '.join(map(_shown, pattern[1:]))})"
    return str(np.asarray(pattern)) if not isinstance(pattern, str | Variable) else str(pattern)


class Optimizer:
    """What changes a whole graph: `apply` does. Call `optimize` on a graph of your own; it cannot be registered."""

    def apply(self, fgraph: FunctionGraph) -> Any:
        """Change the graph."""
        raise NotImplementedError(f"{type(self).__name__} must define apply(fgraph)")

    def add_requirements(self, fgraph: FunctionGraph) -> None:
        """Called before `apply`."""

    def optimize(self, fgraph: FunctionGraph, *args: Any, **kwargs: Any) -> Any:
        """Change the graph."""
        self.add_requirements(fgraph)
        return self.apply(fgraph, *args, **kwargs)

    __call__ = optimize


def optimizer(function: Callable[[FunctionGraph], Any]) -> Optimizer:
    """Decorate ``function(fgraph)``, which changes a whole graph."""
    made = Optimizer()
    made.apply = function  # type: ignore[method-assign, assignment]
    return made


class LocalOptGroup(Optimizer):
    """Several local optimizers, applied until nothing changes."""

    def __init__(self, *optimizers: LocalOptimizer, **options: Any):
        self.parts = [part for o in optimizers for part in _local(o)]

    def apply(self, fgraph: FunctionGraph) -> Any:
        records = tuple(p.rewrite(p.__name__, "specialize") for p in self.parts)
        return Session((("specialize", records),)).run(fgraph)


class EquilibriumOptimizer(LocalOptGroup):
    """A list of local optimizers, applied until nothing changes."""

    def __init__(self, optimizers: Sequence[Any], max_use_ratio: Any = None, **options: Any):
        super().__init__(*optimizers)


class TopoOptimizer(LocalOptGroup):
    """A local optimizer, applied to every node."""

    def __init__(self, local_opt: Any, order: str = "in_to_out", ignore_newtrees: bool = False, **options: Any):
        super().__init__(local_opt)


class SeqOptimizer(Optimizer):
    """Optimizers, one after the other."""

    def __init__(self, *optimizers: Any, **options: Any):
        first = optimizers[0] if optimizers else ()
        self.optimizers = list(first) if isinstance(first, list | tuple) else list(optimizers)

    def apply(self, fgraph: FunctionGraph) -> None:
        for each in self.optimizers:
            each.optimize(fgraph)


def in2out(*local_opts: Any, **options: Any) -> LocalOptGroup:
    """Local optimizers for every node."""
    return LocalOptGroup(*local_opts)


out2in = in2out


def _local(made: Any) -> list[LocalOptimizer]:
    """The local optimizers that something is made of."""
    if isinstance(made, LocalOptGroup):
        return made.parts
    if isinstance(made, SeqOptimizer):
        return [part for each in made.optimizers for part in _local(each)]
    if isinstance(made, LocalOptimizer):
        return [made]
    raise TypeError(
        f"{made!r} cannot be registered: rewrites look at one node (local_optimizer, PatternSub, OpSub, OpRemove, or "
        "TopoOptimizer and EquilibriumOptimizer of these); docs/rewrites.md has those that exist"
    )


class Query:
    """Which optimizers a `Mode` applies, by their tags: those of `include` that have all of `require`, without those of
    `exclude`. The tags 'fast_run', 'fast_compile' and 'merge' stand for the modes' own choices."""

    def __init__(
        self, include: Sequence[str], require: Sequence[str] | None = None, exclude: Sequence[str] | None = None,
        subquery: Any = None, position_cutoff: float = float("inf"), extra_optimizations: Any = None,
    ):  # fmt: skip
        self.include, self.require, self.exclude = tuple(include), tuple(require or ()), tuple(exclude or ())

    def including(self, *tags: str) -> Query:
        """This query with more tags to include."""
        return Query((*self.include, *tags), self.require, self.exclude)

    def excluding(self, *tags: str) -> Query:
        """This query with more tags to leave out."""
        return Query(self.include, self.require, (*self.exclude, *tags))

    def requiring(self, *tags: str) -> Query:
        """This query with more tags to require."""
        return Query(self.include, (*self.require, *tags), self.exclude)

    def optimize(self, fgraph: FunctionGraph, *ignored: Any) -> None:
        """Apply them to a graph."""
        Mode(optimizer=self).rewrite(fgraph)

    __call__ = apply = optimize

    def as_choice(self) -> Choice:
        """The rewrites it means."""
        whole = next((name for name in ("unsafe", "fast_run", "fast_compile", "merge") if name in self.include), "none")
        named = tuple(name for name in self.include if name not in OPTIMIZERS)
        choice = OPTIMIZERS[whole]
        return replace(choice, included=(*choice.included, *named), excluded=self.exclude, required=self.require)

    def __repr__(self) -> str:
        return f"Query{{inc={self.include},ex={self.exclude},require={self.require}}}"


class DB:
    """A database of optimizers: `register` puts one into a stage of the engine."""

    def __init__(self, stage: str):
        self.stage = stage

    def register(self, name: str, made: Any, *tags: Any, **options: Any) -> None:
        """Under that name, with tags; without 'fast_run' or 'fast_compile' it waits for ``Mode.including``. Of the
        names and tags that stand for a position, numbers are taken."""
        position = next((t for t in tags if isinstance(t, int | float)), options.get("position"))
        words = [t for t in tags if isinstance(t, str)]
        usual = {"fast_run", "fast_compile"} & set(words)
        parts = _local(made)
        for number, part in enumerate(parts):
            own = name if len(parts) == 1 else f"{name}:{part.__name__}:{number}"
            add(part.rewrite(own, self._stage(position), [name, *words, *([] if usual else [ON_REQUEST])]))

    def query(self, *tags: Any, **options: Any) -> Query:
        """What `Mode` takes to apply the optimizers of these tags: '+fast_run', '-inplace', '&needed', or a `Query`."""
        if tags and isinstance(tags[0], Query):
            return tags[0]
        told = {sign: [t[1:] for t in tags if t[0] == sign] for sign in "+&-"}
        return Query(told["+"], told["&"], told["-"])

    def _stage(self, position: Any) -> str:
        return self.stage

    def __repr__(self) -> str:
        return f"DB({self.stage})"


_DATABASES = {
    "canonicalize": "canonicalize", "useless": "canonicalize", "stabilize": "stabilize", "specialize": "specialize",
    "uncanonicalize": "specialize", "specialize_device": "specialize",
}  # fmt: skip


class _Databases(DB):
    """`optdb`: the databases by name; an optimizer registered here goes where its position says."""

    def _stage(self, position: Any) -> str:
        if position is None or position >= 2:
            return "specialize"
        return "canonicalize" if position < 1.5 else "stabilize"

    def __getitem__(self, name: str) -> DB:
        if name not in _DATABASES:
            raise KeyError(f"there is no database {name!r}; there are {', '.join(_DATABASES)}")
        return DB(_DATABASES[name])


optdb = _Databases("specialize")
OPT_NONE, OPT_MERGE = Query([]), Query(["merge"])
OPT_FAST_RUN, OPT_FAST_COMPILE = Query(["fast_run"]), Query(["fast_compile"])
OPT_UNSAFE, OPT_STABILIZE = Query(["unsafe"]), Query(["fast_run"], exclude=["specialize"])


def _registrar(database: str) -> Callable[..., Any]:
    def register(made: Any, *tags: str, **options: Any) -> Any:
        if isinstance(made, str):
            return lambda inner: register(inner, made, *tags, **options)
        optdb[database].register(options.pop("name", None) or made.__name__, made, "fast_run", *tags)
        return made

    register.__name__ = f"register_{database}"
    register.__doc__ = f"Register a local optimizer with the stage {_DATABASES[database]!r}; a decorator, too."
    return register


register_canonicalize, register_useless = _registrar("canonicalize"), _registrar("useless")
register_stabilize, register_specialize = _registrar("stabilize"), _registrar("specialize")
register_uncanonicalize, register_specialize_device = _registrar("uncanonicalize"), _registrar("specialize_device")


def copy_stack_trace(from_var: Any, to_var: Any) -> Any:
    """`to_var` itself: a replacement is known by the line of what it replaces."""
    return to_var
