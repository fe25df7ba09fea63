"""Graphs as pages: what `theano.d3viz` is for, without a package and without a network.

Owns the drawing: boxes in rows by how far they are from the inputs, in one HTML file. It must not know graphs: what is
drawn is the text of `dot`.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from reference.printing.dot import dot

__all__ = ["d3viz", "d3write", "page"]

_BOX = re.compile(r'^  (\w+) \[label="((?:[^"\\]|\\.)*)", shape=(\w+)(?:.*fillcolor=(\w+))?\]$')
_ARROW = re.compile(r'^  (\w+) -> (\w+) \[label="((?:[^"\\]|\\.)*)"\]$')
_COLOURS = {"gray90": "#e5e5e5", "palegreen": "#c9efc9", "lightblue": "#cfe3f5"}
_HEIGHT, _GAP = 26, 54


def d3viz(fct: Any, outfile: str | Path, copy_deps: bool = True, *args: Any, **accepted: Any) -> None:
    """Write a page with a picture of the graph, for any browser. Theano's options are accepted and have no effect."""
    Path(outfile).write_text(page(fct), encoding="utf-8")


def d3write(fct: Any, path: str | Path, *args: Any, **accepted: Any) -> None:
    """Write the graph in the DOT language."""
    Path(path).write_text(dot(fct), encoding="utf-8")


def page(obj: Any) -> str:
    """The graph of a variable, a list of them, a FunctionGraph or a function, as HTML."""
    boxes: dict[str, tuple[str, str]] = {}
    arrows: list[tuple[str, str, str]] = []
    for line in dot(obj).splitlines():
        if box := _BOX.match(line):
            boxes[box[1]] = _plain(box[2]), _COLOURS.get(box[4], "#ffffff")
        elif arrow := _ARROW.match(line):
            arrows.append((arrow[1], arrow[2], _plain(arrow[3])))
    rows = _rows(boxes, arrows)
    left, width = _places(boxes, rows)
    top = {name: 20 + k * (_HEIGHT + _GAP) for k, row in enumerate(rows) for name in row}
    drawn = []
    for source, target, note in arrows:
        x1, x2 = (left[n] + _width(boxes[n][0]) / 2 for n in (source, target))
        y1, y2 = top[source] + _HEIGHT, top[target]
        drawn.append(f'<line x1="{x1:g}" y1="{y1}" x2="{x2:g}" y2="{y2}"><title>{escape(note)}</title></line>')
    for name, (label, colour) in boxes.items():
        x, y, w = left[name], top[name], _width(label)
        drawn.append(f'<rect x="{x:g}" y="{y}" width="{w:g}" height="{_HEIGHT}" rx="5" fill="{colour}"/>')
        drawn.append(f'<text x="{x + w / 2:g}" y="{y + 18}">{escape(label)}</text>')
    height = 20 + len(rows) * (_HEIGHT + _GAP)
    style = "line{stroke:#888} rect{stroke:#555} text{font:13px sans-serif;text-anchor:middle}"
    return (
        f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>graph</title><style>{style}</style></head><body>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height}">\n'
        + "\n".join(drawn)
        + "\n</svg>\n</body></html>\n"
    )


def _rows(boxes: dict[str, Any], arrows: list[tuple[str, str, str]]) -> list[list[str]]:
    """The boxes by how far they are from the inputs. The arrows into a box stand before those out of it."""
    depth = dict.fromkeys(boxes, 0)
    for source, target, _ in arrows:
        depth[target] = max(depth[target], depth[source] + 1)
    return [[name for name in boxes if depth[name] == k] for k in range(max(depth.values(), default=0) + 1)]


def _places(boxes: dict[str, tuple[str, str]], rows: list[list[str]]) -> tuple[dict[str, float], float]:
    """Where each box begins, every row in the middle, and how wide the widest row is."""
    wide = [sum(_width(boxes[name][0]) + 20 for name in row) + 20 for row in rows]
    left: dict[str, float] = {}
    for row, own in zip(rows, wide):
        x = 20 + (max(wide) - own) / 2
        for name in row:
            left[name] = x
            x += _width(boxes[name][0]) + 20
    return left, max(wide)


def _width(label: str) -> float:
    return 20 + 7.5 * len(label)


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: " " if found[1] == "n" else found[1], text)
