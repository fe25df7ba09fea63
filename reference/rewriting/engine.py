"""The only driver of rewrites: order, fixpoint, counter, log, limit.

Owns what a rewrite is, how a list of rewrites is applied to a `FunctionGraph` until nothing changes, and
the record of every application. It must not know any particular operation: rewrites name the ones they
want by class, or an elementwise one by its row's name.
"""

from __future__ import annotations

import inspect
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from reference.config import config
from reference.graph.core import Apply, Op, UserLine, Variable, inherit_line
from reference.graph.errors import RewriteError
from reference.graph.fgraph import Client, FunctionGraph, Listener
from reference.graph.traversal import toposort
from reference.rewriting.snapshot import Snapshot, snapshot


class Promise(Enum):
    """What a rewrite promises about the values."""

    EXACT = "same bits for every input, same errors"
    REAL = "equal over the reals; rounding may move"
    STABLE = "finite and accurate where the original overflows or loses digits"
    FINITE = "equal over the reals if every intermediate is finite"
    RAISES = "may succeed where the original raised an error"


Replacement = Sequence[Variable | None] | Mapping[Variable, Variable] | None
Rule = Callable[[FunctionGraph, Apply], Replacement]
Wanted = type | str | Callable[[Op], bool]
Stages = tuple[tuple[str, tuple["Rewrite", ...]], ...]
"""(stage, its rewrites), in order."""


@dataclass(frozen=True, eq=False)
class Rewrite:
    """One rewrite: a rule, what it promises, and where in the pipeline it belongs.

    `on` lists what it looks at: Op classes, names of elementwise operations, or functions of an Op that tell
    by its class and elementwise row alone; empty for every node. `cheap`: FAST_COMPILE applies it too.
    """

    name: str
    promise: Promise
    rule: Rule
    on: tuple[Wanted, ...]
    stage: str
    tags: frozenset[str]
    cheap: bool
    file: str
    line: int

    @cached_property
    def family(self) -> str:
        """The name of the file it stands in."""
        return Path(self.file).stem

    @property
    def summary(self) -> str:
        """The docstring's first line, ``before -> after``."""
        return (inspect.getdoc(self.rule) or "").partition("\n")[0]

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"

    def answers_to(self, names: Iterable[str]) -> bool:
        """True if one of `names` is its name, stage, family, promise or one of its tags."""
        mine = {self.name, self.stage, self.family, self.promise.name.lower(), *self.tags}
        return any(name in mine for name in names)

    def __repr__(self) -> str:
        return f"{self.name} ({self.promise.name}, {Path(self.file).name}:{self.line})"


REGISTRY: dict[str, Rewrite] = {}


def rewrite(
    promise: Promise,
    on: Wanted | tuple[Wanted, ...] = (),
    stage: str = "canonicalize",
    tags: Iterable[str] = (),
    cheap: bool = False,
    name: str | None = None,
) -> Callable[[Rule], Rewrite]:
    """Make a rewrite of ``rule(fgraph, node)`` and register it.

    The rule returns None (nothing to do), a list with one replacement an output of the node (None keeps
    that output), or a dict old variable -> new variable. It builds new nodes; it never changes the graph.
    """

    def register(rule: Rule) -> Rewrite:
        code = inspect.unwrap(rule).__code__
        wanted = on if isinstance(on, tuple) else (on,)
        return add(
            Rewrite(
                name or rule.__name__, promise, rule, wanted, stage, frozenset(tags), cheap,
                code.co_filename, code.co_firstlineno,
            )
        )  # fmt: skip

    return register


def add(record: Rewrite) -> Rewrite:
    """Register a rewrite; two of one name are refused."""
    known = REGISTRY.get(record.name)
    if known is not None and known.where != record.where:
        raise ValueError(f"two rewrites are called {record.name!r}: {known.where} and {record.where}")
    REGISTRY[record.name] = record
    return record


@dataclass(frozen=True, eq=False)
class Application:
    """One application of a rewrite: `old` variables were replaced by `new` ones.

    `inner` tells that this happened inside a loop. `snapshot` is set when applications are observed or
    recorded: both sides as small graphs of their own.
    """

    number: int
    rewrite: Rewrite
    stage: str
    op: Op
    inputs: tuple[Variable, ...]
    old: tuple[Variable, ...]
    new: tuple[Variable, ...]
    line: UserLine | None = None
    inner: bool = False
    snapshot: Snapshot | None = None

    @property
    def node(self) -> str:
        """The text of the node the rewrite was applied to, as it was."""
        return f"{self.op}({', '.join(map(str, self.inputs))})"

    def __str__(self) -> str:
        return (
            f"{self.number:5} {self.rewrite.promise.name:6} {self.rewrite.name}: "
            f"{', '.join(map(str, self.old))} -> {', '.join(map(str, self.new))}   at {self.node}"
        )


