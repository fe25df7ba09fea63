"""Steps that draw random numbers, from streams of their own, and the step that prints.

Owns which distributions are drawn from, with sizes and parameters that are legal. A stream is made where the step
stands, so that inside the body of a loop it moves on in every step.
"""

from __future__ import annotations

from typing import Any

from difftest.strategies import shapes
from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.dtypes import is_float
from difftest.strategies.registry import Drawn, step


def _stream(method: str, seed: int, mrg: bool = False) -> str:
    family = "theano.sandbox.rng_mrg.MRG_RandomStreams" if mrg else "T.shared_randomstreams.RandomStreams"
    return f"{family}({seed}).{method}"


def _common(draw: Draw) -> dict[str, Any]:
    seed = draw.integer(0, 3)
    # The other family takes no seed 0.
    return {"seed": seed + 1, "mrg": True} if draw.seldom() else {"seed": seed}


def _size(draw: Draw, most: int = 2) -> tuple[int, ...]:
    size = shapes.shape(draw, 0, most)
    return size if size.count(1) < 2 else size[:1]


def _sized(method: str) -> Any:
    return lambda seed, size, dtype, mrg=False: _stream(f"{method}(size={size!r}, dtype={dtype!r})", seed, mrg)


def _draw_sample(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (), {**_common(draw), "size": _size(draw), "dtype": draw.choose(("float64", "float32", "float16"))}


def _draw_real(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (), {**_common(draw), "size": _size(draw), "dtype": draw.choose(("float64", "float32"))}


step("random", _sized("uniform"), takes=None, name="uniform", smooth=False)(_draw_sample)
step("random", _sized("normal"), takes=None, name="normal", smooth=False)(_draw_real)


def _small_float(e: Entry) -> bool:
    return is_float(e.dtype) and e.size <= 16


@step(
    "random",
    lambda low, seed, high, dtype="float64", mrg=False: _stream(
        f"uniform(size={low}.shape, low={low}, high={high}, dtype={low}.dtype)", seed, mrg
    ),
    takes=_small_float,
    smooth=False,
)
def uniform_from(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {**_common(draw), "high": draw.choose((1.0, 2.5, -1.0))}


@step(
    "random",
    lambda avg, seed, std=1.0, mrg=False: _stream(
        f"normal(size={avg}.shape, avg={avg}, std={std!r}, dtype={avg}.dtype)", seed, mrg
    ),
    takes=lambda e: e.dtype in ("float64", "float32") and e.size <= 16,
    smooth=False,
)
def normal_around(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {**_common(draw), "std": draw.choose((1.0, 2.5, 0.25))}


@step(
    "random",
    lambda seed, size, n, p, dtype, mrg=False: _stream(
        f"binomial(size={size!r}, n={n}, p={p}, dtype={dtype!r})", seed, mrg
    ),
    takes=None,
    smooth=False,
)
def binomial(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (), {
        **_common(draw),
        "size": _size(draw),
        "n": draw.choose((1, 3, 0)),
        "p": draw.choose((0.5, 0.25, 0.0)),
        "dtype": draw.choose(("int64", "float32", "float64")),
    }


@step(
    "random",
    lambda p, seed, n, mrg=False: _stream(f"binomial(size={p}.shape, n={n}, p={p}, dtype={p}.dtype)", seed, mrg),
    takes=_small_float,
    smooth=False,
)
def binomial_with(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {**_common(draw), "n": draw.choose((1, 2))}


@step(
    "random",
    lambda seed, size, low, high: _stream(f"random_integers(size={size!r}, low={low}, high={high})", seed),
    takes=None,
    smooth=False,
)
def random_integers(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    low = draw.integer(-2, 2)
    return (), {"seed": draw.integer(0, 3), "size": _size(draw), "low": low, "high": low + draw.choose((1, 0, 5))}


@step(
    "random",
    lambda seed, size, n: _stream(f"permutation(size={size!r}, n={n})", seed),
    takes=None,
    smooth=False,
)
def permutation(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (), {"seed": draw.integer(0, 3), "size": _size(draw, 1), "n": draw.choose((3, 1, 5, 0))}


@step(
    "random",
    lambda x, seed: _stream(f"shuffle_row_elements({x})", seed),
    takes=lambda e: 1 <= e.ndim <= 2 and e.size <= 16,
    smooth=False,
)
def shuffled(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (x.name,), {"seed": draw.integer(0, 3)}


@step(
    "random",
    lambda seed, size, a, replace, p: _stream(
        f"choice(size={size!r}, a={a}, replace={replace}, p={None if p is None else list(p)})", seed
    ),
    takes=None,
    smooth=False,
)
def choice(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    a = draw.choose((3, 2, 5, 1))
    replace = draw.often()
    p = tuple(draw.choose((0.5, 0.25, 1.0)) for _ in range(a)) if replace and draw.flag() else None
    size = _size(draw) if replace else (draw.integer(0, a),)
    return (), {"seed": draw.integer(0, 3), "size": size, "a": a, "replace": replace, "p": p}


@step(
    "random",
    lambda seed, size, n, pvals: _stream(f"multinomial(size={size!r}, n={n}, pvals={list(pvals)})", seed),
    takes=None,
    smooth=False,
)
def multinomial(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    pvals = draw.choose(((0.5, 0.5), (0.25, 0.25, 0.5), (1.0,), (0.0, 1.0)))
    return (), {"seed": draw.integer(0, 3), "size": _size(draw, 1), "n": draw.choose((1, 3, 0)), "pvals": pvals}


@step(
    "random",
    lambda seed, size, dtype: (
        f"rng = T.shared_randomstreams.RandomStreams({seed})\n"
        f"RESULT = rng.uniform(size={size!r}, dtype={dtype!r}), rng.uniform(size={size!r}, dtype={dtype!r})"
    ),
    takes=None,
    smooth=False,
)
def two_draws(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    return (), {"seed": draw.integer(0, 3), "size": _size(draw), "dtype": draw.choose(("float64", "float32"))}


@step("print", "theano.printing.Print({message!r}, attrs={attrs!r})({0})", firm=True)
def printed(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    attrs = draw.choose((("__str__",), ("shape",), ("shape", "dtype")))
    return (x.name,), {"message": draw.choose(("here", "")), "attrs": attrs}
