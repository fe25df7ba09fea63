"""Steps that compute one of two things, whichever a scalar says.

Owns which condition a lazy choice gets and what stands on its sides: mostly two values of one shape; where the shapes
differ, the condition is an input that nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator

from difftest.program import Operand, Step
from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.registry import Drawn, step


def _condition(draw: Draw, pool: Pool) -> Operand:
    """A scalar, seldom a number that is known while the graph is built."""
    if draw.integer(0, 7) == 7:
        return draw.choose((1, 0, 0.5))
    known = pool.having(lambda e: e.ndim == 0 and e.kind in "bif" and not e.opaque)
    if known and draw.often():
        return draw.choose(known).name
    return pool.source(draw.choose(("int8", "int64", "float64")), ()).name


def _beside(draw: Draw, pool: Pool, x: Entry) -> Entry:
    """What stands on the other side: a value of the dtype and rank of `x`."""
    known = pool.having(lambda e: e is not x and e.dtype == x.dtype and e.shape == x.shape)
    if known and draw.often():
        return draw.choose(known)
    return pool.source(x.dtype, x.shape, x.broadcastable)


def _forms(made: Step) -> Iterator[str]:
    condition, *branches = made.operands
    if not isinstance(condition, str):
        yield "ifelse of a number"
    if branches[: len(branches) // 2] == branches[len(branches) // 2 :]:
        yield "ifelse of equals"
    yield "ifelse" if len(branches) == 2 else "ifelse of lists"


FORMS = ("ifelse", "ifelse of lists", "ifelse of a number", "ifelse of equals")


@step("choice", "theano.ifelse.ifelse({0}, {1}, {2})", name="ifelse", forms=_forms)
def _one(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    condition = _condition(draw, pool)
    if draw.integer(0, 7) == 7:
        return (condition, x.name, x.name), {}
    other = _beside(draw, pool, x)
    near = pool.having(lambda e: e.dtype == x.dtype and e.ndim == x.ndim and e.shape != x.shape)
    chosen = pool.named(condition)
    if near and chosen is not None and chosen.name[0] in "xs" and draw.seldom():
        other = draw.choose(near)
        pool.pin(chosen)
    sides = (other.name, x.name) if draw.flag() else (x.name, other.name)
    return (condition, *sides), {}


@step(
    "choice",
    "theano.ifelse.ifelse({0}, [{1}, {2}], [{3}, {4}], name={name!r})",
    name="ifelse_lists",
    forms=_forms,
)
def _two(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    condition = _condition(draw, pool)
    y = draw.choose([e for e in pool.entries if e.size <= 16] or [x])
    others = [_beside(draw, pool, e).name for e in (x, y)]
    return (condition, x.name, y.name, *others), {"name": draw.choose((None, "choice"))}
