"""A whole loop as one kernel that calls, in every step, the kernels of the step as functions.

Owns their joining: what several programs define is written once, kernels become functions of a number (which
item they would have been), and arrays that move from step to step are pointers that do. It must not know what
the kernels compute or who chose this form (lower/scan_rows.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from opencl_backend import scalar_c
from opencl_backend.loop import Geometry
from opencl_backend.render import (
    NEXT,
    ONCE,
    ROW,
    STRIDED,
    Body,
    Spec,
    header,
    signature,
    unaligned,
    unaligned_types,
)
from opencl_backend.scalar_c import STORAGE, CType

KERNEL = re.compile(r"__attribute__\(\(reqd_work_group_size\(1, 1, 1\)\)\)\nkernel void \w+\((.*?)\) \{", re.DOTALL)
WIDE = "__attribute__((min_vector_width(512)))"
"""Of functions: processors for which compilers rather use half of their widest vectors use all of it, as in kernels."""
_OWN = re.compile(r"\b(tile_|part\d)")


@dataclass(frozen=True)
class Place:
    """Where an array begins in step t: at argument `array`, moved by ``g[at] + t * g[at + 1]`` elements, or around a
    ring by ``(g[at] + t) % g[at + 1] * g[at + 2]``; `at` is None for what stays."""

    array: int
    at: int | None = None
    ring: bool = False


@dataclass(frozen=True)
class Call:
    """One kernel of a step: its program, its arrays, and where its numbers begin.

    items   how often it is called, for items 0, 1, ...
    split   every work-item of the loop calls it for the items ``item``, ``item + items``, ... only, `items` in all
    drawn   where, among its numbers, the words of a draw's counter are, and how many draws there are before it in
            a step and in a whole step
    """

    text: str
    places: tuple[int, ...]
    at: int
    count: int
    items: int
    split: int
    drawn: tuple[int, int, int] | None = None


@cache
def nest(spec: Spec, geometry: Geometry, width: int) -> str:
    """A loop nest of known lengths and strides: less text than one for all lengths, for the compiler's sake.

    Item k goes through ``g[0]`` of the outermost axis, which must be at least a vector if it is the innermost, too;
    the last vector of a row is moved back to end where the row ends.
    """
    shape, rank, last = geometry.shape, len(geometry.shape), len(geometry.shape) - 1
    body, one = Body(spec, width), Body(spec, 1)
    value = body.build()
    out = ["const long first = get_global_id(0) * g[0], beyond = first + g[0];"]
    out.append(f"const long end = beyond < {shape[0]} ? beyond : {shape[0]};")
    stored = (spec.steps[-1].dtype, spec.store)
    kinds = [*spec.loads, stored]

    def begin(k: int) -> str:
        steps = [f"i{axis} * {geometry.strides[k][axis]}" for axis in range(last) if geometry.strides[k][axis]]
        return " + ".join([f"g[{1 + k}]", *steps])

    for k, (dtype, how) in enumerate(spec.loads):
        if how == ONCE:
            out.append(f"const {CType(dtype).name} s{k} = {one.loaded(dtype, f'p{k}[{begin(k)}]')};")
    for axis in range(last):
        bounds = ("first", "end") if axis == 0 else ("0", str(shape[axis]))
        out.append(f"for (long i{axis} = {bounds[0]}; i{axis} < {bounds[1]}; i{axis}++) {{")
    for k, (dtype, how) in enumerate(kinds):
        name, pointer, const = (f"a{k}", f"p{k}", "const ") if k < len(spec.loads) else ("o", "q", "")
        if how == ROW:
            out.append(f"const {CType(dtype).name} s{k} = {one.loaded(dtype, f'{pointer}[{begin(k)}]')};")
        elif how in (NEXT, STRIDED):
            out.append(f"global {const}{STORAGE[dtype]} *{name} = {pointer} + ({begin(k)});")
            if how == STRIDED:
                out.append(f"const long t{k} = {geometry.strides[k][last]};")
    start, stop = ("0", str(shape[last])) if rank > 1 else ("first", "end")
    out.append(f"for (long next = {start}; next < {stop}; next += {width}) {{")
    out.append(f"const long j = next + {width} <= {stop} ? next : {stop} - {width};")
    out += body.lines
    result = body.stored(spec.steps[-1].dtype, value)
    if width > 1:
        out.append(f"*(global {unaligned(stored[0], width)} *)(o + j) = {result};")
    else:
        out.append(f"o[{'j' if spec.store == NEXT else f'j * t{len(spec.loads)}'}] = {result};")
    out += ["}"] * (last + 1)
    pointers = [(f"const {STORAGE[dtype]}", f"p{k}") for k, (dtype, _) in enumerate(spec.loads)]
    types = unaligned_types((d, width) for d, how in kinds if how == NEXT) if width > 1 else ""
    text = header(spec.fp64) + types + scalar_c.prelude({**one.helpers, **body.helpers})
    return text + signature("nest", [*pointers, (STORAGE[stored[0]], "q")]) + "\n" + "\n".join(out) + "\n}\n"


def definitions(text: str) -> list[str]:
    """The top-level lines and functions of a program, one by one."""
    found, depth, part = [], 0, []
    for line in text.splitlines():
        if not line.strip():
            continue
        part.append(line)
        depth += line.count("{") - line.count("}")
        if line.endswith("\\"):
            continue
        if depth == 0 and not line.startswith("__attribute__") and (line.endswith(("}", ";")) or line.startswith("#")):
            found.append("\n".join(part))
            part = []
    return found


def functions(calls: Sequence[Call]) -> tuple[list[str], dict[str, str]]:
    """What the programs of these calls define, kernels as functions, and the names of those: by text, and by text and
    "drawn"."""
    known: dict[str, None] = {}
    out: list[str] = []
    names: dict[str, str] = {}
    for call in calls:
        key = call.text + ("drawn" if call.drawn else "")
        if key in names:
            continue
        names[key] = name = f"part{len(names)}"
        # What was joined before is joined again as it was written.
        for part in definitions(_OWN.sub(rf"{name}_\1", call.text.replace(f"{WIDE} ", ""))):
            kernel = KERNEL.search(part)
            if kernel:
                space = "const long *g" if call.drawn else "constant long *g"
                given = kernel.group(1).replace("restrict ", "").replace("constant long *g", space)
                body = part[kernel.end() :].replace("get_global_id(0)", "which")
                out.append(f"{WIDE} static void {name}(const long which, {given}) {{{body}")
            elif part.startswith("#pragma OPENCL FP_CONTRACT"):
                out.append(part)
            elif part not in known:
                known[part] = None
                out.append(f"{WIDE} {part}" if part.startswith("static ") else part)
    out.append("#pragma OPENCL FP_CONTRACT OFF")
    return out, names


def text(
    arrays: Sequence[str], places: Sequence[Place], calls: Sequence[Call], until: tuple[int, int] | None, fp64: bool,
    ended: Sequence[tuple[int, int, int]] = (),
) -> str:  # fmt: skip
    """The program; its kernel is ``loop``. `arrays` are the types of the arguments, `until` (place, offset) of the
    condition, `ended` what goes where after the last step: (place, argument, elements). Numbers begin with: items,
    steps."""
    out, names = functions(calls)
    given = ", ".join(["constant long *g", *(f"global {kind} *p{k}" for k, kind in enumerate(arrays))])
    out += [
        "__attribute__((reqd_work_group_size(1, 1, 1)))",
        f"kernel void loop({given}) {{",
        "const long item = get_global_id(0), steps = g[1];",
        "long t = 0;",
        "for (t = 0; t < steps; t++) {",
    ]
    here = [f"global {arrays[place.array]} *const a{k} = {_where(place)};" for k, place in enumerate(places)]
    out += here
    for call in calls:
        name = names[call.text + ("drawn" if call.drawn else "")]
        pointers = "".join(f", (global void *)a{k}" for k in call.places)
        if call.split:
            loop = f"for (long i = item; i < {call.items}; i += {call.split})"
        else:
            loop = f"for (long i = 0; i < {call.items}; i++)"
        if call.drawn is None:
            out.append(f"{loop} {name}(i, g + {call.at}{pointers});")
            continue
        word, before, each = call.drawn
        low, high = call.at + word, call.at + word + 1
        out += [
            "{",
            f"long w[{call.count}];",
            f"for (int k = 0; k < {call.count}; k++) w[k] = g[{call.at} + k];",
            f"const ulong draw = ((ulong)g[{high}] << 32 | (ulong)g[{low}]) + (ulong)t * {each} + {before};",
            f"w[{word}] = (long)(draw & 0xffffffffUL); w[{word + 1}] = (long)(draw >> 32);",
            f"{loop} {name}(i, w{pointers});",
            "}",
        ]
    if until is not None:
        out.append(f"if (a{until[0]}[{until[1]}]) {{ t++; break; }}")
    out.append("}")
    if until is not None:
        out.append(f"p{len(arrays) - 1}[0] = t;")
    if ended:
        out.append("t--;")
    for place, array, size in ended:
        out.append(f"{{ {here[place]} for (long i = 0; i < {size}; i++) p{array}[i] = a{place}[i]; }}")
    return header(fp64) + "\n".join(out) + "\n}\n"


def _where(place: Place) -> str:
    """Where an array begins in step t."""
    if place.at is None:
        return f"p{place.array}"
    if place.ring:
        return f"p{place.array} + (g[{place.at}] + t) % g[{place.at + 1}] * g[{place.at + 2}]"
    return f"p{place.array} + (g[{place.at}] + t * g[{place.at + 1}])"
