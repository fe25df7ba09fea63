"""`scan` as users write it: a step is written down once, and the loop is made of it.

Owns the capture of variables that the step mentions, the fit of what a step gives to what it is given, and where a
complaint says that the step stands. It must not know how a loop runs: it fills a `Loop`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from reference.compile.modes import get_mode
from reference.compile.shared import SharedVariable
from reference.graph.core import Constant, Variable, serials
from reference.graph.errors import MissingInputError
from reference.graph.traversal import graph_inputs, toposort
from reference.graph.types import TensorType
from reference.scan.arguments import Info, as_list, number_of_steps, output_info, read_sequence, read_state, sequence_of
from reference.scan.parts import Carry, Loop, Mapped, Read, State
from reference.scan.returned import OrderedUpdates, Updates, parse
from reference.tensor.basic import as_tensor_variable
from reference.tensor.shape import patternbroadcast


def scan(
    fn: Callable[..., Any],
    sequences: Any = None,
    outputs_info: Any = None,
    non_sequences: Any = None,
    n_steps: Any = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
    profile: Any = False,
    allow_gc: bool | None = None,
    strict: bool = False,
    return_list: bool = False,
) -> tuple[Any, OrderedUpdates]:
    """Call `fn` once to write down a step; the loop repeats the step.

    fn             gets a row of each sequence (one for each tap), then each state's earlier values (one for
                   each tap), then the non-sequences. It returns outputs, updates of shared variables and
                   `until(condition)`, any of them, in a tuple.
    sequences      variables, or ``dict(input=, taps=[...])``; tap k reads row t + k.
    outputs_info   for each output None, an initial value (tap -1), or ``dict(initial=, taps=[...])``, whose
                   initial value has a leading dimension unless the only tap is -1.
    non_sequences  what is the same in every step. Variables that the step merely mentions are added.
    n_steps        how many steps; None: as many as the shortest sequence allows.
    go_backwards   read the sequences from their ends.
    truncate_gradient  let gradients flow through so many of the last steps only.
    strict         refuse shared variables that are neither in `non_sequences` nor updated.

    Returns the outputs, stacked along a new first dimension, and the updates, which `function` must be
    given. `mode`, `profile` and `allow_gc` are accepted for old programs: the step is compiled with the
    function around it, in that function's mode, and `profile` and `allow_gc` of the function count for it.
    """
    with _telling(fn, name or "scan_fn"):
        if not isinstance(truncate_gradient, int) or truncate_gradient == 0:
            raise ValueError(
                f"truncate_gradient={truncate_gradient!r} lets no gradient flow; use -1 for all steps or a positive "
                "number of them"
            )
        get_mode(mode)
        read = [sequence_of(k, s) for k, s in enumerate(as_list(sequences))]
        read = [s.backwards() for s in read] if go_backwards else read
        loop = Loop(number_of_steps(n_steps, read), name=name or "scan_fn", truncate_gradient=truncate_gradient)
        given = [output_info(k, info) for k, info in enumerate(as_list(outputs_info))]
        constants = [as_tensor_variable(v) if not isinstance(v, Variable) else v for v in as_list(non_sequences)]

        rows = [inner for s in read for inner in read_sequence(loop, s)]
        past = [inner for info in given if info is not None for inner in read_state(loop, info)]
        start = next(serials)
        outputs, updates, loop.condition = parse(_called(fn, rows, past, constants))

        if not given:
            given = [None] * len(outputs)
        if len(given) != len(outputs):
            raise ValueError(
                "Please provide None as outputs_info for any output that does not feed back into scan (i.e. it "
                f"behaves like a map): the step has {_counted(len(outputs), 'output')}, outputs_info has "
                f"{_counted(len(given), 'entry', 'entries')}"
            )
        states = iter(list(loop.states))
        for k, (info, value) in enumerate(zip(given, outputs)):
            if info is not None:
                state = next(states)
                if not _is_one(loop.n_steps) or _feeds_back(info, value):
                    state.new = _checked_state(k, info, value)
                    continue
                loop.states.remove(state)
                loop.constants += [Read(_row(info, tap), inner) for tap, inner in zip(state.taps, state.inner)]
                given[k] = None
            loop.mapped.append(Mapped(_stackable(k, value)))
        known = [v for v in constants if v.owner is not None]
        _add_default_updates(updates, loop.inner_outputs, known)
        loop.carries = [Carry(v, v.type.make_variable(v.name), new) for v, new in updates.items()]
        if strict:
            _refuse_undeclared(graph_inputs(loop.inner_outputs, stop_at=known), constants, updates)
        loop.capture([*known, *_built_before(start, loop.inner_outputs, known, updates)])
        for state in loop.states:
            _agree(loop, state)
        loop.tidy()

        results = loop.apply()
        if results:
            results[0].tag.given_to_loop = [*[s.input for s in read], *constants]
    stacked = _in_order(given, results, len(loop.states))
    finals = OrderedUpdates(zip(updates, results[len(stacked) :]))
    if return_list:
        return stacked, finals
    return (None if not stacked else stacked[0] if len(stacked) == 1 else stacked), finals


@contextmanager
def _telling(fn: Any, name: str) -> Iterator[None]:
    """Add to a complaint which scan it is about, and where its step stands."""
    try:
        yield
    except Exception as error:
        if str(getattr(fn, "__module__", "")).startswith("reference."):
            raise  # a loop that the user did not write: a Jacobian's
        text = str(error.args[0]) if error.args else type(error).__name__
        error.args = (f"{text}\nIn scan {name!r}, whose step is {_place(fn)}", *error.args[1:])
        raise


def _place(fn: Any) -> str:
    """What a step function is called and where it stands."""
    while isinstance(fn, partial):
        fn = fn.func
    plain = inspect.unwrap(fn) if callable(fn) else fn
    code = getattr(plain, "__code__", None) or getattr(vars(type(plain)).get("__call__"), "__code__", None)
    called = getattr(plain, "__qualname__", None) or repr(plain)
    return called if code is None else f'{called}, File "{code.co_filename}", line {code.co_firstlineno}'


def _called(fn: Callable[..., Any], rows: Sequence[Any], past: Sequence[Any], constants: Sequence[Any]) -> Any:
    """What the step returns; what it was given, if it takes another number of arguments."""
    arguments = [*rows, *past, *constants]
    try:
        inspect.signature(fn).bind(*arguments)
    except TypeError as error:
        given = [f"{len(rows)} of sequences", f"{len(past)} of states", f"{len(constants)} non-sequences"]
        names = ", ".join(v.name or str(v.type) for v in arguments)
        raise TypeError(f"the step takes other arguments: {error}. It is given {', '.join(given)}: {names}") from None
    except ValueError:
        pass  # a callable that does not tell its signature
    return fn(*arguments)


def _counted(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"


def _stackable(k: int, value: Variable) -> Variable:
    if not isinstance(value.type, TensorType):
        raise TypeError(f"output {k} of the step, {value}, must be a tensor to be stacked; it is of type {value.type}")
    return value


def _built_before(
    start: int, outputs: Sequence[Variable], known: Sequence[Variable], updates: Mapping[SharedVariable, Variable]
) -> list[Variable]:
    """The expressions that the step mentions and that stood before it was written down: they are computed once,
    outside. Those of what the loop updates, random streams among them, are computed in every step, as in Theano."""
    fixed: set[Variable] = set()
    read: dict[Variable, None] = dict.fromkeys(outputs)
    for node in toposort(outputs, stop_at=known):
        moving = any(v in updates or (v.owner is not None and v not in fixed and v not in known) for v in node.inputs)
        if node.serial < start and not moving:
            fixed.update(node.outputs)
        else:
            read.update(dict.fromkeys(node.inputs))
    return [v for v in read if v in fixed]


def _in_order(given: Sequence[Any], results: Sequence[Variable], n_states: int) -> list[Variable]:
    """The stacked outputs in the user's order: a loop lists states before mapped outputs."""
    states, mapped = iter(results[:n_states]), iter(results[n_states:])
    return [next(mapped) if info is None else next(states) for info in given]


