"""Steps that loop: every form of scan.

Owns the bodies (text; their NumPy twins stand in `difftest.model.BODIES`) and how they are combined with sequences,
taps, states, captured or explicit non-sequences, `until`, numbers of steps and slices of the result. States shrink
most numbers, so that bounds stay meaningful.
"""

from __future__ import annotations

from typing import Any

from difftest.model import BODIES
from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.registry import Drawn, step

WIDE_ENOUGH = ("float64", "float32")


def _sequence(e: Entry) -> bool:
    return 1 <= e.ndim <= 2 and e.dtype in WIDE_ENOUGH and 1 not in e.shape[1:]


def _state(e: Entry) -> bool:
    return e.ndim <= 2 and e.dtype in WIDE_ENOUGH and 1 not in e.shape


def _like(draw: Draw, pool: Pool, x: Entry, shape: tuple[int, ...]) -> Entry:
    """An earlier value or new input of this dtype and shape, without broadcastable dimensions."""
    known = pool.having(lambda e: e.dtype == x.dtype and e.shape == shape and 1 not in e.shape)
    return draw.choose(known) if known and draw.often() else pool.source(x.dtype, shape)


def _body(draw: Draw, *letters: str) -> str:
    """A body that reads some of these letters: x a sequence, h a state, g an older state, w a non-sequence."""
    return draw.choose(
        [name for name, (reads, _) in BODIES.items() if set(reads) <= set(letters) and reads[0] == letters[0]]
    )


def _rows(draw: Draw, count: int) -> str:
    """What is kept of the result."""
    return draw.choose(("", "[-1]", "[0]", "[::-1]", "[-2:]", "[1:]") if count else ("", "[::-1]"))


def _written(body: str, arguments: dict[str, str], w: str, explicit: bool) -> str:
    """A lambda for the body; a non-sequence is captured under its own name unless explicit."""
    reads = BODIES[body][0]
    names = list(arguments.values()) + (["w"] if "w" in reads and explicit else [])
    text = body if explicit else body.replace("w", w) if "w" in reads else body
    return f"lambda {', '.join(names)}: {text}"


def _call(function: str, options: dict[str, Any], rows: str) -> str:
    given = [f"{k}={v}" for k, v in options.items() if v is not None]
    return f"theano.scan({', '.join([function, *given])})[0]{rows}"


def _map_source(x: str, w: str, *, body: str, explicit: bool, backwards: bool, rows: str) -> str:
    function = _written(body, {"x": "x"}, w, explicit)
    others = f"[{w}]" if explicit and "w" in BODIES[body][0] else None
    return _call(function, {"sequences": f"[{x}]", "non_sequences": others, "go_backwards": backwards or None}, rows)


