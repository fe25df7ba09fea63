"""`scan` as users write it, and its relatives `map`, `reduce`, `foldl` and `foldr`.

Owns every spelling of sequences, states, outputs and updates, the capture of variables that the step
mentions, and the complaints about all of them. It must not know how a loop runs: it fills a `Loop`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reference.compile.shared import SharedVariable
from reference.graph.core import Variable, serials
from reference.graph.dtypes import INTEGERS
from reference.graph.errors import MissingInputError
from reference.graph.traversal import graph_inputs, toposort
from reference.graph.types import TensorType
from reference.scan.parts import Carry, Loop, Mapped, Read, State
from reference.tensor.basic import as_tensor_variable
from reference.tensor.elemwise import DimShuffle, minimum  # type: ignore[attr-defined]
from reference.tensor.shape import patternbroadcast


class OrderedUpdates(OrderedDict[SharedVariable, Variable]):
    """Updates in order; adding two of them refuses two values for one variable."""

    def __setitem__(self, key: SharedVariable, value: Variable) -> None:
        if not isinstance(key, SharedVariable):
            raise TypeError(f"the keys of updates are shared variables, not {key!r}")
        super().__setitem__(key, value)

    def __add__(self, other: Any) -> OrderedUpdates:
        result = OrderedUpdates(self)
        for key, value in dict(other).items():
            if key in result and result[key] is not value:
                raise KeyError(f"two different updates for {key}")
            result[key] = value
        return result

    def __radd__(self, other: Any) -> OrderedUpdates:
        return OrderedUpdates(other) + self


class until:
    """Returned by a step, beside its outputs: the loop ends after the step in which `condition` is true."""

    def __init__(self, condition: Any):
        self.condition = as_tensor_variable(condition)
        if self.condition.type.ndim != 0:
            raise TypeError(f"the condition of until must be a scalar, got {condition} of type {self.condition.type}")


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
    given. `mode`, `profile` and `allow_gc` are accepted for old programs; the function's mode decides.
    """
    if truncate_gradient == 0:
        raise ValueError("truncate_gradient=0 lets no gradient flow; use -1 for all steps or a positive number")
    read = [_sequence(s) for s in _as_list(sequences)]
    loop = Loop(_steps(n_steps, read), name=name or "scan_fn", truncate_gradient=truncate_gradient)
    given = [_output_info(info) for info in _as_list(outputs_info)]
    constants = [as_tensor_variable(v) if not isinstance(v, Variable) else v for v in _as_list(non_sequences)]

    rows = [inner for s in read for inner in _read_sequence(loop, s, n_steps is not None, go_backwards)]
    past = [inner for info in given if info is not None for inner in _read_state(loop, info)]
    start = next(serials)
    outputs, updates, loop.condition = _parse(fn(*rows, *past, *constants))

    if not given:
        given = [None] * len(outputs)
    if len(given) != len(outputs):
        raise ValueError(
            "Please provide None as outputs_info for any output that does not feed back into scan (i.e. it "
            f"behaves like a map): the step has {len(outputs)} outputs, outputs_info has {len(given)} entries"
        )
    states = iter(loop.states)
    for k, (info, value) in enumerate(zip(given, outputs)):
        if info is None:
            loop.mapped.append(Mapped(value))
        else:
            next(states).new = _checked_state(k, info, value)
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
    stacked = _in_order(given, results, len(loop.states))
    finals = OrderedUpdates(zip(updates, results[len(stacked) :]))
    if return_list:
        return stacked, finals
    return (None if not stacked else stacked[0] if len(stacked) == 1 else stacked), finals


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


def _as_list(items: Any) -> list[Any]:
    if items is None:
        return []
    return list(items) if isinstance(items, list | tuple) else [items]


def _in_order(given: Sequence[Any], results: Sequence[Variable], n_states: int) -> list[Variable]:
    """The stacked outputs in the user's order: a loop lists states before mapped outputs."""
    states, mapped = iter(results[:n_states]), iter(results[n_states:])
    return [next(mapped) if info is None else next(states) for info in given]


@dataclass
class _Sequence:
    input: Any
    taps: list[int]

    @property
    def first(self) -> int:
        return min(0, *self.taps)

    @property
    def last(self) -> int:
        return max(0, *self.taps)

    def shifted(self, tap: int) -> Any:
        """The rows that this tap reads, from step 0 on."""
        start, end = tap - self.first, tap - self.last
        return self.input[start:] if end == 0 else self.input[start:end]