def _is_one(n_steps: Variable) -> bool:
    return isinstance(n_steps, Constant) and int(n_steps.data) == 1


def _feeds_back(info: Any, value: Variable) -> bool:
    """Can the next step read what this one gives? One step alone may give what its initial value could not hold."""
    mine, new = info.initial.type, value.type
    if not isinstance(new, TensorType):
        return True
    return bool(mine.dtype == new.dtype and mine.ndim - info.stacked == new.ndim)


def _row(info: Any, tap: int) -> Variable:
    """What the first step reads of an initial value."""
    return info.initial[tap - min(info.taps)] if info.stacked else info.initial


def _checked_state(k: int, info: Info, value: Any) -> Variable:
    """The new value of a state, if it has the dtype and rank of the initial one."""
    initial: Any = info.initial
    ndim = initial.type.ndim - info.stacked
    _stackable(k, value)
    called = f"output {k} of the step, {value}," if value.name is None else f"output {k} of the step ({value})"
    if value.type.dtype != initial.type.dtype:
        raise ValueError(
            f"the initial state (outputs_info) of {called} has dtype {initial.type.dtype}, but the step gives "
            f"{value.type.dtype}. Cast the initial value, T.cast({initial}, {value.type.dtype!r}), or the step's "
            f"result, T.cast(..., {initial.type.dtype!r}) (initial: {initial.type}, step: {value.type})"
        )
    if value.type.ndim != ndim:
        raise ValueError(
            f"the initial state (outputs_info) of {called} has {ndim} dimension(s), but the step gives "
            f"{value.type.ndim} (initial: {initial.type}, step: {value.type})"
        )
    return value