@step("scan", _map_source, takes=_sequence)
def scan_map(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    w = _like(draw, pool, x, x.shape[1:])
    return (x.name, w.name), {
        "body": _body(draw, "x", "w"),
        "explicit": w.opaque or draw.flag(),
        "backwards": draw.seldom(),
        "rows": _rows(draw, x.shape[0]),
    }


def _state_source(
    x: str, h: str, w: str, *, body: str, explicit: bool, backwards: bool, n_steps: Any, rows: str
) -> str:
    function = _written(body, {"x": "x", "h": "h"}, w, explicit)
    others = f"[{w}]" if explicit and "w" in BODIES[body][0] else None
    options = {
        "sequences": f"[{x}]",
        "outputs_info": f"[{h}]",
        "non_sequences": others,
        "n_steps": n_steps,
        "go_backwards": backwards or None,
    }
    return _call(function, options, rows)


@step("scan", _state_source, takes=_sequence)
def scan_state(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    h, w = _like(draw, pool, x, x.shape[1:]), _like(draw, pool, x, x.shape[1:])
    n_steps = draw.integer(0, x.shape[0]) if draw.seldom() else None
    return (x.name, h.name, w.name), {
        "body": _body(draw, "h", "x", "w"),
        "explicit": w.opaque or draw.flag(),
        "backwards": draw.seldom(),
        "n_steps": n_steps,
        "rows": _rows(draw, x.shape[0] if n_steps is None else n_steps),
    }


@step(
    "scan",
    lambda h, w, body, explicit, n_steps, rows: _call(
        _written(body, {"h": "h"}, w, explicit),
        {
            "outputs_info": f"[{h}]",
            "non_sequences": f"[{w}]" if explicit and "w" in BODIES[body][0] else None,
            "n_steps": n_steps,
        },
        rows,
    ),
    takes=_state,
)
def scan_loop(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    n_steps = draw.choose((2, 1, 3, 0, 5))
    w = _like(draw, pool, x, x.shape)
    return (x.name, w.name), {
        "body": _body(draw, "h", "w"),
        "explicit": w.opaque or draw.flag(),
        "n_steps": n_steps,
        "rows": _rows(draw, n_steps),
    }


@step(
    "scan",
    lambda h, taps, n_steps, rows: _call(
        "lambda g, h: T.tanh(g * 0.5 - h)",
        {"outputs_info": f"[dict(initial={h}, taps={list(taps)})]", "n_steps": n_steps},
        rows,
    ),
    takes=lambda e: _sequence(e) and e.shape[0] >= 2,
)
def scan_taps(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    taps = draw.choose([t for t in ((-2, -1), (-3, -1), (-4, -2)) if -t[0] <= x.shape[0]])
    n_steps = draw.choose((2, 1, 3, 0, 5))
    return (x.name,), {"taps": taps, "n_steps": n_steps, "rows": _rows(draw, n_steps)}


@step(
    "scan",
    lambda x, taps, rows: _call(
        f"lambda {', '.join('abc'[: len(taps)])}: {' - '.join('abc'[: len(taps)])}",
        {"sequences": f"[dict(input={x}, taps={list(taps)})]"},
        rows,
    ),
    takes=lambda e: _sequence(e) and e.shape[0] >= 3,
)
def scan_windows(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    taps = draw.choose(((-1, 0), (0, 1), (-1, 0, 1), (-2,), (1, 2)))
    return (x.name,), {"taps": taps, "rows": _rows(draw, x.shape[0] - max((*taps, 0)) + min((*taps, 0)))}


@step(
    "scan",
    lambda h, limit, n_steps, rows: _call(
        f"lambda h: (h + 1, theano.until(h.sum() > {limit}))", {"outputs_info": f"[{h}]", "n_steps": n_steps}, rows
    ),
    takes=_state,
)
def scan_until(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"limit": draw.integer(0, 8), "n_steps": draw.choose((3, 2, 6)), "rows": _rows(draw, 1)}


@step(
    "scan",
    lambda x, h, rows: _call(
        "lambda x, h: (h * 0.5 + x, x * h)", {"sequences": f"[{x}]", "outputs_info": f"[{h}, None]"}, ""
    ),
    takes=_sequence,
)
def scan_two(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name, _like(draw, pool, x, x.shape[1:]).name), {"rows": ""}


@step(
    "scan",
    lambda x, h, rows: (
        "theano.scan(lambda r: theano.scan(lambda e, a: a * 0.5 + e, sequences=[r], "
        f"outputs_info=[{h}])[0][-1], sequences=[{x}])[0]{rows}"
    ),
    takes=lambda e: e.ndim == 2 and e.dtype in WIDE_ENOUGH and e.shape[1] > 1,
)
def scan_nested(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name, _like(draw, pool, x, ()).name), {"rows": _rows(draw, x.shape[0])}


@step(
    "scan",
    "theano.{which}(lambda x, a: a * 0.5 + x, sequences={0}, outputs_info={1})[0]",
    takes=lambda e: _sequence(e) and e.shape[0] > 0,
)
def fold(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name, _like(draw, pool, x, x.shape[1:]).name), {"which": draw.choose(("reduce", "foldl", "foldr"))}
