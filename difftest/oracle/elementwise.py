"""How errors pass through the rows of the scalar table.

Owns hulls: what a row can give when each operand lies anywhere in its interval. Sums, products and quotients have
formulas; monotone functions are taken at the ends of the interval, others at their turning points too; decisions
(comparisons, switch, signs) stand in `decisions.py`. A row without any of these is certain only for exact operands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from difftest.oracle import decisions
from difftest.oracle.bounds import FLOATS, Bound, Walk, approximate, rounded, rule, settled
from difftest.oracle.wide import INF, SLACK, WIDE, ZERO, product_is_exact, sum_is_exact, unit

Pair = tuple[np.ndarray, np.ndarray, Any]
"""(y, e, where the shadow itself did not round)"""


@rule("Elemwise")
def elementwise(walk: Walk, node: Any, inputs: Sequence[Bound]) -> Sequence[Bound] | None:
    if any(b.y is None for b in inputs) or node.outputs[0].type.dtype.startswith("complex"):
        return None
    return [applied(walk, node.op.scalar_op, inputs)]


def applied(walk: Walk, row: Any, inputs: Sequence[Bound]) -> Bound:
    """The bound of a row of the scalar table, as the walk's executor computes it."""
    dtypes = [b.dtype for b in inputs]
    outer = row.output_dtype(*dtypes)
    if row.name.startswith("Cast{"):
        return decisions.converted(inputs[0], outer)
    wanted = row.compute_dtype(*dtypes)
    operand_dtypes = (wanted,) * len(inputs) if isinstance(wanted, str) else tuple(wanted)
    operands = [_as(b, d) for b, d in zip(inputs, operand_dtypes)]
    decide = decisions.DECISIONS.get(row.name)
    if decide is not None:
        return decide(operands, outer)
    if outer not in FLOATS:
        return _integers(row, operands, outer)
    inner = wanted if isinstance(wanted, str) and wanted in FLOATS else outer
    ulp = walk.executor.ulp(row, outer)

    def once(some: Sequence[Bound]) -> Bound:
        y, e, exact = hull(row, some)
        if row.name in GROWING:
            e = np.where(np.isinf(y) & np.all([np.isfinite(b.y) for b in some], axis=0), INF, e)
        if row.name in ROOTED:
            e = np.where(np.abs(y) < 1, e + row.ulp * unit("float64"), e)
        if walk.executor.fast and row.name in POLES:
            e = np.where(POLES[row.name](*[b.y for b in some]), INF, e)
        return settled(rounded(y, e, inner, ulp, exact if ulp == 0 else False))

    if row.nin != -1:
        return _as(once(operands), outer)
    result = operands[0]
    for operand in operands[1:]:
        result = once([result, operand])
    return _as(result, outer)


def _as(b: Bound, dtype: str) -> Bound:
    if b.dtype == dtype:
        return b
    if dtype not in FLOATS:
        return decisions.converted(b, dtype)
    return rounded(b.y, b.e, dtype, exact=True)


def _integers(row: Any, operands: Sequence[Bound], outer: str) -> Bound:
    """A discrete result of operands in doubt: in doubt wherever one of them is."""
    values = [approximate(b, b.dtype) for b in operands]
    y = np.asarray(row(*values))
    doubt = np.zeros(y.shape, bool)
    for b in operands:
        doubt |= ~b.certain
    width = WIDE(1) if outer == "bool" else INF
    return Bound(y.astype(WIDE), np.where(doubt, width, ZERO), outer)


def hull(row: Any, operands: Sequence[Bound]) -> Pair:
    """The value of the row and the largest distance from it that the operands' errors allow."""
    special = HULLS.get(row.name)
    if special is not None:
        return special(*[(b.y, b.e) for b in operands])
    f = _in_wide(row)
    y = f(*[b.y for b in operands])
    e = np.zeros(y.shape, WIDE)
    doubt = np.zeros(y.shape, bool)
    for b in operands:
        doubt |= ~b.certain
    if not doubt.any():
        return y, e, False
    if len(operands) == 1:
        e = _unary(row, f, operands[0], y)
    else:
        e = np.full(y.shape, INF)
    return y, np.where(doubt, e, ZERO), False


