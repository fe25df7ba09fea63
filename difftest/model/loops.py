"""Loops, and the steps of which only dtype and shape are known: gradients and random draws.

Owns `BODIES`, the text of a step and its NumPy twin. It must not look at the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from difftest.model.base import MODEL, SHAPE_ONLY, Value, line, shape_line
from difftest.model.reducing import _reduced

# Loops. A body is text, what it reads (x a sequence, h a state, w a non-sequence), and its NumPy twin.

BODIES: dict[str, tuple[str, Callable[..., Any]]] = {
    "h + x": ("hx", lambda h, x, w: h + x),
    "T.tanh(h * 0.5 + x)": ("hx", lambda h, x, w: np.tanh((h * _half(h) + x).astype("float64")).astype(h.dtype)),
    "h * w + x": ("hxw", lambda h, x, w: h * w + x),
    "T.switch(h > x, h, x)": ("hx", lambda h, x, w: np.where(h > x, h, x)),
    "h * 0.5": ("h", lambda h, x, w: h * _half(h)),
    "T.cos(h) + w": ("hw", lambda h, x, w: np.cos(h.astype("float64")).astype(h.dtype) + w),
    "h - w * w": ("hw", lambda h, x, w: h - w * w),
    "x": ("x", lambda h, x, w: x),
    "x * 2": ("x", lambda h, x, w: x * np.array(2, x.dtype)),
    "T.exp(x) * w": ("xw", lambda h, x, w: np.exp(x.astype("float64")).astype(x.dtype) * w),
    "x - T.tanh(w)": ("xw", lambda h, x, w: x - np.tanh(w.astype("float64")).astype(w.dtype)),
}


def _half(h: Value) -> Value:
    return np.array(0.5, h.dtype)


def _kept(rows: list[Value], like: Value, text: str) -> Value:
    """The stacked rows, and what an index such as ``[-1]`` or ``[::-1]`` keeps of them."""
    result = np.array(rows, like.dtype).reshape(len(rows), *like.shape)
    return np.asarray(
        {
            "": result,
            "[::-1]": result[::-1],
            "[-2:]": result[-2:],
            "[1:]": result[1:],
            "[-1]": result[-1] if len(result) else result,
            "[0]": result[0] if len(result) else result,
        }[text]
    )


@line
def scan_map(x: Value, w: Value, body: str, explicit: bool, backwards: bool, rows: str) -> Value:
    step = BODIES[body][1]
    return _kept([step(None, row, w) for row in (x[::-1] if backwards else x)], np.zeros(x.shape[1:], x.dtype), rows)


@line
def scan_state(
    x: Value, h: Value, w: Value, body: str, explicit: bool, backwards: bool, n_steps: int | None, rows: str
) -> Value:
    found = []
    state = h
    for row in (x[::-1] if backwards else x)[:n_steps]:
        state = BODIES[body][1](state, row, w)
        found.append(state)
    return _kept(found, h, rows)


@line
def scan_loop(h: Value, w: Value, body: str, explicit: bool, n_steps: int, rows: str) -> Value:
    found = []
    state = h
    for _ in range(n_steps):
        state = BODIES[body][1](state, None, w)
        found.append(state)
    return _kept(found, h, rows)


@line
def scan_taps(x: Value, taps: Sequence[int], n_steps: int, rows: str) -> Value:
    past = [*x[: -taps[0]]]
    for _ in range(n_steps):
        g, h = past[taps[0]], past[taps[1]]
        past.append(np.tanh((g * _half(g) - h).astype("float64")).astype(g.dtype))
    return _kept(past[-taps[0] :], x[0], rows)


@line
def scan_windows(x: Value, taps: Sequence[int], rows: str) -> Value:
    first, last = -min((*taps, 0)), len(x) - max((*taps, 0))
    found = []
    for t in range(first, last):
        row = x[t + taps[0]]
        for k in taps[1:]:
            row = row - x[t + k]
        found.append(row)
    return _kept(found, x[0], rows)


@line
def scan_until(h: Value, limit: int, n_steps: int, rows: str) -> Value:
    found = []
    state = h
    for _ in range(n_steps):
        enough = bool(_reduced(state, None, None, np.sum, False) > limit)
        state = state + np.array(1, h.dtype)
        found.append(state)
        if enough:
            break
    return _kept(found, h, rows)


@line
def scan_two(x: Value, h: Value, rows: str) -> tuple[Value, Value]:
    states, products = [], []
    state = h
    for row in x:
        products.append(row * state)
        state = state * _half(h) + row
        states.append(state)
    return _kept(states, h, ""), _kept(products, h, "")


@line
def scan_nested(x: Value, h: Value, rows: str) -> Value:
    found = []
    for row in x:
        state = h
        for element in row:
            state = state * _half(h) + element
        found.append(state)
    return _kept(found, h, rows)


@line
def fold(x: Value, h: Value, which: str) -> Value:
    state = h
    for row in x[::-1] if which == "foldr" else x:
        state = state * _half(h) + row
    return state


# Of gradients and random draws only dtype and shape are known.


@shape_line
def grad(cost: Value, *wrt: Value) -> tuple[Value, ...]:
    return tuple(np.zeros_like(w) for w in wrt)


def _sample(seed: int, size: Sequence[int], dtype: str, **parameters: Any) -> Value:
    return np.zeros(size, dtype)


for _name in ("uniform", "normal", "binomial"):
    MODEL[_name] = _sample
    SHAPE_ONLY.add(_name)


@shape_line
def two_draws(seed: int, size: Sequence[int], dtype: str) -> tuple[Value, Value]:
    return np.zeros(size, dtype), np.zeros(size, dtype)
