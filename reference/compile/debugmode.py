"""DebugMode: believe nothing, check everything, on the values of every call.

Owns the checks: each rewrite application is judged by its own promise, on the values its operands have;
each node's outputs are held against their static types; no node may change a value it only reads. It must
not know any particular rewrite or operation.
"""

from __future__ import annotations

import contextlib
import io
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reference.compile.modes import Hook, Mode
from reference.config import config
from reference.graph.core import Apply, Constant, Variable
from reference.graph.errors import BadOptimization
from reference.graph.fgraph import FunctionGraph
from reference.graph.traversal import toposort
from reference.graph.types import ScalarType, TensorType
from reference.rewriting.engine import Application, Observer, Promise, RewriteLog
from reference.rewriting.pipeline import Choice

_ROUNDING = {"float16": 1e-2, "float32": 1e-4, "complex64": 1e-4}
"""How far two roundings of one real value may lie apart here; elsewhere 1e-7. Bounds that are derived, not
guessed, are the differential tester's."""


class DebugMode(Mode):
    """The rewrites of FAST_RUN, each application and each node checked while the function runs.

    `check_isfinite` also raises at the first NaN or infinity. The remaining arguments of Theano's DebugMode
    concern C code and reused memory, of which there is none here; they are accepted.
    """

    debug = True

    def __init__(
        self,
        optimizer: str | Choice | None = "fast_run",
        check_isfinite: bool | None = None,
        linker: str | None = None,
        **accepted: Any,
    ):
        super().__init__(linker, optimizer)
        self.name = "DebugMode"
        self.check_isfinite = config.DebugMode.check_finite if check_isfinite is None else check_isfinite
        unknown = set(accepted) - _THEANO_ARGUMENTS
        if unknown:
            raise TypeError(f"DebugMode takes no argument {sorted(unknown)[0]!r}")

    def rewrite(self, fgraph: FunctionGraph, observer: Observer | None = None, record: bool = True) -> RewriteLog:
        return super().rewrite(fgraph, observer, record=True)

    def hooks(self, log: RewriteLog | None = None) -> Hook:
        return _Checks(log, self.check_isfinite)


_THEANO_ARGUMENTS = {
    "stability_patience", "check_c_code", "check_py_code", "check_preallocated_output", "require_matching_strides",
}  # fmt: skip


