"""Steps about order: sorting, the largest few, searching, counting, choosing, what is not zero.

Owns axes, numbers of elements, and the labels and permutations that such steps need. Where the shape of a result
depends on values, only firm ones are taken.
"""

from __future__ import annotations

from math import prod

import numpy as np

from difftest.strategies import dtypes, shapes
from difftest.strategies.drawing import Draw, Entry, Pool, broadcasts
from difftest.strategies.registry import Drawn, step


def _ordered(e: Entry) -> bool:
    return e.ndim > 0 and e.kind != "c"


def _known(e: Entry) -> bool:
    """True if a shape may be made of the values."""
    return e.firm and not e.opaque


def _draw_axis(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"axis": draw.integer(-x.ndim, x.ndim - 1) if draw.often() else None}


for _name in ("sort", "argsort"):
    step(
        "sort", f"T.{_name}({{0}}, axis={{axis!r}})", name=_name, smooth=_name == "sort", firm=True, takes=_ordered
    )(_draw_axis)


def _draw_top(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"kth": draw.choose((1, 2, -1, -2, 7)), "axis": draw.integer(-x.ndim, x.ndim - 1)}


for _name in ("topk", "argtopk", "topk_and_argtopk"):
    step(
        "sort", f"T.{_name}({{0}}, {{kth}}, axis={{axis}})", name=_name, smooth=_name != "argtopk", firm=True,
        takes=_ordered,
    )(_draw_top)  # fmt: skip


@step("sort", lambda x, v, *sorter, side: f"T.searchsorted({', '.join([x, v])}, side={side!r}{_sorter(sorter)})",
      takes=lambda e: e.kind in "iuf", smooth=False)  # fmt: skip