def _sequence(item: Any) -> _Sequence:
    if isinstance(item, dict):
        unknown = [key for key in item if key not in ("input", "taps")]
        if "input" not in item or unknown:
            raise ValueError(f"a sequence is a variable or dict(input=, taps=), got {item}")
        taps = item.get("taps", [0])
        taps = [0] if taps is None else [int(k) for k in _as_list(taps)]
        variable = as_tensor_variable(item["input"])
    else:
        taps, variable = [0], as_tensor_variable(item)
    if variable.type.ndim == 0:
        raise ValueError(f"a sequence needs a leading dimension to run along, got {variable} of type {variable.type}")
    return _Sequence(variable, taps)


def _steps(n_steps: Any, sequences: Sequence[_Sequence]) -> Variable:
    """The number of steps: what the user says, else the length of the shortest sequence after its taps."""
    if n_steps is not None:
        steps = as_tensor_variable(n_steps)
        if steps.type.ndim != 0 or steps.type.dtype not in INTEGERS:
            raise ValueError(f"n_steps must be an int, got {steps} of type {steps.type}")
        return steps
    lengths = [s.shifted(tap).shape[0] for s in sequences for tap in s.taps]
    if not lengths:
        raise ValueError(
            "No information about the number of steps provided. Either provide a value for n_steps argument "
            "of scan or provide an input sequence"
        )
    shortest = lengths[0]
    for length in lengths[1:]:
        shortest = minimum(shortest, length)
    return shortest


def _read_sequence(loop: Loop, sequence: _Sequence, cut: bool, backwards: bool) -> list[Variable]:
    """Add a sequence to the loop, one array a tap; the inner variables, named X[t], X[t+1], X[t-1]."""
    inner = []
    for tap in sequence.taps:
        rows = sequence.shifted(tap)
        if backwards:
            rows = rows[::-1]
        row = rows.type.clone(broadcastable=rows.type.broadcastable[1:])(_at(sequence.input.name, tap))
        loop.sequences.append(Read(rows[: loop.n_steps], row))
        inner.append(row)
    return inner


def _at(name: str | None, tap: int) -> str:
    return f"{name or ''}[t{tap:+d}]" if tap else f"{name or ''}[t]"


@dataclass
class _Info:
    initial: Any
    taps: list[int]

    @property
    def stacked(self) -> bool:
        """Does the initial value have a leading dimension?"""
        return self.taps != [-1]


def _output_info(item: Any) -> _Info | None:
    if item is None:
        return None
    if not isinstance(item, dict):
        return _Info(as_tensor_variable(item), [-1])
    if not item:
        return None
    unknown = [key for key in item if key not in ("initial", "taps", "inplace", "return_steps")]
    if unknown:
        raise ValueError(f"an entry of outputs_info is dict(initial=, taps=), got {item}")
    initial, taps = item.get("initial"), item.get("taps")
    if initial is None:
        if taps:
            raise ValueError(f"If you are using slices of an output you need to provide a initial state for it: {item}")
        return None
    taps = [-1] if taps is None else [int(k) for k in _as_list(taps)]
    if any(tap >= 0 for tap in taps) or not taps:
        raise ValueError(f"All the tap values must be smaller than 0: {item}")
    if len(set(taps)) != len(taps):
        raise ValueError(f"All the taps must be different in `outputs_info`: {item}")
    info = _Info(as_tensor_variable(initial), taps)
    if info.stacked and info.initial.type.ndim == 0:
        raise ValueError(f"with the taps {taps} the initial value needs a leading dimension, got {info.initial}")
    return info


def _read_state(loop: Loop, info: _Info) -> list[Variable]:
    """Add a state to the loop; the inner variables, named h0[t-1]."""
    initial: Any = info.initial
    if info.stacked:
        rows = initial[: -min(info.taps)]
    else:
        rows = DimShuffle(initial.type.broadcastable, ("x", *range(initial.type.ndim)))(initial)
    row = rows.type.clone(broadcastable=rows.type.broadcastable[1:])
    inner = tuple(row(_at(initial.name, tap)) for tap in info.taps)
    loop.states.append(State(rows, tuple(info.taps), inner, inner[0]))
    return list(inner)


