"""`function`: from an expression to something that can be called.

Owns the collection of shared variables and their updates, the copies that keep outputs from aliasing state,
the conversion of arguments, and the commit of updates after all else succeeded. It must not know any rewrite
(the mode does) nor how anything is computed (a backend does).
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import numpy as np

from reference.compile.backends import CompileOptions, as_it_comes, load_backend
from reference.compile.cells import Cell, Cells
from reference.compile.givens import Substitution, add_default_updates, free_inputs
from reference.compile.io import In, Out, Pairs, as_givens, as_inputs, as_output, as_updates, update_value, where
from reference.compile.ops import deep_copy_op
from reference.compile.profiling import ProfileStats, hooks, profile_for
from reference.compile.shared import Container, SharedVariable
from reference.config import config
from reference.graph.core import Constant, Type, UserLine, Variable, user_line
from reference.graph.errors import UnusedInputError
from reference.graph.fgraph import Client, FunctionGraph
from reference.graph.traversal import graph_inputs
from reference.graph.types import RandomStateType, TensorType
from reference.interpreter import without_effects


def function(
    inputs: Sequence[Variable | In],
    outputs: Any = None,
    mode: Any = None,
    updates: Pairs | None = None,
    givens: Pairs | None = None,
    no_default_updates: bool | Sequence[SharedVariable] = False,
    accept_inplace: bool = False,
    name: str | None = None,
    rebuild_strict: bool = True,
    allow_input_downcast: bool | None = None,
    profile: Any = None,
    on_unused_input: str | None = None,
    backend: str | None = None,
) -> Function:
    """Compile `outputs` as a function of `inputs`.

    inputs    variables or `In`; outputs a variable, a list, a dict with string keys, or None.
    updates   pairs (shared variable, new value): all computed from the old values, committed together
              after everything else succeeded.
    givens    pairs (variable, replacement), substituted simultaneously in outputs and updates, whatever
              their order. A replacement's own variables are not replaced again, except a free variable that
              nobody else supplies.
    mode      a name or `Mode`; backend "reference", or NAME for the package NAME_backend. Both default to
              the flags.

    Raises TypeError, ValueError, MissingInputError or UnusedInputError, naming variables and lines.
    """
    from reference.compile.modes import get_mode

    started = perf_counter()
    specs = as_inputs(inputs, allow_input_downcast)
    shape, outs = _structure(outputs)
    pending = as_updates(updates)
    specs, replace = free_inputs(specs, as_givens(givens, specs, rebuild_strict))
    states = _states(specs)
    _warn_of_dropped_updates([o.variable for o in outs] + list(pending.values()), pending)

    expressions = [o.variable for o in outs] + [s.update for s in states] + list(pending.values())
    substitute = Substitution(replace, [s.variable for s in specs])
    expressions = substitute(expressions)
    results = expressions[: len(outs)]
    new_states = expressions[len(outs) : len(outs) + len(states)]
    new_shared = {s: update_value(s, v) for s, v in zip(pending, expressions[len(outs) + len(states) :])}
    add_default_updates([*results, *new_states], new_shared, no_default_updates, substitute)

    everything = [*results, *new_states, *new_shared.values()]
    leaves = graph_inputs(everything)
    told = partial(_given_to_loops, [*[o.variable for o in outs], *pending.values()], substitute)
    _check_used(specs, leaves, told, on_unused_input or config.on_unused_input)
    shared = [v for v in dict.fromkeys([*leaves, *new_shared]) if isinstance(v, SharedVariable)]

    fgraph = FunctionGraph([*[s.variable for s in specs], *shared], everything)
    chosen = get_mode(mode)
    stats = profile_for(profile, name or str(user_line()))
    before = perf_counter()
    log = chosen.rewrite(fgraph)
    rewritten = perf_counter()
    _copy_aliased_outputs(fgraph, [o.borrow for o in outs])
    compiled = Function(
        fgraph=fgraph,
        specs=specs,
        shape=shape,
        shared=[s.container for s in shared],
        shared_variables=shared,
        states=states,
        updated=list(new_shared),
        mode=chosen,
        backend=backend or config.backend,
        rewrites=log,
        name=name,
        line=user_line(),
        profile=stats,
        borrowed=[k for k, out in enumerate(outs) if out.borrow],
    )
    if stats is not None:
        stats.optimizer_time += rewritten - before
        stats.compile_time += perf_counter() - started
    return compiled


def _structure(outputs: Any) -> tuple[Any, list[Out]]:
    """How results are handed back (None, "one", "list" or the sorted keys), and the outputs in a list."""
    if outputs is None:
        return None, []
    if isinstance(outputs, dict):
        if not all(isinstance(key, str) for key in outputs):
            raise TypeError(f"a dict of outputs needs string keys, got {list(outputs)}")
        keys = sorted(outputs)
        return keys, [as_output(outputs[key]) for key in keys]
    if isinstance(outputs, list | tuple):
        return "list", [as_output(v) for v in outputs]
    return "one", [as_output(outputs)]


def _states(specs: list[In]) -> list[In]:
    """The inputs that the function updates itself."""
    states = [spec for spec in specs if spec.update is not None]
    for spec in states:
        if spec.value is None:
            raise ValueError(f"the input {spec.variable} has an update but no initial value; pass In(value=...)")
    return states


def _warn_of_dropped_updates(expressions: list[Variable], updates: Mapping[SharedVariable, Variable]) -> None:
    from reference.scan import dropped_updates

    dropped = [v for v in dropped_updates(expressions, updates) if isinstance(v.type, RandomStateType)]
    if dropped:
        warnings.warn(
            f"a scan draws from {', '.join(map(str, dropped))}, but its updates are not passed on: the next call will "
            "draw numbers that overlap with this one's. Pass the second result of scan: function(..., updates=updates)",
            stacklevel=3,
        )


def _given_to_loops(expressions: list[Variable], substitute: Substitution) -> list[Variable]:
    from reference.scan import given_to_loops

    return graph_inputs(substitute(given_to_loops(expressions)))


def _check_used(
    specs: list[In], leaves: list[Variable], told: Callable[[], list[Variable]], policy: str
) -> None:
    """Complain of inputs that no result depends on. What a loop is told of counts, should its step not read it."""
    reached = set(leaves)
    if any(spec.variable not in reached for spec in specs):
        reached.update(told())
    for k, spec in enumerate(specs):
        if spec.variable in reached or spec.update is not None:
            continue
        text = (
            f"function was asked to compute outputs given certain inputs, but the input at position {k} is not part of "
            f"the graph of the outputs or updates: {spec.variable} of type {spec.variable.type}{where(spec.variable)}. "
            "Leave it out, or pass on_unused_input='warn' or 'ignore'"
        )
        if policy == "raise":
            raise UnusedInputError(text)
        if policy == "warn":
            warnings.warn(text, stacklevel=4)
        elif policy != "ignore":
            raise ValueError(f"on_unused_input must be 'raise', 'warn' or 'ignore', not {policy!r}")


def _copy_aliased_outputs(fgraph: FunctionGraph, borrow: list[bool]) -> None:
    """Put a copy behind every output that may share memory with an input, a constant or another output."""
    taken: set[Variable] = set()
    inputs = set(fgraph.inputs)
    for k, output in enumerate(list(fgraph.outputs)):
        if k < len(borrow) and borrow[k]:
            continue
        root = _storage(output)
        if root in inputs or root in taken or isinstance(root, Constant):
            copy = deep_copy_op(output, name=output.name)
            fgraph.import_variable(copy)
            fgraph.change_client(Client(None, k), copy)
        else:
            taken.add(root)


def _storage(variable: Variable) -> Variable:
    """The variable whose memory this one may be a view of."""
    while variable.owner is not None:
        source = variable.owner.op.view_of.get(variable.index)  # type: ignore[arg-type]
        if source is None:
            return variable
        variable = variable.owner.inputs[source]
    return variable


def _as_it_is(type: Type) -> tuple[int, Any]:
    """(rank, dtype) of the arrays that an input of this type takes without a question; no array's if there are none."""
    plain = isinstance(type, TensorType) and not any(type.broadcastable)
    return (type.ndim, type.numpy_dtype) if plain else (-1, None)  # type: ignore[attr-defined]