class _Checks:
    """The hook of one function."""

    def __init__(self, log: RewriteLog | None, finite: bool):
        self.log = log
        self.finite = finite
        self.marks: dict[int, tuple[Any, int]] = {}

    def start(self, values: Sequence[Any]) -> None:
        """Before the first node: judge every rewrite application on these inputs."""
        self.marks = {}
        for value in values:
            self._mark(value)
        if self.log is not None:
            known = dict(zip(self.log.inputs, values))
            for application in self.log:
                if not application.inner:
                    judge(application, known)

    def __call__(self, node: Apply, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        for k, value in enumerate(inputs):
            if self._changed(value):
                raise AssertionError(f"DebugMode: input {k} of a node was changed while it ran{_about(node)}")
            self._mark(value)
        if len(outputs) != len(node.outputs):
            raise AssertionError(f"DebugMode: {len(outputs)} values for {len(node.outputs)} outputs{_about(node)}")
        for k, (variable, value) in enumerate(zip(node.outputs, outputs)):
            problem = misfit(variable, value)
            if problem is None and self.finite and _has_nonfinite(value):
                problem = "it holds a NaN or an infinity"
            if problem is not None:
                raise AssertionError(f"DebugMode: output {k} of a node is wrong: {problem}{_about(node)}")
            self._mark(value)

    def _mark(self, value: Any) -> None:
        if isinstance(value, np.ndarray) and id(value) not in self.marks:
            self.marks[id(value)] = value, _checksum(value)

    def _changed(self, value: Any) -> bool:
        found = self.marks.get(id(value))
        return found is not None and found[0] is value and found[1] != _checksum(value)


def _checksum(value: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(value).tobytes())


def _about(node: Apply) -> str:
    made = f"\nIt was made by the rewrite {node.made_by}" if node.made_by else ""
    return f"\nThe node: {node}{made}\nBuilt at: {node.line}"


def misfit(variable: Variable, value: Any) -> str | None:
    """What is wrong with `value` as a value of this variable's type; None if nothing is."""
    kind = variable.type
    if isinstance(kind, ScalarType):
        fits = isinstance(value, np.generic) and value.dtype.name == kind.dtype
        return None if fits else f"expected a {kind.dtype} number, got {value!r} of type {type(value).__name__}"
    if not isinstance(kind, TensorType):
        return None
    if not isinstance(value, np.ndarray):
        return f"expected an array, got {type(value).__name__}"
    if value.dtype.name != kind.dtype or value.ndim != kind.ndim:
        return f"expected {kind}, got dtype {value.dtype} and shape {value.shape}"
    if any(b and n != 1 for b, n in zip(kind.broadcastable, value.shape)):
        return f"expected {kind}, got shape {value.shape}"
    return None


def _has_nonfinite(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "fc" and not np.isfinite(value).all()


def judge(application: Application, known: dict[Variable, Any]) -> None:
    """Compute both sides of an application on the values its operands have; raise BadOptimization if the
    promise is broken. `known` starts with the inputs' values and collects what is computed on the way."""
    kept = application.snapshot
    if kept is None:
        return
    try:
        leaves = _computed(kept.leaves, known)
    except Exception:
        return  # the graph itself fails on these inputs; the call will tell the user so
    given = dict(zip(kept.inputs, leaves))
    between = dict(given)
    before, after = _attempt(kept.before, between), _attempt(kept.after, dict(given))
    promise = application.rewrite.promise
    problem = None
    if isinstance(before, Exception):
        if not isinstance(after, Exception) and promise is not Promise.RAISES:
            problem = f"the original raised {type(before).__name__}: {before}"
    elif isinstance(after, Exception):
        problem = f"the replacement raised {type(after).__name__}: {after}"
    else:
        scale = max([1.0, *[_magnitude(x) for x in leaves]])
        operands = list(between.values()) if promise is Promise.FINITE else []
        for variable, old, new in zip(kept.before, before, after):
            compared = _where_finite(old, operands)
            problem = problem or misfit(variable, new) or difference(variable, old, new, promise, scale, compared)
    if problem is not None:
        raise BadOptimization(_report(application, problem, leaves))


def _computed(variables: Sequence[Variable], known: dict[Variable, Any]) -> list[Any]:
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        for node in toposort(variables, stop_at=known):
            results = node.op.perform(node, *[_value(v, known) for v in node.inputs])
            for out, result in zip(node.outputs, results):
                known.setdefault(out, result)
    return [_value(v, known) for v in variables]


def _value(variable: Variable, known: Mapping[Variable, Any]) -> Any:
    return variable.data if isinstance(variable, Constant) else known[variable]


def _attempt(variables: Sequence[Variable], given: dict[Variable, Any]) -> list[Any] | Exception:
    try:
        return _computed(variables, given)
    except Exception as error:
        return error


def _where_finite(result: Any, operands: Sequence[Any]) -> np.ndarray:
    """The elements of `result` for which no operand holds a NaN or an infinity at the same place."""
    finite = np.full(np.shape(result), True)
    for value in operands:
        if not _has_nonfinite(value):
            continue
        try:
            finite &= np.broadcast_to(np.isfinite(value), finite.shape)
        except ValueError:
            finite[...] = False
    return finite


def difference(
    variable: Variable, old: Any, new: Any, promise: Promise, scale: float, compared: np.ndarray
) -> str | None:
    """How `new` breaks the promise, given that `old` was the value; None if it keeps it.

    Roundings are measured against `scale`, the largest operand; only elements marked in `compared` count.
    """
    if promise in (Promise.EXACT, Promise.RAISES) or not isinstance(variable.type, TensorType):
        return None if variable.type.values_eq(old, new) else "the values differ in their bits"
    if old.shape != new.shape:
        return f"the shapes differ: {old.shape} and {new.shape}"
    if old.dtype.kind not in "fc":
        return None if np.array_equal(old[compared], new[compared]) else "the values differ"
    tolerance = _ROUNDING.get(variable.type.dtype, 1e-7)
    with np.errstate(all="ignore"):
        if promise in (Promise.STABLE, Promise.FINITE):
            compared = compared & np.isfinite(old)
        near = np.isclose(old, new, rtol=tolerance, atol=tolerance * scale, equal_nan=True)
        wrong = compared & ~near
    if not wrong.any():
        return None
    place = tuple(int(k) for k in np.argwhere(wrong)[0])
    return f"{int(wrong.sum())} of {old.size} values differ; at {place} {old[place]} became {new[place]}"


def _magnitude(value: Any) -> float:
    array = np.asarray(value)
    if array.dtype.kind not in "biufc" or not array.size:
        return 0.0
    with np.errstate(all="ignore"):
        sizes = np.abs(array.astype("complex128" if array.dtype.kind == "c" else "float64"))
    return float(np.max(sizes, where=np.isfinite(sizes), initial=0.0))


def _report(application: Application, problem: str, leaves: Sequence[Any]) -> str:
    from reference.printing.debugprint import debugprint

    kept = application.snapshot
    assert kept is not None
    record = application.rewrite
    lines = [
        f"DebugMode: the rewrite {record.name} broke its promise {record.promise.name} ({record.promise.value})",
        f"at application {application.number}: {problem}",
        f"It stands at {record.where}; to go on without it: REFERENCE_FLAGS=optimizer_excluding={record.name}",
        f"The node was built at: {application.line}",
        "Before:",
        debugprint(list(kept.before), file="str", print_type=True).rstrip("\n"),
        "After:",
        debugprint(list(kept.after), file="str", print_type=True).rstrip("\n"),
    ]
    for variable, value in zip(kept.inputs, leaves):
        shown = np.array2string(value, threshold=20) if isinstance(value, np.ndarray) else repr(value)
        lines.append(f"with {variable} = {shown}")
    return "\n".join(lines)