Observer = Callable[[Application], None]


@dataclass(eq=False)
class RewriteLog:
    """Every application, in order. `inputs` are those of the graph that was rewritten; `limit_reached` says
    that rewriting stopped at config.rewrite_limit."""

    applications: list[Application] = field(default_factory=list)
    inputs: tuple[Variable, ...] = ()
    limit_reached: bool = False

    def __iter__(self) -> Iterator[Application]:
        return iter(self.applications)

    def __len__(self) -> int:
        return len(self.applications)

    def __getitem__(self, number: int) -> Application:
        return self.applications[number]

    def counts(self) -> dict[str, int]:
        """How often each rewrite was applied, most often first."""
        return dict(Counter(a.rewrite.name for a in self).most_common())

    def __str__(self) -> str:
        lines = [str(application) for application in self]
        if self.limit_reached:
            lines.append(f"stopped at config.rewrite_limit = {len(self)}")
        return "\n".join(lines) or "no rewrite was applied"


class _LimitReached(Exception):
    """Raised inside the engine to leave every loop at once."""


class Session:
    """One run of the rewrites over a graph and the inner graphs of its loops: one counter, one log."""

    def __init__(
        self,
        stages: Stages,
        observer: Observer | None = None,
        record: bool = False,
    ):
        self.log = RewriteLog()
        self._stages = stages
        self._observer = observer
        self._record = record or observer is not None
        self._limit = config.rewrite_limit
        self._depth = 0

    def run(self, fgraph: FunctionGraph) -> RewriteLog:
        """Apply the stages in turn, round after round, until a round changes nothing."""
        self.log.inputs = tuple(fgraph.inputs)
        _active.append(self)
        try:
            self._to_fixpoint(fgraph, _dispatches(self._stages))
        except _LimitReached:
            self.log.limit_reached = True
        finally:
            _active.pop()
        return self.log

    def run_inner(self, fgraph: FunctionGraph, exact_only: bool = False) -> int:
        """Rewrite the graph inside a node, from within a rule; returns how many applications that took."""
        before = len(self.log)
        self._depth += 1
        try:
            self._to_fixpoint(fgraph, _dispatches(self._stages, exact_only))
        finally:
            self._depth -= 1
        return len(self.log) - before

    def _to_fixpoint(self, fgraph: FunctionGraph, stages: Sequence[tuple[str, _Dispatch]]) -> None:
        touched = _Touched(fgraph)
        fgraph.listeners.append(touched)
        allowed = len(self.log) + 10_000 + 100 * len(fgraph.apply_nodes)
        worklists = [_Worklist(touched, dispatch) for _, dispatch in stages]
        try:
            changed = True
            while changed:
                changed = False
                for (name, _), worklist in zip(stages, worklists):
                    for node, candidates in worklist:
                        changed |= self._visit(touched, node, name, candidates)
                        if len(self.log) > allowed:
                            raise RewriteError(self._endless())
        finally:
            fgraph.listeners.remove(touched)

    def _visit(self, touched: _Touched, node: Apply, stage: str, candidates: Sequence[Rewrite]) -> bool:
        changed = False
        with inherit_line(node.line):
            for candidate in candidates:
                if self._attempt(touched, node, stage, candidate):
                    changed = True
                    if node not in touched.fgraph.apply_nodes:
                        break
        return changed

    def _attempt(self, touched: _Touched, node: Apply, stage: str, candidate: Rewrite) -> bool:
        fgraph = touched.fgraph
        try:
            result = candidate.rule(fgraph, node)
            if result is None:
                return False
            pairs = _pairs(node, result)
            if not pairs:
                return False
            if self._limit is not None and len(self.log) >= self._limit:
                raise _LimitReached
            _refuse_cycle(fgraph, pairs)
            if touched.effects and _loses_effect(fgraph, pairs):
                return False
            application = self._application(fgraph, node, stage, candidate, pairs)
            for old, new in pairs:
                if old.name is not None and new.name is None and new not in fgraph.clients:
                    new.name = old.name
            fgraph.replace_all(pairs, reason=candidate.name)
        except (_LimitReached, RewriteError):
            raise
        except Exception as error:
            self._failed(node, candidate, error)
            return False
        self.log.applications.append(application)
        if self._observer is not None:
            self._observer(application)
        return True

    def _application(
        self,
        fgraph: FunctionGraph,
        node: Apply,
        stage: str,
        candidate: Rewrite,
        pairs: list[tuple[Variable, Variable]],
    ) -> Application:
        old, new = tuple(o for o, _ in pairs), tuple(n for _, n in pairs)
        kept = snapshot(fgraph, old, new) if self._record else None
        number = len(self.log)
        inner = self._depth > 0
        return Application(number, candidate, stage, node.op, node.inputs, old, new, node.line, inner, kept)

    def _failed(self, node: Apply, candidate: Rewrite, error: Exception) -> None:
        text = (
            f"the rewrite {candidate.name} ({candidate.where}) failed at application {len(self.log)} on "
            f"{node}: {type(error).__name__}: {error}\n"
            f"The node was built at: {node.line}\n"
            f"To go on without it: REFERENCE_FLAGS=optimizer_excluding={candidate.name}"
        )
        if config.on_opt_error == "raise":
            raise RewriteError(text) from error
        if config.on_opt_error == "warn":
            warnings.warn(text, stacklevel=2)

    def _endless(self) -> str:
        busy = Counter(a.rewrite for a in self.log.applications[-1000:]).most_common(3)
        names = ", ".join(f"{r.name} ({r.where}, {n} of the last 1000)" for r, n in busy)
        return (
            f"rewriting does not come to an end: {len(self.log)} applications so far. Most active: {names}.\n"
            f"To go on without the first: REFERENCE_FLAGS=optimizer_excluding={busy[0][0].name}"
        )


