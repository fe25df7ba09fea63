"""Steps that read or write parts of an array.

Owns index expressions, drawn inside the legal range of the shape they index: integers, slices of every sign, None,
Ellipsis, symbolic integers, vectors with repeats, masks. Out-of-range slice ends are legal and common.
"""

from __future__ import annotations

from typing import Any

from difftest import model
from difftest.strategies import values
from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.dtypes import INDICES
from difftest.strategies.registry import Drawn, step

ENDS = (None, 0, 1, -1, 2, -2, 3, -4, 7)


def _one(draw: Draw, length: int) -> Any:
    if length and draw.seldom():
        return draw.integer(-length, length - 1)
    start, stop = draw.choose(ENDS), draw.choose(ENDS)
    return (start, stop, draw.choose((None, 1, -1, 2, -2, -3)))


def basic_index(draw: Draw, pool: Pool, x: Entry, names: list[str], first: int) -> tuple[Any, ...]:
    """A tuple of index items; symbolic integers are appended to `names` and written ``@k`` counted from `first`."""
    items: list[Any] = []
    for length in x.shape[: draw.integer(1, x.ndim)] if x.ndim else ():
        item = _one(draw, length)
        if isinstance(item, int) and draw.flag():
            names.append(pool.number(item).name)
            item = f"@{first + len(names) - 1}"
        items.append(item)
        if len(items) < 5 and draw.integer(0, 9) == 9 and x.ndim < 4:
            items.append(None)
    if len(items) < x.ndim and draw.seldom():
        items.append("...")
    return tuple(items)


def index_source(items: tuple[Any, ...], operands: tuple[str, ...]) -> str:
    def one(item: Any) -> str:
        if isinstance(item, tuple):
            start, stop, stride = ("" if p is None else str(p) for p in item)
            return f"{start}:{stop}" + (f":{stride}" if stride else "")
        if isinstance(item, str):
            return item if item == "..." else operands[int(item[1:]) - 1]
        return str(item)

    return ", ".join(map(one, items)) + ("," if len(items) == 1 and items[0] is None else "")


@step("subtensor", lambda x, *rest, index: f"{x}[{index_source(index, rest)}]", takes=lambda e: e.ndim >= 1)
def subtensor(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    names: list[str] = []
    index = basic_index(draw, pool, x, names, 1)
    return (x.name, *names), {"index": index}


@step(
    "subtensor",
    "{0}[{1}] if {axis} == 0 else {0}.take({1}, axis={axis})",
    takes=lambda e: e.ndim >= 1 and min(e.shape) > 0,
)
def take(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    axis = draw.integer(0, x.ndim - 1)
    return (x.name, _vector_index(draw, pool, x.shape[axis]).name), {"axis": axis}


def _vector_index(draw: Draw, pool: Pool, length: int) -> Entry:
    """An index vector with repeats and negative entries."""
    codes = draw.integers(-length, length - 1, draw.choose((2, 3, 1, 4, 0)))
    return pool.fixed(codes, draw.choose(INDICES[: 4 if min(codes, default=0) < 0 else 5]))


@step("subtensor", "{0}[{1}]", takes=lambda e: 1 <= e.ndim <= 2)
def mask(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    which = values.array(draw, "grid", "bool", x.shape[: draw.integer(1, x.ndim)], layout=False)
    return (x.name, pool.fixed(which.data, "bool").name), {}


def _draw_write(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    names: list[str] = []
    if min(x.shape) > 0 and draw.seldom():
        index: tuple[Any, ...] = ("@2",)
        names.append(_vector_index(draw, pool, x.shape[0]).name)
    else:
        index = basic_index(draw, pool, x, names, 2)
        if None in index:
            index = tuple(i for i in index if i is not None)
    operands = [x.value, *[pool.named(n).value for n in names]]  # type: ignore[union-attr]
    part = operands[0][model.index_of(index, (None, *operands[1:]))]  # type: ignore[arg-type]

    def fits(e: Entry) -> bool:
        return e.dtype == x.dtype and e.ndim <= part.ndim and (e.shape == part.shape or e.ndim == 0)

    known = pool.having(fits)
    if known and draw.often():
        y = draw.choose(known)
    else:
        y = pool.source(x.dtype, part.shape if draw.often() else ())
    return (x.name, y.name, *names), {"index": index}


for _kind in ("set", "inc"):
    step(
        "set_subtensor",
        lambda x, y, *rest, index, kind=_kind: f"T.{kind}_subtensor({x}[{index_source(index, (y, *rest))}], {y})",
        takes=lambda e: e.ndim >= 1 and e.dtype != "bool",
        name=f"{_kind}_subtensor",
    )(_draw_write)