def searchsorted(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """Where to put the elements of `x` into a vector that is sorted, or that a permutation sorts."""
    codes = draw.integers(-4, 4, draw.choose((3, 2, 0, 4)))
    codes = [abs(c) for c in codes] if x.kind == "u" else codes
    order = sorted(range(len(codes)), key=codes.__getitem__)
    if draw.seldom():
        into, sorter = pool.fixed(codes, x.dtype), pool.fixed(order, "int64")
        return (into.name, x.name, sorter.name), {"side": draw.choose(("left", "right"))}
    return (pool.fixed(sorted(codes), x.dtype).name, x.name), {"side": draw.choose(("left", "right"))}


def _sorter(names: tuple[str, ...]) -> str:
    return f", sorter={names[0]}" if names else ""


@step(
    "sort",
    lambda x, which, axis: (
        f"T.unique({x}, {', '.join(map(str, which))}, axis={axis})"
        if any(which)
        else f"T.unique({x}, axis={axis})"
    ),
    takes=lambda e: e.kind in "biuf" and e.ndim > 0 and _known(e) and bool((e.value == e.value).all()),
    smooth=True,
    rough=(0,),
    firm=True,
    loose=True,
)
def unique(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    axis = draw.integer(0, x.ndim - 1) if x.size and draw.seldom() else None
    return (x.name,), {"which": tuple(draw.flag() for _ in range(3)), "axis": axis}


@step("counting", lambda x, *weights, minlength: f"T.bincount({', '.join([x, *weights])}, minlength={minlength})",
      takes=None, smooth=False)  # fmt: skip
def bincount(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    count = draw.choose((3, 2, 4, 0, 1))
    places = pool.fixed(draw.integers(0, 4, count), draw.choose((*dtypes.INDICES, "uint32")))
    weights = []
    if draw.flag():
        fitting = pool.having(lambda e: e.shape == (count,) and e.kind in "iuf" and e is not places)
        weights = [(draw.choose(fitting) if fitting else pool.source("float64", (count,))).name]
    return (places.name, *weights), {"minlength": draw.choose((None, 0, 3, 7))}


@step("counting", "T.nnet.confusion_matrix({0}, {1})", takes=None, smooth=False)
def confusion_matrix(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    count = draw.choose((3, 2, 4, 1))
    labels = [pool.fixed(draw.integers(0, 3, count), "int64").name for _ in range(2)]
    return tuple(labels), {}


@step("counting", "T.to_one_hot({0}, {classes}, dtype={dtype!r})", takes=None, smooth=False)
def to_one_hot(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    labels = pool.fixed(draw.integers(0, 2, draw.choose((2, 3, 1, 0))), draw.choose(dtypes.INDICES))
    return (labels.name,), {"classes": draw.choose((3, 4)), "dtype": draw.choose(("float64", "float32", "int8"))}


@step("select", "T.take_along_axis({0}, {1}, {axis})", takes=lambda e: e.ndim > 0 and min(e.shape) > 0)
def take_along_axis(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    axis = draw.integer(0, x.ndim - 1)
    shape = (*x.shape[:axis], draw.choose((2, 1, 3)), *x.shape[axis + 1 :])
    size = prod(shape)
    if size > shapes.MOST_ELEMENTS:
        shape, size = x.shape, x.size
    codes = draw.integers(-x.shape[axis], x.shape[axis] - 1, size)
    return (x.name, pool.fixed(np.reshape(codes, shape), "int64").name), {"axis": axis}


@step("select", "T.permute_row_elements({0}, {1}, {inverse})", takes=lambda e: e.ndim > 0)
def permute_row_elements(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    left = list(range(x.shape[-1]))
    order = [left.pop(draw.integer(0, len(left) - 1)) for _ in range(x.shape[-1])]
    return (x.name, pool.fixed(order, "int64").name), {"inverse": draw.integer(0, 1)}


for _name, _source in (
    ("nonzero_matrix", "T.nonzero({0}, return_matrix=True)"), ("flatnonzero", "T.flatnonzero({0})"),
    ("nonzero_values", "T.nonzero_values({0})"),
):  # fmt: skip

    @step("select", _source, takes=lambda e: e.ndim > 0 and _known(e), name=_name, firm=True, loose=True,
          smooth=_name == "nonzero_values")  # fmt: skip
    def not_zero(draw: Draw, pool: Pool, x: Entry) -> Drawn:
        return (x.name,), {}


@step("select", lambda x, ndim: f"T.nonzero({x})" + ("[0]" if ndim == 1 else ""), smooth=False, firm=True, loose=True,
      takes=lambda e: e.ndim > 0 and _known(e))  # fmt: skip
def nonzero(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"ndim": x.ndim}


@step("select", "T.compress({1}, {0}, axis={axis!r})", takes=lambda e: e.ndim > 0)
def compress(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    axis = draw.integer(0, x.ndim - 1) if draw.often() else None
    length = x.size if axis is None else x.shape[axis]
    return (x.name, pool.fixed(draw.integers(0, 1, length), "bool").name), {"axis": axis}


@step("select", lambda which, *choices, mode: f"T.choose({which}, [{', '.join(choices)}], mode={mode!r})", takes=None,
      firm=True)  # fmt: skip
def choose(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """Choices that broadcast with each other and with what chooses among them."""
    mode = draw.choose(("raise", "wrap", "clip"))
    count = draw.choose((2, 1, 3))
    shape = shapes.shape(draw, 0, 2)
    size = prod(shape)
    low, high = (0, count - 1) if mode == "raise" else (-2, count + 1)
    which = pool.fixed(np.reshape(draw.integers(low, high, size), shape), draw.choose(("int64", "int32", "int8")))
    choices: list[Entry] = []
    while len(choices) < count:
        fitting = pool.having(lambda e: broadcasts(e, which) and e.ndim <= which.ndim)
        known = fitting and draw.often()
        choices.append(draw.choose(fitting) if known else pool.source(draw.choose(pool.dtypes), shape))
    return (which.name, *(c.name for c in choices)), {"mode": mode}
