"""The relatives of `scan`: `map`, `reduce`, `foldl`, `foldr`, and `scan_checkpoints`, whose gradient remembers less.

Owns how each is written with `scan`. It must not know how a loop runs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import reference.tensor
from reference.scan.arguments import as_list, number_of_steps, sequence_of
from reference.scan.build import scan
from reference.scan.returned import OrderedUpdates, parse


def map(
    fn: Callable[..., Any],
    sequences: Any,
    non_sequences: Any = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """``[fn(x) for x in sequence]``: outputs and updates."""
    return scan(fn, sequences, None, non_sequences, None, truncate_gradient, go_backwards, mode, name)


def reduce(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """The last value of ``acc = fn(x, acc)``, and updates."""
    outputs, updates = scan(fn, sequences, outputs_info, non_sequences, go_backwards=go_backwards, mode=mode, name=name)
    if isinstance(outputs, list):
        return [v[-1] for v in outputs], updates
    return None if outputs is None else outputs[-1], updates


def foldl(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """`reduce` from the first element to the last."""
    return reduce(fn, sequences, outputs_info, non_sequences, False, mode, name)


def foldr(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any = None,
    mode: Any = None,
    name: str | None = None,
) -> tuple[Any, OrderedUpdates]:
    """`reduce` from the last element to the first."""
    return reduce(fn, sequences, outputs_info, non_sequences, True, mode, name)


def scan_checkpoints(
    fn: Callable[..., Any],
    sequences: Any = None,
    outputs_info: Any = None,
    non_sequences: Any = None,
    name: str = "checkpointscan_fn",
    n_steps: Any = None,
    save_every_N: int = 10,
    padding: bool = True,
) -> tuple[Any, OrderedUpdates]:
    """`scan` of which only every `save_every_N`-th row, and the last, is given and remembered.

    A gradient computes the steps between two of those anew: with `save_every_N` near the square root of the number
    of steps it needs room for so many rows, not for all. States have tap -1, sequences tap 0, and there is no until.
    Sequences are padded to a multiple of `save_every_N`, which copies them; with ``padding=False`` they must have it.
    """
    ns: Any = reference.tensor
    read = [sequence_of(k, s) for k, s in enumerate(as_list(sequences))]
    states = as_list(outputs_info)
    if any(s.taps != [0] for s in read) or any(
        isinstance(i, dict) and i.get("taps") not in (None, [-1]) for i in states
    ):
        raise ValueError(f"scan_checkpoints {name!r}: sequences have tap 0 and states tap -1, no others")
    if not isinstance(save_every_N, int) or save_every_N < 1:
        raise ValueError(f"scan_checkpoints {name!r}: save_every_N is a positive number of steps, not {save_every_N!r}")
    steps = ns.cast(number_of_steps(n_steps, read), "int64")
    chunks = ns.ceil_intdiv(steps, save_every_N)
    counts = ns.minimum(save_every_N, steps - save_every_N * ns.arange(chunks))

    def chunked(rows: Any) -> Any:
        rows = rows[:steps]
        tail = [rows.shape[k] for k in range(1, rows.ndim)]
        if padding:
            rows = ns.concatenate([rows, ns.zeros([chunks * save_every_N - steps, *tail], dtype=rows.dtype)])
        return rows.reshape([chunks, save_every_N, *tail], ndim=rows.ndim + 1)

    @wraps(fn)
    def endless(*arguments: Any) -> Any:
        returned = fn(*arguments)
        if parse(returned)[2] is not None:
            raise ValueError(f"scan_checkpoints {name!r}: a step must not end the loop, it returns until(...)")
        return returned

    def chunk(*arguments: Any) -> Any:
        rows, (count, *rest) = arguments[: len(read)], arguments[len(read) :]
        past = iter(rest)
        inner = [None if i is None or i == {} else next(past) for i in states]
        rows_, updates = scan(
            endless, list(rows), inner, list(past), n_steps=count, name=f"{name}_inner", return_list=True
        )
        return [v[-1] for v in rows_], updates

    return scan(
        chunk, [*[chunked(s.input) for s in read], counts], states, non_sequences, n_steps=chunks, name=f"{name}_outer"
    )