def _in_wide(row: Any) -> Callable[..., np.ndarray]:
    widest = "float64" if row.needs else WIDE  # SciPy knows nothing wider
    return lambda *xs: np.asarray(row.numpy(*[np.asarray(x, widest) for x in xs])).astype(WIDE)


def _unary(row: Any, f: Callable[..., np.ndarray], x: Bound, y: np.ndarray) -> np.ndarray:
    """The hull over [x-e, x+e]: the ends of a monotone piece, and the turning points inside."""
    low, high = x.low, x.high
    if row.domain is not None:
        outside = (low < row.domain[0]) | (high > row.domain[1])
        crossing = outside & ((x.y >= row.domain[0]) & (x.y <= row.domain[1]))
    else:
        outside = crossing = np.zeros(y.shape, bool)
    if not row.monotone and not row.critical:
        return np.full(y.shape, INF)
    e = np.maximum(np.abs(f(low) - y), np.abs(f(high) - y))
    for point in row.critical:
        turning = [WIDE(point)] if not row.period else _turns(point, row.period, x)
        for place in turning:
            inside = (low <= place) & (place <= high)
            e = np.where(inside, np.maximum(e, np.abs(f(np.broadcast_to(place, y.shape)) - y)), e)
    if row.period:
        e = np.where(x.e > row.period, WIDE(2), e)
    # Of what nobody knows it is not known either whether it is a number.
    e = np.where(np.isnan(e) | crossing | (outside & ~np.isnan(y)) | (x.e == INF), INF, e)
    return e + np.abs(y) * SLACK


def _turns(point: float, period: float, x: Bound) -> list[np.ndarray]:
    nearest = np.rint((x.y - point) / period)
    return [point + period * (nearest + k) for k in (-1, 0, 1)]


# Formulas.


