"""Steps that differentiate, or that change how gradients flow; and copies of graphs with a variable replaced.

Owns with respect to what a gradient is taken: an input, shared variable or intermediate on which the cost depends
through differentiable steps alone, and how many times. The results are cast to the dtype of what they are taken with
respect to, so that other steps can build on them.
"""

from __future__ import annotations

from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.recording import RANDOM
from difftest.strategies.registry import Drawn, step

IGNORING = 'disconnected_inputs="ignore"'


def _smooth(e: Entry) -> bool:
    return e.kind == "f" and len(e.roots) > 0 and e.orders > 0


def _roots(pool: Pool, x: Entry) -> list[Entry]:
    """What a gradient of `x` can be taken with respect to, the oldest first."""
    return [e for e in pool.entries if e.name in x.roots][::-1] or [x]


def _has_roots_beyond(e: Entry) -> bool:
    """What is given for a derivative with respect to itself comes back as it is: not a step of its own."""
    return _smooth(e) and e.roots != {e.name}


def _beyond(pool: Pool, x: Entry) -> list[Entry]:
    return [e for e in _roots(pool, x) if e is not x] or [x]


def _dtype(wrt: Entry) -> str:
    """That of the gradient: the gradient with respect to integers is a float."""
    return wrt.dtype if wrt.kind == "f" else "float64"


def _gradient(cost: str, *wrt: str, dtypes: tuple[str, ...]) -> str:
    many = f"[{', '.join(wrt)}]" if len(wrt) > 1 else wrt[0]
    text = f"theano.grad(T.sum({cost}), {many}, {IGNORING})"
    if len(wrt) == 1:
        return f"{text}.astype({dtypes[0]!r})"
    return f"[g.astype(d) for g, d in zip({text}, {list(dtypes)})]"


@step("grad", _gradient, takes=_smooth)
def grad(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    roots = _roots(pool, x)
    first = draw.choose(roots)
    others = [e for e in roots if e is not first]
    chosen = [first, draw.choose(others)] if others and draw.seldom() else [first]
    return (x.name, *(e.name for e in chosen)), {"dtypes": tuple(map(_dtype, chosen))}


@step(
    "grad",
    f"theano.grad(T.sum({{0}}), {{1}}, consider_constant=[{{2}}], {IGNORING}).astype({{dtype!r}})",
    takes=_smooth,
)
def grad_holding(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """With something on the way taken as constant."""
    wrt, held = (draw.choose(_roots(pool, x)) for _ in range(2))
    return (x.name, wrt.name, held.name), {"dtype": _dtype(wrt)}


def _again(cost: str, wrt: str, order: int, dtype: str) -> str:
    text = cost
    for _ in range(order):
        text = f"theano.grad(T.sum({text}), {wrt}, {IGNORING})"
    return f"{text}.astype({dtype!r})"


@step("grad", _again, takes=lambda e: _smooth(e) and e.orders >= 2)
def grad_again(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """A second or third derivative."""
    wrt = draw.choose(_roots(pool, x))
    return (x.name, wrt.name), {"order": draw.choose((2, 3) if x.orders >= 3 else (2,)), "dtype": _dtype(wrt)}


def _like(draw: Draw, pool: Pool, e: Entry) -> Entry:
    known = pool.having(lambda o: o.kind == "f" and o.shape == e.shape and o.broadcastable == e.broadcastable)
    return draw.choose(known) if known and draw.often() else pool.source(_dtype(e), e.shape, e.broadcastable)


@step(
    "grad",
    f"theano.grad(None, {{1}}, known_grads={{{{{{0}}: {{2}}}}}}, {IGNORING}).astype({{dtype!r}})",
    takes=_has_roots_beyond,
)
def grad_known(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    wrt = draw.choose(_beyond(pool, x))
    return (x.name, wrt.name, _like(draw, pool, x).name), {"dtype": _dtype(wrt)}


@step("grad", f"theano.Lop({{0}}, {{1}}, {{2}}, {IGNORING}).astype({{dtype!r}})", takes=_has_roots_beyond)
def Lop(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return grad_known(draw, pool, x)


@step(
    "grad",
    'theano.Rop({0}, {1}, {2}, disconnected_outputs="ignore").astype({dtype!r})',
    takes=lambda e: _has_roots_beyond(e) and e.orders >= 2,
)
def Rop(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    wrt = draw.choose([e for e in _beyond(pool, x) if e.kind == "f"] or [x])
    return (x.name, wrt.name, _like(draw, pool, wrt).name), {"dtype": x.dtype}


@step(
    "curvature",
    f"theano.gradient.jacobian({{0}}, {{1}}, {IGNORING}).astype({{dtype!r}})",
    takes=lambda e: _smooth(e) and e.ndim == 1 and 1 <= e.size <= 8,
)
def jacobian(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    wrt = draw.choose([e for e in _roots(pool, x) if e.size * x.size <= 64] or [x])
    return (x.name, wrt.name), {"dtype": _dtype(wrt)}


@step(
    "curvature",
    f"theano.gradient.hessian(T.sum({{0}}), {{1}}, {IGNORING}).astype({{dtype!r}})",
    takes=lambda e: _smooth(e) and e.orders >= 2 and e.ndim == 1 and 1 <= e.size <= 8,
)
def hessian(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    wrt = draw.choose([e for e in _roots(pool, x) if e.ndim == 1 and 1 <= e.size <= 8])
    return (x.name, wrt.name), {"dtype": _dtype(wrt)}


@step("grad", "theano.subgraph_grad([{1}], [{2}], cost=T.sum({0}))[1][0].astype({dtype!r})", takes=_smooth)
def subgraph_grad(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    wrt, end = (draw.choose(_roots(pool, x)) for _ in range(2))
    return (x.name, wrt.name, end.name), {"dtype": _dtype(end)}


def _float(e: Entry) -> bool:
    return e.kind == "f"


for _name in ("consider_constant", "zero_grad", "disconnected_grad", "undefined_grad"):

    @step(
        "flow",
        f"theano.gradient.{_name}({{0}})",
        takes=_float,
        name=_name,
        smooth=_name != "disconnected_grad",
        rough=(0,) if _name == "undefined_grad" else (),
        firm=True,
    )
    def watched(draw: Draw, pool: Pool, x: Entry) -> Drawn:
        return (x.name,), {}


@step("flow", "theano.gradient.grad_clip({0}, {low}, {high})", takes=_float, firm=True)
def grad_clip(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"low": draw.choose((-1, -0.25, 0.5)), "high": draw.choose((1, 0.5))}


@step("flow", "theano.gradient.grad_scale({0}, {by})", takes=_float, firm=True)
def grad_scale(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"by": draw.choose((2, -1, 0.5, 0))}


def _cloned(x: str, *pair: str) -> str:
    return f"theano.clone({x}, replace={{{pair[0]}: {pair[1]}}})" if pair else f"theano.clone({x})"


@step("flow", _cloned, takes=lambda e: e.name.startswith("v") and RANDOM not in e.needs, smooth=False)
def clone(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """A copy of a graph, perhaps with an input in the place of another whose values nothing relies on."""
    free = [e for e in pool.entries if e.name in x.needs and e.name[0] == "x" and e.name not in pool.pinned]
    pairs = [(a, b) for a in free for b in pool.entries if b is not a and b.name[0] == "x" and _one_type(a, b)]
    if not pairs or draw.seldom():
        return (x.name,), {}
    a, b = draw.choose(pairs)
    return (x.name, a.name, b.name), {}


def _one_type(a: Entry, b: Entry) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.broadcastable == b.broadcastable