_active: list[Session] = []


def current() -> Session | None:
    """The session whose rule is running: a rule about loops rewrites their inner graphs through it."""
    return _active[-1] if _active else None


def _pairs(
    node: Apply, result: Sequence[Variable | None] | Mapping[Variable, Variable]
) -> list[tuple[Variable, Variable]]:
    """What a rule returned, as (old, new) pairs that change something."""
    if isinstance(result, Mapping):
        found = list(result.items())
    else:
        if len(result) != len(node.outputs):
            raise ValueError(f"it returned {len(result)} replacements for {len(node.outputs)} outputs")
        found = [(old, new) for old, new in zip(node.outputs, result) if new is not None]
    return [(old, new) for old, new in found if old is not new]


def _refuse_cycle(fgraph: FunctionGraph, pairs: list[tuple[Variable, Variable]]) -> None:
    replaced = {old for old, _ in pairs}
    stack = [new for _, new in pairs]
    seen: set[Variable] = set()
    while stack:
        variable = stack.pop()
        if variable in seen or variable.owner is None or variable in fgraph.clients:
            continue
        seen.add(variable)
        if replaced.intersection(variable.owner.inputs):
            raise ValueError("the replacement reads the variable it replaces")
        stack.extend(variable.owner.inputs)


def has_effect(op: Op) -> bool:
    """Does computing it do more than compute: print, say? Such nodes are neither dropped, merged nor folded.

    An op with a graph inside has the effects of its nodes.
    """
    if getattr(op, "effect", False):
        return True
    inner = getattr(op, "inner_outputs", None)
    return inner is not None and any(has_effect(node.op) for node in toposort(inner))


def _loses_effect(fgraph: FunctionGraph, pairs: list[tuple[Variable, Variable]]) -> bool:
    """Would fewer nodes with an effect be computed after the replacement, or fewer sides of lazy ones hold them?"""
    return _effects(fgraph, dict(pairs)) < _effects(fgraph, {})


def _effects(fgraph: FunctionGraph, replaced: Mapping[Variable, Variable]) -> tuple[int, int, int]:
    """How many nodes with an effect are computed for certain; are there at all; stand behind sides of lazy nodes."""

    def met(roots: Sequence[Variable], sides: bool = True) -> set[Apply]:
        seen: set[Apply] = set()
        stack = [replaced.get(v, v) for v in roots]
        while stack:
            node = stack.pop().owner
            if node is not None and node not in seen:
                seen.add(node)
                read = node.inputs if sides or not node.op.lazy else node.inputs[:1]
                stack.extend(replaced.get(v, v) for v in read)
        return seen

    def among(nodes: set[Apply]) -> int:
        return sum(has_effect(node.op) for node in nodes)

    every = met(fgraph.outputs)
    behind = [met([v]) for node in every if node.op.lazy for v in node.inputs[1:]]
    return among(met(fgraph.outputs, sides=False)), among(every), sum(map(among, behind))