def _add(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> Pair:
    y = a[0] + b[0]
    return y, a[1] + b[1], sum_is_exact(a[0], b[0], y)


def _sub(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> Pair:
    return _add(a, (-b[0], b[1]))


def _mul(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> Pair:
    (x, ex), (z, ez) = a, b
    y = x * z
    if not ex.any() and not ez.any():
        return y, np.zeros(y.shape, WIDE), product_is_exact(x, z, y)
    e = np.abs(x) * ez + np.abs(z) * ex + ex * ez
    return y, np.where((ex == 0) & (ez == 0), ZERO, e), product_is_exact(x, z, y)


def _quotient(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> Pair:
    (x, ex), (d, ed) = a, b
    y = x / d
    exact = product_is_exact(y, d, y * d) & (y * d == x)
    room = np.abs(d) - ed
    e = np.where(room > 0, (ex + np.abs(y) * ed) / room, INF)
    e = np.where((ex == 0) & (ed == 0), ZERO, e)
    return y, e, exact | ~np.isfinite(y)


def _inverse(a: tuple[np.ndarray, np.ndarray]) -> Pair:
    return _quotient((np.ones_like(a[0]), np.zeros_like(a[1])), a)


def _root(a: tuple[np.ndarray, np.ndarray]) -> Pair:
    x, ex = a
    y = np.sqrt(x)
    exact = product_is_exact(y, y, y * y) & (y * y == x)
    e = np.maximum(np.sqrt(x + ex) - y, y - np.sqrt(x - ex))
    return y, np.where(ex == 0, ZERO, np.where(x - ex < 0, INF, e)), exact


def _second(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> Pair:
    shape = np.broadcast_shapes(a[0].shape, b[0].shape)
    return np.broadcast_to(b[0], shape), np.broadcast_to(b[1], shape), True


def _square(a: tuple[np.ndarray, np.ndarray]) -> Pair:
    return _mul(a, a)


def _unchanged(f: Callable[..., np.ndarray]) -> Callable[..., Pair]:
    """Functions that neither round nor stretch distances: neg, abs, maximum, minimum, clip."""

    def value(*operands: tuple[np.ndarray, np.ndarray]) -> Pair:
        y = f(*[a for a, _ in operands])
        e = np.zeros(y.shape, WIDE)
        for _, error in operands:
            e = np.maximum(e, error)
        return y, e, True

    return value


def _larger(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.where((a > b) | (a != a), a, b)


def _smaller(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.where((a < b) | (a != a), a, b)


def _clip(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.where(x < low, low, np.where(x > high, high, x))


def _remainder(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> Pair:
    (x, ex), (d, ed) = a, b
    y = np.remainder(x, d)
    quotient, error, _ = _quotient(a, b)
    # The shadow's own quotient may round onto an integer: the remainder of exact operands does not care.
    sure = np.floor(quotient - error * (1 + SLACK)) == np.floor(quotient + error * (1 + SLACK))
    e = np.where(sure, ex + np.abs(np.floor(quotient)) * ed, INF)
    return y, np.where((ex == 0) & (ed == 0), ZERO, e), True


def _floor_quotient(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> Pair:
    quotient, error, _ = _quotient(a, b)
    y = np.floor_divide(a[0], b[0])
    near = np.abs(quotient - np.rint(quotient)) <= np.abs(quotient) * SLACK
    width = np.maximum(np.abs(np.floor(quotient + error) - y), np.abs(np.floor(quotient - error) - y))
    exact_operands = (a[1] == 0) & (b[1] == 0)
    return y, np.where(exact_operands, np.where(near & (np.rint(quotient) * b[0] != a[0]), WIDE(1), ZERO), width), True


def _power(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> Pair:
    """Monotone in each operand for a positive base; a constant exponent 2 is a square."""
    (x, ex), (p, ep) = a, b
    y = np.power(x, p)
    corners = [np.power(x + s * ex, p + t * ep) for s in (-1, 1) for t in (-1, 1)]
    e = np.max([np.abs(c - y) for c in corners], axis=0)
    one_sided = (np.abs(x) > ex) & ((x > 0) | ((ep == 0) & (p == np.rint(p))))
    e = np.where(one_sided & ~np.isnan(e), e, INF)
    trivial = (p == 0) | ((p == 1) & (ep == 0)) | (x == 1)
    return y, np.where((ex == 0) & (ep == 0), ZERO, np.where((p == 0) & (ep == 0), ZERO, e)), trivial


def _angle(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> Pair:
    """Monotone along every edge of a box that neither holds the origin nor crosses the branch cut."""
    (v, ev), (h, eh) = a, b
    y = np.arctan2(v, h)
    corners = [np.arctan2(v + s * ev, h + t * eh) for s in (-1, 1) for t in (-1, 1)]
    e = np.max([np.abs(c - y) for c in corners], axis=0) * (1 + SLACK)
    cut = (np.abs(v) <= ev) & (h - eh <= 0)
    return y, np.where((ev == 0) & (eh == 0), ZERO, np.where(cut, INF, e)), False


POLES: dict[str, Callable[..., np.ndarray]] = {
    "true_div": lambda x, d: d == 0,
    "inv": lambda x: x == 0,
    "int_div": lambda x, d: d == 0,
    "pow": lambda x, p: (x == 0) & (p < 0),
    "arctan2": lambda v, h: (v == 0) & (h <= 0),
}
"""Where the sign of a zero decides the value. Over the reals zero has no sign, so rewrites may change it, and nothing
is known there of an executor that is handed rewritten graphs."""

GROWING = ("exp", "exp2", "expm1", "sinh", "cosh", "gamma")
"""Functions without poles that leave even the shadow's range: what is infinite there is an overflow like any other."""

ROOTED = ("gammaln", "psi", "j0", "j1")
"""Functions with roots where their operand is not 0: near them Python's and SciPy's are right in digits after the
point, not of the result, and the shadow asks these."""

HULLS: dict[str, Callable[..., Pair]] = {
    "add": _add, "sub": _sub, "mul": _mul, "true_div": _quotient, "inv": _inverse, "sqrt": _root, "sqr": _square,
    "second": _second, "neg": _unchanged(np.negative), "abs_": _unchanged(np.abs), "identity": _unchanged(np.array),
    "maximum": _unchanged(_larger), "minimum": _unchanged(_smaller), "clip": _unchanged(_clip),
    "mod": _remainder, "int_div": _floor_quotient, "pow": _power, "arctan2": _angle,
}  # fmt: skip
