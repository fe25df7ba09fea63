"""Steps that read or write parts of an array: integers, slices, None and Ellipsis.

Owns index expressions, drawn inside the legal range of the shape they index: integers and slices of every sign, written
or symbolic. Out-of-range slice ends are legal and common. Places named by index arrays and masks are in `advanced`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from difftest import model
from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.registry import Drawn, step

ENDS = (None, 0, 1, -1, 2, -2, 3, -4, 7)
STRIDES = (None, 1, -1, 2, -2, -3)


def _one(draw: Draw, length: int) -> Any:
    if length and draw.seldom():
        return draw.integer(-length, length - 1)
    return (draw.choose(ENDS), draw.choose(ENDS), draw.choose(STRIDES))


def basic_index(draw: Draw, pool: Pool, x: Entry, names: list[str], first: int) -> tuple[Any, ...]:
    """A tuple of index items; symbolic integers are appended to `names` and written ``@k`` counted from `first`."""

    def symbol(number: int) -> str:
        names.append(pool.number(number).name)
        return f"@{first + len(names) - 1}"

    items: list[Any] = []
    for length in x.shape[: draw.integer(1, x.ndim)] if x.ndim else ():
        item = _one(draw, length)
        if isinstance(item, int) and draw.flag():
            item = symbol(item)
        elif isinstance(item, tuple) and draw.seldom():
            item = tuple(p if p is None or draw.flag() else symbol(p) for p in item)
        items.append(item)
        if len(items) < 5 and draw.integer(0, 9) == 9 and x.ndim < 4:
            items.append(None)
    if len(items) < x.ndim and draw.seldom():
        items.insert(draw.choose((len(items), 0)), "...")
    return _fitting(x, tuple(items), first, [pool.named(n) for n in names])


def _fitting(x: Entry, items: tuple[Any, ...], first: int, chosen: list[Entry | None]) -> tuple[Any, ...]:
    """The same, with the Ellipsis at the end where an integer would be out of range after it."""
    values = [None] * (first - 1) + [e.value for e in chosen]  # type: ignore[union-attr]
    try:
        x.value[model.index_of(items, values)]  # type: ignore[arg-type]
    except IndexError:
        return (*[i for i in items if i != "..."], "...")
    return items


def index_source(items: tuple[Any, ...], operands: tuple[str, ...]) -> str:
    def number(part: Any) -> str:
        return "" if part is None else operands[int(part[1:]) - 1] if isinstance(part, str) else str(part)

    def one(item: Any) -> str:
        if isinstance(item, tuple):
            start, stop, stride = map(number, item)
            return f"{start}:{stop}" + (f":{stride}" if stride else "")
        return str(item) if item is None or item == "..." else number(item)

    return ", ".join(map(one, items)) + ("," if len(items) == 1 and items[0] is None else "")


@step("subtensor", lambda x, *rest, index: f"{x}[{index_source(index, rest)}]", takes=lambda e: e.ndim >= 1)
def subtensor(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    names: list[str] = []
    index = basic_index(draw, pool, x, names, 1)
    return (x.name, *names), {"index": index}


def _draw_write(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    names: list[str] = []
    index = tuple(i for i in basic_index(draw, pool, x, names, 2) if i is not None)
    operands = [x.value, *[pool.named(n).value for n in names]]  # type: ignore[union-attr]
    part = operands[0][model.index_of(index, (None, *operands[1:]))]  # type: ignore[arg-type]
    y = part_to_write(draw, pool, x, part.shape)
    return (x.name, y.name, *names), {"index": index}


def part_to_write(draw: Draw, pool: Pool, x: Entry, shape: tuple[int, ...]) -> Entry:
    """What to write into a part of `x`: of its shape, or a scalar, or a row, or stretched along any dimension."""

    def fits(e: Entry) -> bool:
        return e.dtype == x.dtype and (e.shape == shape or e.ndim == 0)

    known = pool.having(fits)
    if known and draw.often():
        return draw.choose(known)
    kept = shape if draw.often() else () if draw.seldom() else shape[1:]
    if draw.seldom():
        kept = tuple(1 if draw.flag() else n for n in kept)
    return pool.source(x.dtype, kept)


def writing(family: str, noun: str, draw: Callable[[Draw, Pool, Entry], Drawn]) -> None:
    """Register the two steps that set, or increment, what an index names."""
    for kind in ("set", "inc"):
        step(
            family,
            lambda x, y, *rest, index, kind=kind: f"T.{kind}_subtensor({x}[{index_source(index, (y, *rest))}], {y})",
            takes=lambda e: e.ndim >= 1 and e.dtype != "bool",
            name=f"{kind}_{noun}",
            firm=kind == "set",
        )(draw)


writing("set_subtensor", "subtensor", _draw_write)