@lru_cache(maxsize=256)
def _dispatches(stages: Stages, exact_only: bool = False) -> list[tuple[str, _Dispatch]]:
    """How each stage finds its rewrites; what has been found stays known from one run to the next."""
    wanted = Promise.EXACT if exact_only else None
    return [(name, _Dispatch([r for r in rewrites if wanted in (None, r.promise)])) for name, rewrites in stages]


class _Dispatch:
    """Finds the rewrites that want an operation; asks once for each class and each elementwise row."""

    def __init__(self, rewrites: Sequence[Rewrite]):
        self._rewrites = rewrites
        self._known: dict[Any, list[Rewrite]] = {}

    def for_op(self, op: Op) -> list[Rewrite]:
        row = getattr(op, "scalar_op", None)
        key = type(op), row and row.name
        found = self._known.get(key)
        if found is None:
            found = [r for r in self._rewrites if not r.on or any(_wants(w, op, key[1]) for w in r.on)]
            self._known[key] = found
        return found


def _wants(wanted: Wanted, op: Op, row: str | None) -> bool:
    if isinstance(wanted, str):
        return wanted == row
    return isinstance(op, wanted) if isinstance(wanted, type) else wanted(op)


class _Touched(Listener):
    """Remembers, in order, the nodes whose surroundings changed.

    A pattern may look two nodes down (``log(1 + exp(x))``) and ask how many readers a variable has, so a
    change concerns the node, those above it up to two levels, and the owner and the last readers of what lost
    a reader.
    """

    def __init__(self, fgraph: FunctionGraph):
        self.fgraph = fgraph
        self.nodes: list[Apply] = list(fgraph.toposort())
        self.effects = sum(has_effect(node.op) for node in self.nodes)
        """how many nodes with an effect ever came; 0 spares every check"""

    def on_import(self, fgraph: FunctionGraph, node: Apply) -> None:
        self.nodes.append(node)
        self.effects += has_effect(node.op)

    def on_change(self, fgraph: FunctionGraph, client: Client, old: Variable, new: Variable) -> None:
        level = [] if client.node is None else [client.node]
        for _ in range(3):
            self.nodes.extend(level)
            above = dict.fromkeys(
                reader.node for node in level for out in node.outputs for reader in fgraph.clients.get(out, ())
            )
            level = [node for node in above if node is not None]
        self._lost_a_reader(old)

    def on_prune(self, fgraph: FunctionGraph, node: Apply) -> None:
        for variable in node.inputs:
            self._lost_a_reader(variable)

    def _lost_a_reader(self, variable: Variable) -> None:
        """Rules may ask whether a variable has one reader, or only readers of its lengths: it may be so now."""
        if variable.owner is None:
            return
        self.nodes.append(variable.owner)
        readers = self.fgraph.clients.get(variable, ())
        if len(readers) <= 8:
            self.nodes.extend(client.node for client in readers if client.node is not None)


class _Worklist:
    """The nodes that one stage has still to look at, each with the rewrites that want it; never the same node twice
    for one change."""

    def __init__(self, touched: _Touched, dispatch: _Dispatch):
        self._touched = touched
        self._dispatch = dispatch
        self._read = 0
        self._queue: deque[tuple[Apply, Sequence[Rewrite]]] = deque()
        self._queued: set[Apply] = set()

    def __iter__(self) -> Iterator[tuple[Apply, Sequence[Rewrite]]]:
        alive = self._touched.fgraph.apply_nodes
        while True:
            self._take_news()
            if not self._queue:
                return
            node, candidates = self._queue.popleft()
            self._queued.discard(node)
            if node in alive:
                yield node, candidates

    def _take_news(self) -> None:
        nodes = self._touched.nodes
        for place in range(self._read, len(nodes)):
            node = nodes[place]
            if node not in self._queued and (candidates := self._dispatch.for_op(node.op)):
                self._queued.add(node)
                self._queue.append((node, candidates))
        self._read = len(nodes)
