"""Where the reference itself is wrong: the step, then the operation in it; and operations that break their contract.

Owns the second opinions on the defining cell: a step alone on what the model says it is given; an operation against
its own shadow; an operation that writes to its operands, returns one of them, or gives another type than declared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from difftest.case import Report
from difftest.cells import BASE, Run
from difftest.oracle.bits import needed, same_bits
from difftest.oracle.bounds import walk
from difftest.oracle.contract import inside
from difftest.oracle.names import op_name
from difftest.oracle.trace import first_arguments
from difftest.oracle.ulps import executor
from difftest.program import Program, Step
from difftest.reduce.edits import facts, kept_steps
from difftest.strategies import STEPS

TRIVIAL = ("DimShuffle", "Rebroadcast", "DeepCopyOp", "MakeVector", "ScalarFromTensor", "TensorFromScalar", "Shape_i")
"""Operations that a step needs on the way to its own."""

OWN_WORDS = {"Scan": "scan", "RandomFunction": "random", "DeepCopyOp": "function"}
"""Classes that are a part of the reference of their own."""


@dataclass(frozen=True)
class Suspect:
    """Who it is, in the words of a culprit, and why."""

    culprit: str
    why: str


def guilty(op: Any) -> str:
    """An operation of the reference as a culprit."""
    name = op_name(op)
    return OWN_WORDS.get(name, f"op {name}")


# Values: the model says otherwise.


def wrong_step(program: Program, api: Any) -> Suspect | None:
    """The first step that is wrong alone, on what the model says it is given; and the operation in it."""
    known = facts(program)
    for number, step in enumerate(program.steps):
        results = tuple(name for name in step.results if name in known)
        alone = kept_steps(replace(program, outputs=results, updates=(), givens=(), calls=()), [step], known)
        if alone is None or not results:
            continue
        report = _defined(alone, api)
        if report.ok:
            continue
        why = f"step {number + 1}, {step.step}, is wrong alone: {report.failures[0].message.partition(chr(10))[0]}"
        run = report.runs.get(BASE)
        return Suspect(_in_step(step, run), why)
    return None


def _defined(program: Program, api: Any) -> Report:
    from difftest.verdict import check

    return check(program, [BASE], api, blame=False, names=("error", "model", "side condition"))


def _in_step(step: Step, run: Run | None) -> str:
    """The operation of one step that does not give what it should; the last one that is not trivial if none is told."""
    if run is None or run.function is None:
        return f"op {step.step}"
    order = run.function.fgraph.toposort()
    if run.calls:
        wrong = outside_shadow(order, dict(zip(run.function.fgraph.inputs, run.calls[0].inputs)))
        if wrong is not None:
            return wrong
    if STEPS[step.step].family in ("scan", "random"):
        return STEPS[step.step].family
    own = [node for node in order if op_name(node.op) not in TRIVIAL and not op_name(node.op).startswith("Cast{")]
    return guilty((own or order)[-1].op) if order else "function"


def outside_shadow(order: Sequence[Any], known: dict[Any, Any]) -> str | None:
    """The first operation whose value lies outside of its own shadow."""
    for node in order:
        given = [known.get(v, getattr(v, "data", None)) for v in node.inputs]
        with np.errstate(all="ignore"):
            results = node.op.perform(node, *given)
        if not _fits_shadow(node, given, results):
            return _in_loop(node, given) or guilty(node.op)
        known.update(zip(node.outputs, results))
    return None


def _fits_shadow(node: Any, given: Sequence[Any], results: Sequence[Any]) -> bool:
    """False if a result lies outside of its shadow, or the shadow cannot be made of what the operation gives."""
    inputs = {v: x for v, x in zip(node.inputs, given) if not hasattr(v, "data")}
    try:
        shadow = walk([node], inputs, executor("reference", False))
        return not any(
            inside(value, shadow.of(variable)).wrong.any()
            for variable, value in zip(node.outputs, results)
            if isinstance(value, np.ndarray) and value.dtype.kind in "biuf"
        )
    except Exception:
        return False


def _in_loop(node: Any, given: Sequence[Any]) -> str | None:
    """The wrong operation of a loop's step, if it is one of them."""
    if not hasattr(node.op, "inner_outputs"):
        return None
    values = first_arguments(node.op, given)
    if values is None:
        return None
    return outside_shadow(needed(node.op.inner_outputs), dict(zip(node.op.inner_inputs, values)))


# Contracts: what holds of every operation.


def broken_contract(run: Run) -> Suspect | None:
    """The first operation of a run that writes to its operands, aliases them, or gives another type than declared."""
    if run.function is None or not run.calls:
        return None
    graph = run.function.fgraph
    for node, given, results, before in _steps_of(graph, run.calls[0].inputs):
        what = _contract(node, given, results, before)
        if what:
            return Suspect(guilty(node.op), f"{node} {what}")
    return None


def _steps_of(graph: Any, values: Sequence[Any]) -> Iterator[tuple[Any, list[Any], Sequence[Any], list[Any]]]:
    known = {v: np.array(x) if isinstance(x, np.ndarray) else x for v, x in zip(graph.inputs, values)}
    for node in graph.toposort():
        given = [known.get(v, getattr(v, "data", None)) for v in node.inputs]
        before = [np.array(x) if isinstance(x, np.ndarray) else x for x in given]
        try:
            with np.errstate(all="ignore"):
                results = node.op.perform(node, *given)
        except Exception:
            return
        yield node, given, results, before
        known.update(zip(node.outputs, results))


def _contract(node: Any, given: Sequence[Any], results: Sequence[Any], before: Sequence[Any]) -> str:
    for k, (now, then) in enumerate(zip(given, before)):
        if isinstance(now, np.ndarray) and not same_bits(now, then):
            return f"writes to its input {k}"
    views = dict(getattr(node.op, "view_of", {}))
    for k, (variable, value) in enumerate(zip(node.outputs, results)):
        if not hasattr(variable.type, "broadcastable"):
            continue
        if not isinstance(value, np.ndarray):
            return f"gives a {type(value).__name__}, not an array"
        if value.dtype.name != variable.type.dtype or value.ndim != variable.type.ndim:
            return f"gives dtype {value.dtype} and shape {value.shape}, declared {variable.type}"
        for n, x in enumerate(given):
            if isinstance(x, np.ndarray) and views.get(k) != n and value.size and np.shares_memory(value, x):
                return f"returns memory of its input {n}"
    return ""


def steps_named(program: Program) -> str:
    """The culprit that the kinds of steps suggest, where nobody was found."""
    families = [STEPS[s.step].family for s in program.steps if s.step in STEPS]
    for family, word in (("random", "random"), ("scan", "scan")):
        if family in families:
            return word
    return "function"
