"""Steps that convolve: every border mode, stride, dilation and grouping, forward and both ways back.

Owns shapes of images and filters that fit each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from difftest.strategies.drawing import Draw, Entry, Pool
from difftest.strategies.dtypes import is_float
from difftest.strategies.registry import Drawn, call, step

IMAGES = ((1, 2, 4, 3), (2, 1, 4, 4), (1, 1, 5, 4), (2, 2, 3, 3), (1, 4, 3, 4), (0, 1, 3, 3))
VOLUMES = ((1, 1, 3, 3, 3), (1, 2, 2, 3, 2), (2, 1, 2, 2, 3))
MOST = 128
"""Elements of a result."""


@dataclass(frozen=True)
class Setting:
    """Filters that fit an image, and what comes of it."""

    kernel: tuple[int, ...]
    options: dict[str, Any]
    result: tuple[int, ...]


def _setting(draw: Draw, image: tuple[int, ...]) -> Setting:
    channels, lengths = image[1], image[2:]
    d = len(lengths)
    groups = 2 if channels % 2 == 0 and draw.seldom() else 1
    kernel = tuple(draw.integer(1, min(3, n)) for n in lengths)
    apart = tuple(2 if 2 * k - 1 <= n and draw.seldom() else 1 for k, n in zip(kernel, lengths))
    steps = tuple(draw.choose((1, 1, 2, 3)) for _ in lengths)
    reach = [(k - 1) * a + 1 for k, a in zip(kernel, apart)]
    modes: tuple[Any, ...] = (
        "valid", "full", "half", 1, tuple(range(d)), tuple((k % 2, 1 - k % 2) if k else 1 for k in range(d)),
    )  # fmt: skip
    mode = draw.choose(modes)
    filters = groups * draw.choose((1, 2))
    result = _result(image, filters, reach, steps, mode)
    size = 1
    for n in result:
        size *= n
    if size > MOST:
        mode, result = "valid", _result(image, filters, reach, steps, "valid")
    chosen = {
        "border_mode": mode, "subsample": steps, "filter_flip": draw.flag(), "filter_dilation": apart,
        "num_groups": groups,
    }  # fmt: skip
    ones = (1,) * d
    defaults = {
        "border_mode": "valid", "subsample": ones, "filter_flip": True, "filter_dilation": ones, "num_groups": 1,
    }  # fmt: skip
    options = {name: value for name, value in chosen.items() if value != defaults[name]}
    places: tuple[int, ...] = ()
    if d == 2 and draw.seldom():
        options["unshared"], places = True, result[2:]
    return Setting((filters, *places, channels // groups, *kernel), options, result)


def _result(
    image: tuple[int, ...], filters: int, reach: list[int], steps: tuple[int, ...], mode: Any
) -> tuple[int, ...]:
    d = len(steps)
    modes = [mode] * d if isinstance(mode, str | int) else mode
    around = [
        0 if m == "valid" else 2 * (r - 1) if m == "full" else 2 * (r // 2) if m == "half" else
        sum(m) if isinstance(m, tuple) else 2 * m
        for m, r in zip(modes, reach)
    ]  # fmt: skip
    return (image[0], filters, *((n + a - r) // s + 1 for n, a, r, s in zip(image[2:], around, reach, steps)))


def _image(draw: Draw, pool: Pool, x: Entry, rank: int) -> Entry:
    def fits(e: Entry) -> bool:
        return e.ndim == rank and e.kind in "iuf" and min(e.shape[1:]) > 0 and e.shape[1] <= 4

    shape = draw.choose(IMAGES if rank == 4 else VOLUMES)
    return pool.fitting(x, fits, draw.choose(("float32", "float64", "float32", "float16", "int32", "int8")), shape)


def _beside(draw: Draw, pool: Pool, x: Entry, shape: tuple[int, ...], numbers: bool = False) -> Entry:
    """An earlier value or new input of that shape, mostly of the same dtype; truth values only beside numbers."""
    known = pool.having(lambda e: e.shape == shape and e.kind in "iuf" and (is_float(e.dtype) or e.dtype == x.dtype))
    if known and draw.often():
        return draw.choose(known)
    dtype = draw.choose(pool.dtypes) if draw.seldom() and pool.dtypes[0] in _NUMBERS else x.dtype
    return pool.source(x.dtype if numbers and dtype == "bool" else dtype, shape)


_NUMBERS = ("float64", "float32", "float16", "int64", "int32", "int16", "int8")


def _drawn(draw: Draw, pool: Pool, x: Entry, rank: int) -> tuple[Entry, Setting]:
    image = _image(draw, pool, x, rank)
    return image, _setting(draw, image.shape)


def _forward(rank: int) -> Any:
    def draw_forward(draw: Draw, pool: Pool, x: Entry) -> Drawn:
        image, setting = _drawn(draw, pool, x, rank)
        return (image.name, _beside(draw, pool, image, setting.kernel).name), setting.options

    return draw_forward


def _back_to_inputs(rank: int) -> Any:
    def draw_back(draw: Draw, pool: Pool, x: Entry) -> Drawn:
        image, setting = _drawn(draw, pool, x, rank)
        top = _beside(draw, pool, image, setting.result)
        filters = _beside(draw, pool, image, setting.kernel, numbers=top.dtype == "bool")
        return (top.name, filters.name), {"input_shape": image.shape, **setting.options}

    return draw_back


def _back_to_weights(rank: int) -> Any:
    def draw_back(draw: Draw, pool: Pool, x: Entry) -> Drawn:
        image, setting = _drawn(draw, pool, x, rank)
        top = _beside(draw, pool, image, setting.result)
        return (image.name, top.name), {"filter_shape": setting.kernel, **setting.options}

    return draw_back


for _name, _rank in (("conv2d", 4), ("conv3d", 5)):
    for _suffix, _draw in (
        ("", _forward(_rank)), ("_grad_wrt_inputs", _back_to_inputs(_rank)),
        ("_grad_wrt_weights", _back_to_weights(_rank)),
    ):  # fmt: skip
        step("convolution", call(f"T.nnet.{_name}{_suffix}"), takes=None, name=_name + _suffix)(_draw)


@step("convolution", call("T.nnet.conv2d_transpose"), takes=None)
def conv2d_transpose(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    image, steps = _image(draw, pool, x, 4), draw.choose(((1, 1), (2, 1), (2, 3)))
    kernel = (image.shape[1], draw.choose((1, 2)), draw.choose((1, 2)), draw.choose((2, 1)))
    lengths = (s * (n - 1) + k for s, n, k in zip(steps, image.shape[2:], kernel[2:]))
    shape = (image.shape[0], kernel[1], *lengths)
    return (image.name, _beside(draw, pool, image, kernel).name), {"output_shape": shape, "input_dilation": steps}


def _separable(rank: int) -> Any:
    def draw_separable(draw: Draw, pool: Pool, x: Entry) -> Drawn:
        image = _image(draw, pool, x, rank)
        channels, d = image.shape[1], rank - 2
        times = draw.choose((1, 2)) if channels < 3 else 1
        depth = (channels * times, 1, *(min(2, n) for n in image.shape[2:]))
        point = (draw.choose((1, 2)), channels * times, *(1,) * d)
        return (image.name, *(_beside(draw, pool, image, shape).name for shape in (depth, point))), {
            "num_channels": channels
        }

    return draw_separable


for _name, _rank in (("separable_conv2d", 4), ("separable_conv3d", 5)):
    step("convolution", call(f"T.nnet.{_name}"), takes=None, name=_name)(_separable(_rank))


@step("convolution", "T.nnet.causal_conv1d({0}, {1}, (None, None, {length}), filter_dilation={filter_dilation})",
      takes=None)  # fmt: skip
def causal_conv1d(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    sequence = pool.fitting(
        x, lambda e: e.ndim == 3 and e.kind in "iuf" and min(e.shape[1:]) > 0,
        draw.choose(("float32", "float64")), (1, 2, 5),
    )  # fmt: skip
    length = draw.choose((2, 3, 1))
    filters = _beside(draw, pool, sequence, (draw.choose((1, 2)), sequence.shape[1], length))
    return (sequence.name, filters.name), {"length": length, "filter_dilation": draw.choose((1, 2))}


@step("convolution", "T.signal.conv.conv2d({0}, {1}, border_mode={border_mode!r})", takes=None)
def images_conv2d(draw: Draw, pool: Pool, x: Entry) -> Drawn:
    """A matrix, or a batch of them, and one filter or several."""
    image = pool.fitting(
        x, lambda e: 2 <= e.ndim <= 3 and e.kind in "iuf" and min(e.shape[-2:]) > 1,
        draw.choose(("float32", "float64", "int32")), draw.choose(((4, 3), (2, 3, 4))),
    )  # fmt: skip
    filters = _beside(draw, pool, image, draw.choose(((2, 2), (2, 1, 2), (1, 2))))
    return (image.name, filters.name), {"border_mode": draw.choose(("valid", "full"))}
