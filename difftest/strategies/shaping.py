"""Steps that move elements without changing them, and read shapes.

Owns the attributes of reshape, dimshuffle, join, split and their kin, all computed from the shapes the operands
carry, so that every one is legal.
"""

from __future__ import annotations

from typing import Any

from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.dtypes import INDICES
from difftest.strategies.registry import Drawn, call, step


def permutation(draw: Draw, count: int) -> tuple[int, ...]:
    left = list(range(count))
    return tuple(left.pop(draw.integer(0, len(left) - 1)) for _ in range(count))


@step("dimshuffle", "{0}.dimshuffle(*{order!r})", takes=lambda e: e.ndim <= 3)
def dimshuffle(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    order: list[Any] = [k for k in permutation(draw, x.ndim) if not (x.broadcastable[k] and draw.flag())]
    if len(order) < 4 and draw.flag():
        order.insert(draw.integer(0, len(order)), "x")
    return (x.name,), {"order": tuple(order)}


@step("dimshuffle", "{0}.transpose({axes!r})", takes=lambda e: e.ndim >= 2)
def transpose(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"axes": permutation(draw, x.ndim)}


@step("dimshuffle", "{0}.T", takes=lambda e: e.ndim == 2)
def transposed(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}


@step("dimshuffle", "T.swapaxes({0}, {a}, {b})", takes=lambda e: e.ndim >= 1)
def swapaxes(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"a": draw.integer(-x.ndim, x.ndim - 1), "b": draw.integer(0, x.ndim - 1)}


@step("dimshuffle", "T.moveaxis({0}, {a}, {b})", takes=lambda e: e.ndim >= 1)
def moveaxis(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"a": draw.integer(0, x.ndim - 1), "b": draw.integer(-x.ndim, x.ndim - 1)}


@step("dimshuffle", "T.shape_pad{side}({0}, {n})", takes=lambda e: e.ndim <= 2)
def shape_pad(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """Broadcastable dimensions at an end, or one anywhere."""
    side = draw.choose(("left", "right", "axis"))
    return (x.name,), {"side": side, "n": draw.integer(0, x.ndim) if side == "axis" else draw.choose((1, 2))}


@step("dimshuffle", call("T.squeeze"), takes=lambda e: e.ndim >= 1)
def squeeze(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """All that is broadcastable goes, or some dimensions of length 1, said or not."""
    known = all(b for n, b in zip(x.shape, x.broadcastable) if n == 1) and 1 in x.shape
    ones = [k for k, n in enumerate(x.shape) if n == 1]
    axis = tuple(k for k in ones if draw.flag())
    return (x.name,), {"axis": None if known and x.name[0] == "x" and draw.flag() else axis}


def _rebroadcast(x: str, pattern: tuple[bool, ...]) -> str:
    pairs = ", ".join(map(repr, enumerate(pattern)))
    return f"T.Rebroadcast({pairs})({x})" if pattern else f"T.patternbroadcast({x}, ())"


@step("rebroadcast", _rebroadcast)
def rebroadcast(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"pattern": tuple(n == 1 and draw.flag() for n in x.shape)}


@step("rebroadcast", "T.{which}broadcast({0}, {axes})", takes=lambda e: 1 in e.shape)
def addbroadcast(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    ones = [k for k, n in enumerate(x.shape) if n == 1]
    return (x.name,), {"which": draw.choose(("add", "un")), "axes": ", ".join(map(str, ones[: draw.integer(1, 2)]))}


@step("rebroadcast", lambda x, *lengths, shape: f"T.specify_shape({x}, {lengths_source(shape, lengths)})")
def specify_shape(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return symbolic(draw, pool, x, x.shape)


def symbolic(draw: Draw, pool: Pool, x: Entry | None, shape: tuple[int, ...]) -> Drawn:
    """Lengths as numbers, or some of them symbolic: ``@k`` is the k-th operand after the first."""
    names: list[str] = []
    written: list[Any] = []
    symbolic = draw.flag()
    for n in shape:
        if symbolic and draw.flag():
            names.append(pool.number(n).name)
            written.append(f"@{len(names)}")
        else:
            written.append(n)
    return ((x.name,) if x is not None else ()) + tuple(names), {"shape": tuple(written)}


def lengths_source(shape: tuple[Any, ...], names: tuple[str, ...]) -> str:
    inner = ", ".join(names[int(n[1:]) - 1] if isinstance(n, str) else str(n) for n in shape)
    return f"[{inner}]" if inner else "np.array([], 'int64')"


def factors(draw: Draw, size: int) -> tuple[int, ...]:
    """A shape of `size` elements."""
    result: list[int] = []
    left = size
    while left > 1 and len(result) < 3 and draw.often():
        divisors = [d for d in range(2, left + 1) if left % d == 0]
        result.append(draw.choose(divisors))
        left //= result[-1]
    if left != 1 or (not result and draw.flag()):
        result.append(left)
    return tuple(result)


@step("reshape", "{0}.reshape({shape!r})")
def reshape(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    shape = factors(draw, x.size)
    if x.size == 0 and len(shape) < 2 and draw.flag():
        shape = (draw.choose((2, 0, 3)), 0)
    if shape and 0 not in shape and draw.seldom():
        hidden = draw.integer(0, len(shape) - 1)
        shape = (*shape[:hidden], -1, *shape[hidden + 1 :])
    return (x.name,), {"shape": shape}


@step("reshape", lambda x, *lengths, shape: f"{x}.reshape({lengths_source(shape, lengths)}, ndim={len(shape)})")
def reshape_to(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """To a shape of which some lengths are symbolic."""
    return symbolic(draw, pool, x, factors(draw, x.size) or (1,))


@step("reshape", "{0}.reshape({0}.shape, ndim={0}.ndim)")
def reshape_own(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}


def _by_shape(x: str) -> str:
    return f"{x}.reshape(T.concatenate([[{x}.shape[0] * {x}.shape[1]], {x}.shape[2:]]), ndim={x}.ndim - 1)"


@step("reshape", _by_shape, takes=lambda e: e.ndim >= 2)
def reshape_by_shape(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}


@step("reshape", "{0}.flatten({outdim})")
def flatten(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"outdim": draw.integer(1, max(1, x.ndim))}


def _parts(draw: Draw, pool: Pool, x: Entry, axis: int | None) -> list[Entry]:
    """One to three values that differ from `x` at most along `axis`."""

    def fits(e: Entry) -> bool:
        same = e.ndim == x.ndim and all(a == b or k == axis for k, (a, b) in enumerate(zip(e.shape, x.shape)))
        return same and e.size <= 32

    parts = [x]
    while len(parts) < 3 and draw.often():
        known = pool.having(fits)
        parts.append(draw.choose(known) if known and draw.often() else pool.source(draw.choose(pool.dtypes), x.shape))
    return parts


@step(
    "join",
    lambda *parts, axis: f"T.concatenate([{', '.join(parts)}], axis={axis})",
    takes=lambda e: e.ndim >= 1 and e.size <= 32,
)
def join(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    axis = draw.integer(0, x.ndim - 1)
    return tuple(e.name for e in _parts(draw, pool, x, axis)), {"axis": axis - (x.ndim if draw.seldom() else 0)}


@step("join", lambda *parts, axis: f"T.join({axis}, {', '.join(parts)})",
      takes=lambda e: e.ndim >= 1 and e.size <= 32)  # fmt: skip
def join_beside(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return join(draw, pool, x)


@step(
    "join",
    lambda *parts, axis: f"T.stack([{', '.join(parts)}], axis={axis})",
    takes=lambda e: e.ndim <= 3 and e.size <= 32,
)
def stack(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return tuple(e.name for e in _parts(draw, pool, x, None)), {"axis": draw.integer(0, x.ndim)}


@step(
    "split",
    lambda x, *given, sizes, axis: (
        f"T.split({x}, splits_size={given[0] if given else list(sizes)}, n_splits={len(sizes)}, axis={axis})"
    ),
    takes=lambda e: e.ndim >= 1,
)
def split(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """Into two or three pieces, most often none of them empty."""
    axis = draw.integer(0, x.ndim - 1)
    length, least = x.shape[axis], int(draw.often())
    first = draw.integer(min(least, length), max(length - least, 0))
    second = draw.integer(min(least, length - first), length - first)
    sizes = (first, length - first) if draw.often() else (first, second, length - first - second)
    given = [pool.fixed(sizes, draw.choose(INDICES)).name] if draw.seldom() else []
    return (x.name, *given), {"sizes": sizes, "axis": axis - (x.ndim if draw.seldom() else 0)}


@step("join", lambda *parts, rows: f"T.stacklists({_nested(parts, rows)})", takes=lambda e: e.ndim <= 2 and e.size <= 8)
def stacklists(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """A list of lists of values of one type."""
    alike = pool.having(lambda e: e.shape == x.shape and e.dtype == x.dtype)
    rows = draw.choose((1, 2))
    return tuple(draw.choose(alike).name for _ in range(2 * rows)), {"rows": rows}


def _nested(parts: tuple[str, ...], rows: int) -> str:
    size = len(parts) // rows
    return "[" + ", ".join(f"[{', '.join(parts[k * size : (k + 1) * size])}]" for k in range(rows)) + "]"


for _name, _axis in (("horizontal_stack", 1), ("vertical_stack", 0)):

    @step("join", lambda *parts, name=_name: f"T.{name}({', '.join(parts)})", name=_name,
          takes=lambda e: e.ndim == 2 and e.size <= 32)  # fmt: skip
    def beside(draw: Draw, pool: Pool, x: Entry, axis: int = _axis) -> Drawn:
        return tuple(e.name for e in _parts(draw, pool, x, axis)), {}


@step("shapes", "{0}.shape", takes=lambda e: e.ndim >= 1, smooth=False, firm=True)
def shape(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}


@step("shapes", "{0}.shape[{axis}]", takes=lambda e: e.ndim >= 1, smooth=False, firm=True)
def length(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"axis": draw.integer(0, x.ndim - 1)}


@step("shapes", "{0}.size", smooth=False, firm=True)
def size(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}


@step("shapes", "T.prod({0}.shape[{start}:{stop}]) + {0}.shape[{axis}]", takes=lambda e: e.ndim >= 1, smooth=False)
def lengths_together(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """Arithmetic of lengths."""
    return (x.name,), {
        "start": draw.choose((0, 1)), "stop": draw.choose((1, 2, 4)), "axis": draw.integer(-x.ndim, x.ndim - 1)
    }  # fmt: skip


@step("shapes", "T.tensor_from_scalar(T.scalar_from_tensor({0}))", takes=lambda e: e.ndim == 0)
def through_scalar(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {}