def _agree(loop: Loop, state: State) -> None:
    """Give initial and new value of a state one broadcast pattern: broadcastable only where both are."""
    mine, new = state.inner[0].type, state.new.type
    assert isinstance(mine, TensorType) and isinstance(new, TensorType)
    pattern = tuple(a and b for a, b in zip(mine.broadcastable, new.broadcastable))
    if pattern != mine.broadcastable:
        loose = tuple(mine.clone(broadcastable=pattern)(v.name) for v in state.inner)
        loop.replace({old: patternbroadcast(v, mine.broadcastable) for old, v in zip(state.inner, loose)})
        state.inner = loose
        outer: Any = state.outer
        state.outer = patternbroadcast(outer, (outer.type.broadcastable[0], *pattern))
    state.new = patternbroadcast(state.new, pattern)


def _add_default_updates(updates: Updates, outputs: Sequence[Variable], known: Sequence[Variable]) -> None:
    """Complete `updates` with the default updates of every shared variable that a step reaches."""
    for key, value in updates.items():
        updates[key] = _fitting(key, value)
    reached = [*outputs, *updates.values()]
    while reached:
        leaves = graph_inputs(reached, stop_at=known)
        reached = []
        for v in leaves:
            if isinstance(v, SharedVariable) and v.default_update is not None and v not in updates:
                updates[v] = _fitting(v, v.default_update)
                reached.append(updates[v])


def _fitting(shared: SharedVariable, value: Any) -> Variable:
    """A step's update in the type of what it updates."""
    try:
        return shared.type.filter_variable(value)
    except TypeError:
        described = f"{value} of type {value.type}" if isinstance(value, Variable) else repr(value)
        raise TypeError(
            f"the step updates the shared variable {shared} of type {shared.type} with {described}; every step must "
            f"leave it of its own type{_cast_hint(shared.type, value)}"
        ) from None


def _cast_hint(wanted: Any, value: Any) -> str:
    mine = getattr(value, "type", None)
    if isinstance(mine, TensorType) and isinstance(wanted, TensorType) and mine.ndim == wanted.ndim:
        return f": T.cast(..., {wanted.dtype!r})" if mine.dtype != wanted.dtype else ""
    return ""


def _refuse_undeclared(leaves: Sequence[Variable], declared: Sequence[Variable], updates: Updates) -> None:
    for v in leaves:
        if isinstance(v, SharedVariable) and v not in declared and v not in updates:
            raise MissingInputError(
                f"scan with strict=True: the step uses the shared variable {v} of type {v.type}, which is not "
                "in non_sequences; add it there, or leave strict out"
            )


def given_to_loops(outputs: Sequence[Variable]) -> list[Variable]:
    """The sequences and non-sequences that users gave to the loops in the graph of `outputs`, read by a step or not."""
    from reference.scan.op import Scan

    loops = [node for node in toposort(outputs) if isinstance(node.op, Scan)]
    return [v for node in loops for v in getattr(node.outputs[0].tag, "given_to_loop", ())]


def dropped_updates(outputs: Sequence[Variable], updates: Any) -> list[SharedVariable]:
    """The shared variables that loops in the graph of `outputs` update, but `updates` does not mention.

    A function that is not given such an update leaves the variable as it was: the next call of a random
    loop would repeat, shifted, what this one drew.
    """
    from reference.scan.op import Scan

    given = set(dict(updates))
    found: dict[SharedVariable, None] = {}
    for node in toposort(outputs):
        if isinstance(node.op, Scan):
            for v in node.op.cut(node.inputs[1:])[2]:
                if isinstance(v, SharedVariable) and v not in given:
                    found[v] = None
    return list(found)
