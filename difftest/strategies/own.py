"""Steps that use what users make themselves: graphs as operations, Python functions, assertions.

Owns the table of graphs, whose first operand is called a and second b; each is written out where it is used. A Python
function is one that can be found again by its name, so that what holds it can be pickled.
"""

from __future__ import annotations

from dataclasses import dataclass

from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.dtypes import is_float
from difftest.strategies.registry import Drawn, step


@dataclass(frozen=True)
class Graph:
    """What is computed, as text; of one operand or two; of numbers of every kind, or of floats alone."""

    outputs: str
    operands: int = 1
    floats: bool = False


GRAPHS = {
    "double": Graph("a + a"),
    "product": Graph("a * b - a", 2),
    "bent": Graph("T.tanh(a) * b", 2, floats=True),
    "spread": Graph("T.exp(-T.sqr(a))", 1, floats=True),
    "both": Graph("T.maximum(a, b), T.minimum(a, b)", 2),
    "whole": Graph("T.sum(T.sqr(a)), -a", 1, floats=True),
}

FUNCTIONS = ("np.negative", "np.square", "np.copy")


def _numbers(e: Entry) -> bool:
    return e.kind in "if" and e.size <= 32


def _as_operation(*operands: str, graph: str, inline: bool) -> str:
    names = ("a", "b")[: len(operands)]
    types = [f"{name} = {operand}.type()" for name, operand in zip(names, operands)]
    made = f"theano.OpFromGraph([{', '.join(names)}], [{GRAPHS[graph].outputs}], inline={inline})"
    return "\n".join([*types, f"RESULT = {made}({', '.join(operands)})"])


@step("own", _as_operation, takes=_numbers)
def graph_op(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    fitting = [name for name, graph in GRAPHS.items() if is_float(x.dtype) or not graph.floats]
    name = draw.choose(fitting)
    alike = [e.name for e in pool.entries if e.dtype == x.dtype and e.shape == x.shape and not any(e.broadcastable)]
    others = [draw.choose(alike or [x.name]) for _ in range(GRAPHS[name].operands - 1)]
    return (x.name, *others), {"graph": name, "inline": draw.flag()}


@step("own", "theano.as_op([{0}.type], [{0}.type])({function})({0})", takes=_numbers, smooth=False, rough=(0,))
def python_function(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"function": draw.choose(FUNCTIONS)}


@step(
    "own",
    "theano.tensor.assertion.Assert({message!r})({0}, T.ge({0}.size, {least}), T.eq({0}.ndim, {ndim}))",
    firm=True,
)
def asserted(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"message": draw.choose(("holds", "")), "least": 0, "ndim": x.ndim}
