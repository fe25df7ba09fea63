"""Plots as SVG text: curves over a logarithmic grid, and ratios a row around 1.

Owns scales, ticks and looks. It must not know what is plotted, and needs nothing but the standard library.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

COLOURS = ("#1f5fa8", "#c8502b", "#2d8a4e", "#7a5aa6", "#8a8a8a", "#b8902a", "#3aa6a6")
LEFT, TOP, WIDTH, HEIGHT, LEGEND = 64, 34, 420, 260, 120
ROW = 20
Points = Sequence[tuple[float, float]]


def decades(low: float, high: float) -> list[float]:
    """The powers of ten around all of [low, high]."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    return [10.0**k for k in range(first, max(last, first + 1) + 1)]


def ladder(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, ... around all of [low, high]."""
    steps = [digit * ten for ten in decades(low / 10, high * 10) for digit in (1, 2, 5)]
    first = max(k for k, step in enumerate(steps) if step <= low)
    last = min(k for k, step in enumerate(steps) if step >= high)
    return steps[first : max(last, first + 1) + 1]


def _name(tick: float) -> str:
    return f"{tick:g}" if 1e-3 < tick < 1e4 else f"1e{round(math.log10(tick))}"


def _text(x: float, y: float, text: str, anchor: str = "middle", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(text)}</text>'


def _line(x: float, y: float, to_x: float, to_y: float, colour: str = "#dddddd") -> str:
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="{colour}"/>'


def _page(width: float, height: float, title: str, body: Iterable[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
    head += f'height="{height:g}" font-family="sans-serif" font-size="11" fill="#222222">'
    ground = f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>'
    return "\n".join([head, ground, _text(12, 18, title, "start", ' font-size="13"'), *body, "</svg>"]) + "\n"


def _position(value: float, ticks: Sequence[float], length: float) -> float:
    first, last = math.log10(ticks[0]), math.log10(ticks[-1])
    return length * (math.log10(value) - first) / (last - first)


def curves(title: str, across: str, up: str, series: Mapping[str, Points]) -> str:
    """Points joined by lines, one colour a name, both axes logarithmic."""
    points = [p for found in series.values() for p in found]
    xs, ys = (decades(min(p[k] for p in points), max(p[k] for p in points)) for k in (0, 1))
    bottom = TOP + HEIGHT
    body = []
    for tick in xs:
        x = LEFT + _position(tick, xs, WIDTH)
        body += [_line(x, TOP, x, bottom), _text(x, bottom + 14, _name(tick))]
    for tick in ys:
        y = bottom - _position(tick, ys, HEIGHT)
        body += [_line(LEFT, y, LEFT + WIDTH, y), _text(LEFT - 6, y + 4, _name(tick), "end")]
    body.append(_text(LEFT + WIDTH / 2, bottom + 32, across))
    body.append(_text(14, TOP + HEIGHT / 2, up, more=f' transform="rotate(-90 14 {TOP + HEIGHT / 2:g})"'))
    for k, (name, found) in enumerate(series.items()):
        colour = COLOURS[k % len(COLOURS)]
        at = [(LEFT + _position(x, xs, WIDTH), bottom - _position(y, ys, HEIGHT)) for x, y in found]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        body += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in at]
        body.append(_text(LEFT + WIDTH + 14, TOP + 12 + 16 * k, name, "start", f' style="fill:{colour}"'))
    return _page(LEFT + WIDTH + LEGEND, bottom + 44, title, body)


def ratios(title: str, rows: Mapping[str, Mapping[str, float]]) -> str:
    """One line a row, a dot a name: how often the row's own unit, which is the line at 1."""
    names = list(dict.fromkeys(name for found in rows.values() for name in found))
    every = [value for found in rows.values() for value in found.values()] + [1.0]
    ticks = ladder(min(every), max(every))
    left, bottom = 290, TOP + 8 + ROW * len(rows)
    body = []
    for tick in ticks:
        x = left + _position(tick, ticks, WIDTH)
        body += [_line(x, TOP, x, bottom, "#555555" if tick == 1 else "#dddddd"), _text(x, bottom + 14, f"{tick:g}")]
    for k, (row, found) in enumerate(rows.items()):
        y = TOP + ROW * (k + 0.7)
        body.append(_text(left - 10, y + 4, row, "end"))
        for name, value in found.items():
            x = left + _position(value, ticks, WIDTH)
            colour = COLOURS[names.index(name) % len(COLOURS)]
            body.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}" fill-opacity="0.8"/>')
    for k, name in enumerate(names):
        colour = COLOURS[k % len(COLOURS)]
        body.append(_text(left + WIDTH + 14, TOP + 12 + 16 * k, name, "start", f' style="fill:{colour}"'))
    return _page(left + WIDTH + LEGEND, bottom + 26, title, body)