class Function:
    """A compiled function. Call it with values for its inputs, by position or by name.

    fgraph    the graph that is computed, after rewriting: the user's outputs, then the updates.
    rewrites  the log of the rewrites applied to it.
    mode, backend, name
    """

    trust_input = False
    """Theano's way to leave out the checks of inputs; accepted, and they are made."""

    def __init__(
        self,
        fgraph: FunctionGraph,
        specs: list[In],
        shape: Any,
        shared: list[Container],
        shared_variables: list[SharedVariable],
        states: list[In],
        updated: list[SharedVariable],
        mode: Any,
        backend: str,
        rewrites: Any,
        name: str | None,
        line: UserLine | None,
        profile: ProfileStats | None = None,
        borrowed: Collection[int] = (),
    ):
        self.fgraph, self.specs, self.shape, self.mode, self.backend = fgraph, specs, shape, mode, backend
        self.shared, self.shared_variables, self.updated, self.states = shared, shared_variables, updated, states
        self.rewrites, self.name, self.line, self.profile = rewrites, name, line, profile
        self._defaults = {s: s.variable.type.filter(s.value) for s in specs if s.value is not None}
        self._open = [s for s in specs if not s.implicit]
        self._every = len(specs) if len(self._open) == len(specs) else -1
        self._as_they_are = [_as_it_is(s.variable.type) for s in specs]
        position = len(fgraph.outputs) - len(updated)
        self._n_results = position - len(states)
        containers = dict(zip(shared_variables, shared))
        self._commits = [containers[v] for v in updated]
        self.options = CompileOptions(
            shared={len(specs) + k: c for k, c in enumerate(shared)},
            updates={position + k: c for k, c in enumerate(self._commits)},
            borrowed=borrowed,
            mode=mode.name,
            exact=mode.exact,
            hook=hooks(mode.hooks(rewrites), profile if backend == "reference" else None),
            name=name,
        )
        self._watched: Callable[..., Any] | None = None
        if self.options.hook is not None and backend != "reference":
            self._watched = load_backend("reference")(fgraph, self.options)
            self.options = dataclasses.replace(self.options, hook=None)
        self.executable = load_backend(backend)(fgraph, self.options)
        self.borrowed = borrowed
        self._admit = getattr(self.executable, "admit", as_it_comes)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs, then commit the updates. If anything raises, no shared variable changes."""
        output_subset = None
        if kwargs or len(args) != self._every:
            output_subset = kwargs.pop("output_subset", None)
            args = self._bound(args, kwargs)
        values = [
            value
            if type(value) is np.ndarray and value.ndim == ndim and value.dtype is dtype
            else self._filtered(k, value)
            for k, (value, (ndim, dtype)) in enumerate(zip(args, self._as_they_are))
        ]
        if self._watched is not None:
            with without_effects():
                self._watched(*[value.to_host() if hasattr(value, "to_host") else value for value in values])
        started = perf_counter()
        results = self.executable(*values)
        if self.profile is not None:
            self.profile.called(perf_counter() - started)
        if len(results) > self._n_results:
            self._commit(results[self._n_results :])
            results = results[: self._n_results]
        if self.shape == "one" and output_subset is None:
            return results[0]
        return self._handed_back(results, output_subset)

    def _commit(self, new_values: list[Any]) -> None:
        for spec, value in zip(self.states, new_values):
            self._defaults[spec] = value
        for container, value in zip(self._commits, new_values[len(self.states) :]):
            container.write(value)

    def _bound(self, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """One value an input."""
        bound: dict[In, Any] = {}
        open_specs = self._open
        if len(args) > len(open_specs):
            raise TypeError(f"{self} takes {len(open_specs)} arguments ({self._names()}), got {len(args)}")
        bound.update(zip(open_specs, args))
        for key, value in kwargs.items():
            spec = next((s for s in self.specs if s.name == key), None)  # type: ignore[assignment]
            if spec is None:
                raise TypeError(f"{self} has no input called {key!r}; its inputs are {self._names()}")
            if spec in bound:
                raise TypeError(f"{self} got two values for the input {key!r}")
            bound[spec] = value
        for spec, value in self._defaults.items():
            bound.setdefault(spec, value)
        missing = [s for s in self.specs if s not in bound]
        if missing:
            names = ", ".join(f"{s.variable} of type {s.variable.type}" for s in missing)
            raise TypeError(f"{self} is missing a value for {names}")
        return tuple(bound[s] for s in self.specs)

    def _filtered(self, position: int, value: Any) -> Any:
        spec = self.specs[position]
        try:
            value = self._admit(position, value)
            if hasattr(value, "to_host"):
                return value
            return spec.variable.type.filter(value, strict=spec.strict, allow_downcast=spec.allow_downcast)
        except TypeError as error:
            raise TypeError(
                f"bad input at position {position} ({spec.variable}) of {self}: {error}{where(spec.variable)}"
            ) from None

    def _handed_back(self, results: list[Any], subset: Sequence[Any] | None) -> Any:
        if subset is not None:
            results = [results[self.shape.index(k) if isinstance(k, str) else k] for k in subset]
            return dict(zip(subset, results)) if isinstance(self.shape, list) else results
        if self.shape is None:
            return []
        return results if self.shape == "list" else dict(zip(self.shape, results))

    def _names(self) -> str:
        return ", ".join(str(s.variable) for s in self.specs) or "none"

    def input_of(self, item: Any) -> Any:
        """The `In` or the shared variable that `item` is, or is the name of."""
        if isinstance(item, int):
            return (*self.specs, *self.shared_variables)[item]
        for spec in self.specs:
            if item is spec or item is spec.variable or (isinstance(item, str) and item == spec.name):
                return spec
        for variable in self.shared_variables:
            if item is variable or (isinstance(item, str) and item == variable.name):
                return variable
        raise TypeError(f"{self} has no input or shared variable {item!r}")

    def __getitem__(self, item: Any) -> Any:
        """The current value of a shared variable, or the default of an input."""
        found = self.input_of(item)
        return found.get_value() if isinstance(found, SharedVariable) else self._defaults[found]

    def __setitem__(self, item: Any, value: Any) -> None:
        found = self.input_of(item)
        if isinstance(found, SharedVariable):
            found.set_value(value)
        else:
            self._defaults[found] = found.variable.type.filter(value)

    def __contains__(self, item: Any) -> bool:
        """Is it an input or a shared variable of this function, or the name of one?"""
        try:
            self.input_of(item)
        except TypeError:
            return False
        return True

    def remembered(self, item: Any) -> Any:
        """As ``self[item]``, None for an input without a default."""
        found = self.input_of(item)
        return found.get_value() if isinstance(found, SharedVariable) else self._defaults.get(found)

    @property
    def container(self) -> Cells:
        """What is remembered between calls: a cell for each input and each shared variable."""
        return Cells(self)

    finder = container

    @property
    def input_storage(self) -> list[Cell]:
        """The same cells, in order."""
        return list(Cells(self))

    @property
    def maker(self) -> SimpleNamespace:
        """Theano's way to the graph: ``f.maker.fgraph``, and the mode."""
        return SimpleNamespace(
            fgraph=self.fgraph, mode=self.mode, inputs=self.specs, outputs=[Out(v) for v in self.outputs]
        )

    @property
    def value(self) -> Function:
        """The same function, asked for values: ``f.value[x]`` is ``f[x]``."""
        return self

    @property
    def unpack_single(self) -> bool:
        """Whether a call returns one value, not a list of values."""
        return self.shape == "one"

    def free(self) -> None:
        """Accepted: intermediate values are not kept between calls."""

    @property
    def outputs(self) -> list[Variable]:
        """The variables of the user's outputs in the rewritten graph."""
        return self.fgraph.outputs[: self._n_results]

    def get_shared(self) -> list[SharedVariable]:
        """The shared variables that a call reads or updates."""
        return list(self.shared_variables)

    def explain(self) -> str:
        """What a call executes, as the backend tells it, and what became of every loop."""
        from reference.rewriting.explain import loops_explained

        loops = loops_explained(self.fgraph, self.rewrites)
        return self.executable.explain() + (f"\n\nLoops\n\n{loops}" if loops else "")

    def copy(
        self,
        share_memory: bool = False,
        swap: Mapping[Any, SharedVariable] | None = None,
        delete_updates: bool = False,
        name: str | None = None,
        profile: Any = None,
    ) -> Function:
        """Another function on the same graph.

        swap            {old shared variable (or its name): new one of the same type}.
        delete_updates  leave the updates out.
        """
        new = {self.input_of(old): new for old, new in (swap or {}).items()}
        for old, replacement in new.items():
            if old.type != replacement.type:
                raise TypeError(f"cannot swap {old} of type {old.type} for {replacement} of type {replacement.type}")
        shared = [new.get(v, v) for v in self.shared_variables]
        keep = len(self.fgraph.outputs) - (len(self.updated) if delete_updates else 0)
        fgraph = FunctionGraph(self.fgraph.inputs, self.fgraph.outputs[:keep])
        return Function(
            fgraph, self.specs, self.shape, [v.container for v in shared], shared, self.states,
            [] if delete_updates else [new.get(v, v) for v in self.updated],
            self.mode, self.backend, self.rewrites, name or self.name, self.line, profile_for(profile, str(self)),
            self.borrowed,
        )  # fmt: skip

    def __getstate__(self) -> dict[str, Any]:
        names = (
            "fgraph", "specs", "shape", "shared", "shared_variables", "states", "updated", "mode", "backend",
            "name", "line", "borrowed",
        )  # fmt: skip
        return {n: getattr(self, n) for n in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state, rewrites=None)  # type: ignore[misc]

    def __str__(self) -> str:
        label = f"the function {self.name!r}" if self.name else "the function"
        return f"{label} compiled at {self.line}" if self.line else label

    __repr__ = __str__