_Updates = dict[SharedVariable, Variable]


def _parse(returned: Any) -> tuple[list[Any], _Updates, Variable | None]:
    """What a step returned, as outputs, updates and condition."""
    outputs: list[Any] = []
    updates: _Updates = OrderedUpdates()
    condition: Variable | None = None
    for item in returned if isinstance(returned, tuple) and not _is_pair(returned) else [returned]:
        if isinstance(item, until):
            condition = item.condition
        elif isinstance(item, dict) or _is_pairs(item):
            updates.update(item)
        elif item is not None:
            outputs += item if isinstance(item, list | tuple) else [item]
    for value in outputs:
        if not isinstance(value, Variable):
            raise ValueError(
                "a step returns variables, updates and until(condition), in a tuple or list; it returned "
                f"{value!r}. Make a constant with T.constant(...)"
            )
    if not outputs and not updates:
        found = "only until(condition)" if condition is not None else "nothing"
        raise ValueError(f"a step that returns {found} computes nothing; let it return an output or updates")
    return outputs, updates, condition


def _is_pairs(item: Any) -> bool:
    return isinstance(item, list | tuple) and len(item) > 0 and all(_is_pair(pair) for pair in item)


def _is_pair(item: Any) -> bool:
    """Is it (shared variable, new value), and not an output that is a shared variable beside something else?"""
    if not isinstance(item, list | tuple) or len(item) != 2 or not isinstance(item[0], SharedVariable):
        return False
    return not isinstance(item[1], until | dict | list | tuple)


def _checked_state(k: int, info: _Info, value: Any) -> Variable:
    """The new value of a state, if it has the dtype and rank of the initial one."""
    initial: Any = info.initial
    ndim = initial.type.ndim - info.stacked
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


def _add_default_updates(updates: _Updates, outputs: Sequence[Variable], known: Sequence[Variable]) -> None:
    """Complete `updates` with the default updates of every shared variable that a step reaches."""
    for key, value in updates.items():
        updates[key] = key.type.filter_variable(value)
    reached = [*outputs, *updates.values()]
    while reached:
        leaves = graph_inputs(reached, stop_at=known)
        reached = []
        for v in leaves:
            if isinstance(v, SharedVariable) and v.default_update is not None and v not in updates:
                updates[v] = v.type.filter_variable(v.default_update)
                reached.append(updates[v])


def _refuse_undeclared(leaves: Sequence[Variable], declared: Sequence[Variable], updates: _Updates) -> None:
    for v in leaves:
        if isinstance(v, SharedVariable) and v not in declared and v not in updates:
            raise MissingInputError(
                f"scan with strict=True: the step uses the shared variable {v} of type {v.type}, which is not "
                "in non_sequences; add it there, or leave strict out"
            )


def map(
    fn: Callable[..., Any],
    sequences: Any,
    non_sequences: Any = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """``[fn(x) for x in sequence]``: outputs and updates."""
    return scan(fn, sequences, None, non_sequences, None, truncate_gradient, go_backwards, mode, name)


def reduce(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """The last value of ``acc = fn(x, acc)``, and updates."""
    outputs, updates = scan(fn, sequences, outputs_info, non_sequences, go_backwards=go_backwards, mode=mode, name=name)
    if isinstance(outputs, list):
        return [v[-1] for v in outputs], updates
    return None if outputs is None else outputs[-1], updates


def foldl(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """`reduce` from the first element to the last."""
    return reduce(fn, sequences, outputs_info, non_sequences, False, mode, name)


def foldr(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """`reduce` from the last element to the first."""
    return reduce(fn, sequences, outputs_info, non_sequences, True, mode, name)


def dropped_updates(outputs: Sequence[Variable], updates: Any) -> list[SharedVariable]:
    """The shared variables that loops in the graph of `outputs` update, but `updates` does not mention.

    A function that is not given such an update leaves the variable as it was: the next call of a random
    loop would repeat, shifted, what this one drew.
    """
    from reference.graph.traversal import toposort
    from reference.scan.op import Scan

    given = set(dict(updates))
    found: dict[SharedVariable, None] = {}
    for node in toposort(outputs):
        if isinstance(node.op, Scan):
            for v in node.op.cut(node.inputs[1:])[2]:
                if isinstance(v, SharedVariable) and v not in given:
                    found[v] = None
    return list(found)
