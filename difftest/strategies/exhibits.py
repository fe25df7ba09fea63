"""Exhibits: programs that are the same in every session, with the values at which operations are apt to go wrong.

Owns `Exhibit` and two tables: every row of the scalar table at its special values, alone and in pairs, and the
operations that move, count and order elements, on arrays whose lengths differ and whose elements tie. `chains` has
those that rewrites are made for. Nothing is drawn. It must not know what is right: the model says so of any program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from difftest.model import ELEMENTWISE
from difftest.model.elementwise import OPAQUE
from difftest.strategies import dtypes
from difftest.strategies.baits import Link
from difftest.strategies.elementwise import COMPLEX, legal
from reference import scalar


@dataclass(frozen=True, eq=False)
class Exhibit:
    """Arrays x0, x1, ..., and the steps that read them; `patterns` of those that are declared broadcastable.

    `shared` are the values of shared variables s0, s1, ..., `calls` those of the arrays in later calls; `updates` and
    `givens` name results as the steps are numbered, v0, v1, ... What no later step computes with is an output.
    `compiled`: backends that interpret what is small are to build its kernels.
    """

    values: tuple[np.ndarray, ...]
    links: tuple[Link, ...]
    patterns: Mapping[int, tuple[bool, ...]] = field(default_factory=dict)
    shared: tuple[np.ndarray, ...] = ()
    calls: tuple[tuple[np.ndarray, ...], ...] = ()
    updates: tuple[tuple[str, str], ...] = ()
    givens: tuple[tuple[str, str], ...] = ()
    compiled: bool = False


ROW_DTYPES = ("float64", "float32", "float16", "int64", "int8", "uint8", "uint64", "bool", "complex128")

_ALONE = (
    0.0, 1.0, -1.0, 2.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.25, 1 / 3, 1e-3, 3.0, -7.0, 20.0, -20.0, 300.0, 1000.0,
    -1000.0, 40000.0, np.inf, -np.inf, np.nan,
)  # fmt: skip
_PAIRED = (0.0, 1.0, -1.0, 2.0, -0.0, 0.5, -2.5, 3.0, -7.0, 300.0, np.inf, -np.inf, np.nan)
_TRIPLED = (0.0, 1.0, -1.0, 2.0, np.nan, np.inf)


def special(dtype: str, together: int) -> np.ndarray:
    """Numbers of a dtype at which functions turn; fewer of them if they stand in pairs or triples."""
    kind = np.dtype(dtype).kind
    if kind == "b":
        return np.array([False, True])
    if kind in "iu":
        limits = np.iinfo(dtype)
        signed = [-1, -2, -7] if kind == "i" else [127, 200]
        numbers = [0, 1, 2, 3, 7, limits.max, limits.min, *signed, 100, limits.max - 1, limits.min + 1, 12]
        return np.array(numbers[: (14, 10, 6)[together - 1]], dtype)
    chosen = np.array((_ALONE, _PAIRED, _TRIPLED)[together - 1])
    if kind == "c":
        return np.array([complex(a, b) for a, b in product((0.0, 1.0, -0.5, 3.0), (0.0, -2.0, 0.25))], dtype)
    info = np.finfo(dtype)
    with np.errstate(over="ignore"):
        own = [info.smallest_subnormal, -info.tiny, info.max, -info.max, info.eps]
        return np.array([*chosen, *(own if together == 1 else own[2:3] if together == 2 else [])], dtype)


def _crossed(values: np.ndarray, times: int) -> tuple[np.ndarray, ...]:
    """Every combination, as so many vectors."""
    return tuple(grid.ravel() for grid in np.meshgrid(*[values] * times, indexing="ij"))


def _rows() -> Iterator[Exhibit]:
    """Every row of the scalar table in every dtype that differs from the others."""
    for dtype, operands in product(ROW_DTYPES, (1, 2, 3)):
        names = [f"x{k}" for k in range(operands)]
        fitting = [name for name in ELEMENTWISE if _is_shown(name, operands) and legal(name, *[dtype] * operands)]
        if dtype[0] != "c":
            fitting = [name for name in fitting if name not in COMPLEX[3:]]
        if fitting:
            links: tuple[Link, ...] = tuple((name, (*names,), {}) for name in fitting)
            if operands == 2:
                links += tuple((name, ("x1", "x0"), {}) for name in fitting)
            yield Exhibit(_crossed(special(dtype, operands), operands), links)


def _is_shown(name: str, operands: int) -> bool:
    count = scalar.TABLE[name].nin
    return (count == operands or (count == -1 and operands > 1)) and name not in (*OPAQUE, "gamma", "gammaln")


def _casts() -> Iterator[Exhibit]:
    """Every dtype to every other."""
    real = [d for d in dtypes.SIMPLEST_FIRST if d not in dtypes.COMPLEX]
    for source in real:
        yield Exhibit((special(source, 1),), tuple(("cast_node", ("x0",), {"dtype": target}) for target in real))


def _mixed() -> Iterator[Exhibit]:
    """Operands of other dtypes than the arithmetic's: conditions that are nothing in the dtype of what they choose, and
    bools whose sum is read before it is stored."""
    chosen: tuple[Link, ...] = (("switch", ("x0", "x1", "x2"), {}),)
    ones, zeros = np.ones(5, "float32"), np.zeros(5, "float32")
    for condition, dtype in (([1e-300, 0.0, 5e-324, -0.0, np.nan], "float32"), ([256, 0, -512, 1, 1 << 40], "int8")):
        yield Exhibit((np.array(condition), ones.astype(dtype), zeros.astype(dtype)), chosen)
    for compiled in (False, True):
        yield Exhibit((np.array([True, True, False, False]), np.array([True, False, True, False])), (
            ("add", ("x0", "x1"), {}), ("cast_node", (0,), {"dtype": "int8"}),
            ("literal", (1, ("number", 3)), {"op": "*", "swapped": False}),
        ), compiled=compiled)  # fmt: skip


def _numbers() -> Iterator[Exhibit]:
    """Python numbers beside arrays: each takes the smallest dtype that holds it."""
    for dtype in ("int8", "uint8", "int64", "float32", "float16"):
        links = [
            ("literal", ("x0", ("number", n)), {"op": op, "swapped": False})
            for op in ("+", "*")
            for n in (127, 128, 255, 256, -128, 40000, 0.5, -0.0, 3, 3.0)
        ]
        yield Exhibit((np.array([0, 1, 2, 100], dtype),), tuple(links))


MATRIX = np.array([[0.5, -1.25, 2.0], [2.0, 0.5, -0.25]])
CUBE = (np.arange(24.0).reshape(2, 3, 4) * 7 % 11 - 4) / 4
TIES = np.array([[2.0, 1.0, 2.0, 0.0, 1.0], [0.0, -1.0, 0.0, -1.0, 3.0], [1.0, 3.0, 3.0, -1.0, 0.0]])
ZEROS = np.array([[-0.0, 0.0, -0.0], [-1.0, -0.0, 0.0], [np.nan, 1.0, np.nan]])
LARGE = np.array([[1000.0, 999.0, -1000.0], [-2000.0, -2001.0, -2000.0]])
MANY = np.array([1e8, 1.0, 1.0, 1.0, -1e8, 0.5, 3.0, 1e-3, 0.25, 7.0] * 4, "float32")
LONG = np.arange(37.0) % 5 - 2
SPANS = ((0, None, None), (1, None, None), (-3, None, None), (None, 2, None), (None, -1, None), (None, None, 2),
         (1, None, 3), (None, None, -1), (-1, None, -2), (3, 1, None), (1, 4, -1), (2, 9, None), (9, None, None),
         (-9, 2, None), (3, 0, -1), (0, None, -1), (7, None, -3), (1, None, 2), (None, 4, 2), (4, 0, -2))  # fmt: skip
"""Every kind of slice of five rows."""

_KEPT: Mapping[str, Any] = {"dtype": None, "acc_dtype": None}


def _each(step: str, *variants: Mapping[str, Any], operands: tuple[Any, ...] = ("x0",)) -> tuple[Link, ...]:
    return tuple((step, operands, attributes) for attributes in variants)


def _over(*axes: Any, keepdims: tuple[bool, ...] = (False,), **more: Any) -> list[Mapping[str, Any]]:
    return [{"axis": axis, "keepdims": kept, **more} for axis in axes for kept in keepdims]


def _reduced(*names: str, **more: Any) -> tuple[Link, ...]:
    over = _over(None, 0, 1, -1, (0, 2), keepdims=(False, True), **more)
    return tuple(link for name in names for link in _each(name, *over))


def _structures() -> Iterator[Exhibit]:
    whole = (np.arange(-12, 12).reshape(2, 3, 4) % 5).astype("int8")
    yield Exhibit((CUBE,), _reduced("sum", "prod", **_KEPT))
    yield Exhibit((CUBE,), _reduced("max", "min", "mean"))
    yield Exhibit((CUBE,), _reduced("var", "std", ddof=0, corrected=False))
    yield Exhibit((whole,), _reduced("sum", "prod", **_KEPT) + _reduced("max", "min"))
    # More than the accumulator holds.
    narrow: Mapping[str, Any] = {"dtype": None, "acc_dtype": "int8"}
    yield Exhibit((whole * np.int8(50),), tuple(link for name in ("sum", "prod") for link in
                                                _each(name, *_over(None, 0, 1, 2, (0, 2), **narrow))))  # fmt: skip
    yield Exhibit((CUBE > 0,), _reduced("all", "any", "max", "min"))
    yield Exhibit((MANY,), _each("sum", *_over(None, **_KEPT)) + _each("cumsum", {"axis": 0}))
    # Rows so long that many items of a graphics card fold parts of one.
    long = np.concatenate([np.resize(MANY, 1100), [np.float32(2e8)], np.resize(MANY, 999)])
    extremes = [link for name in ("max", "argmax") for link in _each(name, *_over(None))]
    yield Exhibit((long,), (*_each("sum", *_over(None, **_KEPT)), *extremes), compiled=True)
    yield Exhibit((np.array([1.5, 0.9] * 8, "float32"),), _each("prod", *_over(None, **_KEPT)))
    for dtype, most in (("float16", 6e4), ("float32", 3e38)):
        # Nothing but a wider accumulator holds the sum on its way.
        yield Exhibit((np.array([most] * 4 + [-most] * 4, dtype),), _each("sum", *_over(None, **_KEPT)))
        yield Exhibit((np.array([most, most, 1 / most, 1 / most], dtype),), _each("prod", *_over(None, **_KEPT)))
    for values in (TIES, ZEROS, TIES.astype("float32"), TIES.astype("int8")):
        ordered = [link for name in ("max", "min", "argmax", "argmin") for link in _each(name, *_over(None, 0, 1))]
        sorts = [link for name in ("sort", "argsort") for link in _each(name, *({"axis": a} for a in (0, 1, None)))]
        yield Exhibit((values,), (*ordered, *sorts))
        yield Exhibit((values,), _each("max_and_argmax", *_over(0, 1, None)))
        yield Exhibit((values,), _each("sum", *_over(None, 0, 1, **_KEPT)) + _each("prod", *_over(0, 1, **_KEPT)))
    empty = np.zeros((0, 3))
    yield Exhibit((empty,), _reduced_of_nothing() + _each("cumsum", {"axis": 0}) + _each("sort", {"axis": 0}))
    yield Exhibit((empty > 0,), _each("all", *_over(None, 0, 1)) + _each("any", *_over(None, 0, 1)))
    for values in (CUBE, whole):
        sums = [link for name in ("cumsum", "cumprod") for link in _each(name, *({"axis": a} for a in (0, 1, 2, None)))]
        yield Exhibit((values,), (*sums, *_each("diff", {"n": 1, "axis": 1}, {"n": 2, "axis": -1})))
    yield from _moved()
    yield from _parts()
    yield from _products()
    yield from _windows()
    yield from _matrices()


def _windows() -> Iterator[Exhibit]:
    """Filters and windows that differ from their mirror images, on images that are longer than high; ties."""
    images = (np.arange(40.0).reshape(1, 2, 4, 5) * 7 % 11 - 4) / 4
    filters = (np.arange(24.0).reshape(3, 2, 2, 2) * 5 % 7 - 2) / 2
    laid: list[Mapping[str, Any]] = [
        {"border_mode": "valid"}, {"border_mode": "half", "subsample": (2, 1)},
        {"border_mode": "full", "filter_flip": False}, {"border_mode": (1, (0, 2)), "filter_dilation": (2, 1)},
    ]  # fmt: skip
    for dtype in ("float64", "float32", "int8"):
        operands = images.astype(dtype), filters.astype(dtype)
        yield Exhibit(operands, _each("conv2d", *laid, operands=("x0", "x1")))
    gradient = {"input_shape": (1, 2, 5, 6), "subsample": (1, 1)}
    yield Exhibit((np.tile(images[:, :1], (1, 3, 1, 1)), filters), (
        ("conv2d_grad_wrt_inputs", ("x0", "x1"), gradient),
        ("conv2d_grad_wrt_inputs", ("x0", "x1"), {"input_shape": (1, 2, 9, 6), "subsample": (2, 1)}),
    ))  # fmt: skip
    yield Exhibit((images, images[:, :, 1:, 1:]), (
        ("conv2d_grad_wrt_weights", ("x0", "x1"), {"filter_shape": (2, 2, 2, 2)}),
    ))  # fmt: skip
    modes = ("max", "sum", "average_inc_pad", "average_exc_pad")
    whole = [{"ws": (2, 3), "ignore_border": True, "pad": (1, 1), "stride": (1, 2), "mode": mode} for mode in modes]
    over = [{"ws": (3, 2), "ignore_border": False, "mode": mode} for mode in modes]
    yield Exhibit((TIES,), _each("pool_2d", *whole, *over))


def _matrices() -> Iterator[Exhibit]:
    regular = np.array([[2.0, 0.5, -0.25], [0.75, 3.0, 0.5], [-1.0, 0.25, 2.5]])
    which = ("solve", "solve_lower_triangular", "solve_upper_triangular")
    yield Exhibit((regular, MATRIX.T.copy()), (
        ("matrix_inverse", ("x0",), {}), ("det", ("x0",), {}),
        *_each("solve", *({"which": name} for name in which), operands=("x0", "x1")),
        *_each("matrix_power", {"n": 3}, {"n": -1}),
    ))  # fmt: skip
    yield Exhibit((regular @ regular.T,), _each("cholesky", {"lower": True}, {"lower": False}))


def _reduced_of_nothing() -> tuple[Link, ...]:
    return tuple(link for name in ("sum", "prod") for link in _each(name, *_over(None, 0, 1, **_KEPT)))


def _moved() -> Iterator[Exhibit]:
    """Axes and shapes."""
    yield Exhibit((CUBE,), (
        *_each("dimshuffle", *({"order": o} for o in ((1, 2, 0), (2, 0, 1), ("x", 1, 0, 2), (1, "x", 2, 0)))),
        *_each("swapaxes", *({"a": a, "b": b} for a, b in ((0, 2), (1, 0), (-1, 1)))),
        *_each("moveaxis", *({"a": a, "b": b} for a, b in ((0, 2), (2, 0), (1, -1)))),
    ))  # fmt: skip
    yield Exhibit((CUBE,), (
        *_each("reshape", *({"shape": s} for s in ((4, 6), (-1, 2), (3, -1, 2), (24,), (2, 2, 3, 2)))),
        *_each("flatten", *({"outdim": n} for n in (1, 2, 3))),
        *_each("tile", {"reps": (2, 1, 3)}),
        *_each("repeat", *({"times": n, "axis": a} for n, a in ((2, 1), (3, None), (0, 0)))),
        *_each("roll", *({"by": n, "axis": a} for n, a in ((1, 1), (-2, 2), (5, None)))),
    ))  # fmt: skip
    turned: tuple[Link, ...] = (("dimshuffle", ("x0",), {"order": (2, 0, 1)}),)
    yield Exhibit((CUBE,), (
        *turned, ("reshape", (0,), {"shape": (8, 3)}), ("flatten", (0,), {"outdim": 1}), ("neg", (0,), {}),
        ("cumsum", (0,), {"axis": 1}), ("sort", (0,), {"axis": 0}), ("max", (0,), {"axis": 1, "keepdims": False}),
        ("subtensor", (0,), {"index": ((None, None, -1), 1)}), ("sum", (0,), {"axis": (0, 1), "keepdims": False,
                                                                          **_KEPT}),
    ))  # fmt: skip
    yield Exhibit((CUBE, CUBE[:, :1] + 1, CUBE[:, 2:] - 1), (
        ("join", ("x0", "x1", "x2"), {"axis": 1}), ("join", ("x2", "x0"), {"axis": -2}),
        ("stack", ("x0", "x0", "x0"), {"axis": 2}), ("subtensor", (0,), {"index": ((None, None, None), 4)}),
        ("subtensor", (0,), {"index": (1,)}), ("subtensor", (1,), {"index": (0,)}), ("shape", (0,), {}),
    ))  # fmt: skip
    yield Exhibit((CUBE,), _each("split", {"sizes": (1, 2), "axis": 1}))
    yield Exhibit((CUBE,), _each("split", {"sizes": (1, 2, 1), "axis": 2}))
    yield Exhibit((LONG,), _each("split", {"sizes": (3, 2, 0, 32), "axis": 0}))
    triangle = [link for name in ("tril", "triu") for link in _each(name, *({"k": k} for k in (0, 1, -1)))]
    yield Exhibit((TIES,), (*triangle, *_each("diagonal", {"k": 0, "a": 0, "b": 1}, {"k": 1, "a": 1, "b": 0})))
    yield Exhibit((), (
        *_each("arange", *({"start": a, "stop": b, "step": s, "dtype": d} for a, b, s, d in (
            (0, 5, 2, None), (5, 0, -2, "int8"), (0.0, 1.0, 0.25, "float64"), (0.25, 1.5, 0.5, "float64"),
            (2, 2, 1, None), (3, 1, 1, None))), operands=()),
        *_each("tri", {"n": 3, "m": 4, "k": 1, "dtype": "float64"}, operands=()),
        *_each("eye", {"n": 3, "m": 4, "k": -1, "dtype": "float64"}, operands=()),
    ))  # fmt: skip
    row, column = CUBE[0, :1], CUBE[0, :, :1]
    yield Exhibit(
        (row, column, CUBE[1]),
        (("add", ("x0", "x1"), {}), ("mul", ("x1", "x2"), {}), ("sub", ("x0", "x2"), {}), ("add", (0, "x2", "x0"), {}),
         ("second", ("x2", "x0"), {}), ("second", ("x2", "x1"), {}), ("switch", ("x1", "x2", "x0"), {}),
         ("sub", (0, "x1"), {})),
        {0: (True, False), 1: (False, True)},
    )  # fmt: skip


def _parts() -> Iterator[Exhibit]:
    """Indices of every kind, read and written."""
    rows = np.arange(15.0).reshape(5, 3)
    yield Exhibit((rows,), _each("subtensor", *({"index": (span,)} for span in SPANS)))
    yield Exhibit((CUBE,), _each("subtensor", *({"index": i} for i in (
        ((None, None, -1), (1, None, None), (None, None, -2)), (1, (None, None, 2)), ((0, 1, None), -1, None, 2),
        (-1, "...", 0), ("...", (None, 3, 2)),
    ))))  # fmt: skip
    spans = ((0, 2, None), (None, None, -2), (-1, None, -3))
    whole = rows[[0, 0]] * 0 + [[1, 2, 3], [4, 5, 6]]
    for name in ("set_subtensor", "inc_subtensor"):
        yield Exhibit((rows, whole), _each(name, {"index": (spans[0],)}, {"index": (spans[2],)}, operands=("x0", "x1")))
        one_row = [{"index": (i,)} for i in (*spans, 2, -1)]
        yield Exhibit((rows, whole[0]), _each(name, *one_row, operands=("x0", "x1")))
        for narrow in (whole[:1], whole[:, :1], whole[0, :1]):
            yield Exhibit((rows, narrow), _each(name, {"index": (spans[0],)}, operands=("x0", "x1")))
    places, columns = np.array([1, -1, 1, 0, 1]), np.array([0, 1, 0, -1, 2])
    firsts = np.arange(15.0).reshape(5, 3) / 4 + 100
    yield Exhibit((rows, places, columns, rows[:, 0] > 4), (
        ("places", ("x0", "x1"), {"index": ("@1",)}), ("places", ("x0", "x1", "x2"), {"index": ("@1", "@2")}),
        ("mask", ("x0", "x3"), {}), ("take", ("x0", "x1"), {"axis": 0, "mode": "raise"}),
        ("take", ("x0", "x2"), {"axis": 1, "mode": "raise"}), ("take", ("x0", "x1"), {"axis": None, "mode": "raise"}),
    ))  # fmt: skip
    yield Exhibit((CUBE, places, columns), (
        ("places", ("x0", "x1", "x2"), {"index": ("@1", (None, None, None), "@2")}),
        ("places", ("x0", "x1", "x2"), {"index": ("@1", "@2")}),
        ("places", ("x0", "x1", "x2"), {"index": ((None, None, None), "@2", "@1")}),
    ))  # fmt: skip
    # Places that stand apart come first, wherever the first of them stood.
    apart = ((None, None, None), "@1", (None, None, None), "@2")
    yield Exhibit((np.stack([CUBE, CUBE + 8]), places, columns), (("places", ("x0", "x1", "x2"), {"index": apart}),))
    for name in ("set_places", "inc_places"):
        yield Exhibit((rows, firsts, places), _each(name, {"index": ("@2",)}, operands=("x0", "x1", "x2")))
        yield Exhibit((rows, firsts[:, 0], places, columns),
                      _each(name, {"index": ("@2", "@3")}, operands=("x0", "x1", "x2", "x3")))  # fmt: skip
        for narrow in (firsts[0], firsts[:, :1], firsts[:1]):
            yield Exhibit((rows, narrow, places), _each(name, {"index": ("@2",)}, operands=("x0", "x1", "x2")))
    numbered: list[Link] = [("constant", (), {"value": order, "dtype": "int64"}) for order in (
        (0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (0, 2, 2, 1, 4))]  # fmt: skip
    numbered.append(("arange", (), {"start": 0, "stop": 5, "step": 1, "dtype": "int64"}))
    # Rows that are known, each once or not, beside columns that are not.
    for first in numbered:
        yield Exhibit((rows, firsts[:, 0], columns), (
            first, ("places", ("x0", 0, "x2"), {"index": ("@1", "@2")}),
            *((name, ("x0", "x1", 0, "x2"), {"index": ("@2", "@3")}) for name in ("set_places", "inc_places")),
        ))  # fmt: skip
    yield Exhibit((np.sort(LONG), TIES), tuple(_each("searchsorted", {"side": "left"}, {"side": "right"},
                                                     operands=("x0", "x1"))))  # fmt: skip
    yield Exhibit((TIES[0],), _each("unique", {"which": (True, True, True), "axis": None}))


def _products() -> Iterator[Exhibit]:
    other = np.arange(12.0).reshape(3, 4) - 5
    for dtype in ("float64", "float32", "int8"):
        yield Exhibit((MATRIX.astype(dtype), other.astype(dtype), TIES[0, :3].astype(dtype)), (
            ("dot", ("x0", "x1"), {}), ("dot", ("x0", "x2"), {}), ("dot", ("x2", "x1"), {}), ("dot", ("x2", "x2"), {}),
            ("outer", ("x2", "x1"), {}), ("outer", ("x2", "x2"), {}), ("transposed", ("x1",), {}),
            ("dot", (6, "x2"), {}), ("transposed", (0,), {}),
        ))  # fmt: skip
    yield Exhibit((CUBE, np.swapaxes(CUBE, 1, 2) * 2), (
        ("batched_dot", ("x0", "x1"), {}), ("tensordot", ("x0", "x1"), {"axes": ((2,), (1,))}),
        ("tensordot", ("x0", "x1"), {"axes": ((1, 2), (2, 1))}), ("tensordot", ("x0", "x0"), {"axes": ((0,), (0,))}),
    ))  # fmt: skip
    tall = (np.arange(35.0).reshape(7, 5) % 6 - 2) / 2
    for compiled in (False, True):
        yield Exhibit((tall, tall.T.copy()), (("dot", ("x0", "x1"), {}), ("dot", ("x1", "x0"), {})), compiled=compiled)
    yield Exhibit((tall > 0, (tall > 0).T.copy()), (("dot", ("x0", "x1"), {}),))
    # One row more than whole tiles hold.
    wide = np.resize(np.arange(7.0) - 3, (31, 32))
    yield Exhibit((wide[:, :5], wide[:5]), (("dot", ("x0", "x1"), {}),), compiled=True)
    # More terms than a graphics card has in local memory at a time, and blocks that end before their work-group does.
    terms: tuple[Link, ...] = (("dot", ("x0", "x1"), {}), ("add", (0, "x2"), {}))
    yield Exhibit((wide[:, :20], wide[:20], wide[:1]), terms, patterns={2: (True, False)}, compiled=True)
    for dtype in ("bool", "int8", "uint8"):
        # As many terms as a byte has values.
        yield Exhibit((np.ones((2, 256), dtype), np.ones((256, 3), dtype)), (("dot", ("x0", "x1"), {}),), compiled=True)
    for values in (LARGE, TIES, LARGE.astype("float32")):
        yield Exhibit((values,), (("softmax", ("x0",), {}), ("logsoftmax", ("x0",), {})))
    labels = np.array([2, 0])
    yield Exhibit((LARGE, labels), (("softmax", ("x0",), {}), ("categorical_crossentropy", (0, "x1"), {})))


@cache
def operations() -> tuple[Exhibit, ...]:
    """Every operation."""
    return (*_rows(), *_casts(), *_mixed(), *_numbers(), *_structures())
