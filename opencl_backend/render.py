"""A loop nest as OpenCL C.

Owns the text of kernels that compute expressions: a pure function of a `Spec`, which holds dtypes, access
patterns and the expression, and no lengths, strides or offsets; those are kernel arguments, so programs
of one kind share one text. It must not know values, queues or plans (`run` hands both over).

On CPUs a work-item owns one contiguous chunk and goes through it in vectors of 16 (8 where 8-byte numbers
take part), the rest one by one; on GPUs a work-item owns one element.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from opencl_backend import scalar_c
from opencl_backend.kernels import uniform
from opencl_backend.launch import over
from opencl_backend.loop import Expr, Gather, Lazy, Load, Position, chunk, joined, walk
from opencl_backend.runtime import DeviceArray, Number
from opencl_backend.scalar_c import STORAGE, CType

if TYPE_CHECKING:
    from opencl_backend.context import Context

GPU_GROUP = 128

ONCE, ROW, NEXT, STRIDED, MOVED, MADE, DRAWN = "once", "row", "next", "strided", "moved", "made", "drawn"
"""How an operand goes through the innermost axis: one element for all, one a row, the next one, a stride;
or to where index values say; or it is a register of this name already; or uniform numbers made as they are read."""
A_DRAW = 8
"""Simple operations that such a number is taken for."""
A_FUNCTION = 8
"""Simple operations that a function such as exp is taken for."""
ALONE = 4
"""How much longer a number takes that is in no vector."""
BESIDE = 4
"""Vectors that are computed side by side where an element takes long: the operations of one wait for each other, and a
processor does not look far enough ahead to begin the next."""
LONG = 20
"""Simple operations that are long."""
MANY = 1 << 14
"""Simple operations of a loop that are worth the longer text."""


@dataclass(frozen=True)
class Step:
    """One part of an expression: kind "load" (args: operand), "position" (args: number), "compute", or "gather"
    (args: operand, number of its first index, then the steps that compute indices)."""

    kind: str
    dtype: str
    args: tuple[int, ...]
    row: str = ""
    compute: str = ""
    casts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spec:
    """Everything the text of a nest depends on.

    loads      (dtype, access) of every operand
    positions  the axis of each position
    steps      the expression, parts before wholes; the last is the result
    store      access of the output
    rank       axes of the loop
    gathers    index values in all gathers
    beside     vectors that are computed side by side
    """

    loads: tuple[tuple[str, str], ...]
    positions: tuple[int, ...]
    steps: tuple[Step, ...]
    store: str
    rank: int
    style: str = "cpu"
    fast: bool = False
    fp64: bool = True
    gathers: int = 0
    beside: int = 1


def header(fp64: bool = True) -> str:
    """What every program starts with: no contraction, so that joining loops never changes a bit."""
    lines = ["#pragma OPENCL FP_CONTRACT OFF"]
    if fp64:
        lines.append("#pragma OPENCL EXTENSION cl_khr_fp64 : enable")
    return "\n".join(lines) + "\n"


def signature(name: str, arrays: Iterable[tuple[str, str]], local: int = 1) -> str:
    """A kernel's first line; `arrays` are (declaration, name) such as ("const float", "a")."""
    arguments = ", ".join(["constant long *g"] + [f"global {kind} *restrict {it}" for kind, it in arrays])
    return f"__attribute__((reqd_work_group_size({local}, 1, 1)))\nkernel void {name}({arguments}) {{"


class Body:
    """The statements that compute one element, or one vector of `width` elements, at position ``j``.

    place   of several such vectors, the first at ``j``: which of them
    """

    def __init__(self, spec: Spec, width: int, place: int = 0):
        self.spec = spec
        self.width = width
        self.place = place
        self.lines: list[str] = []
        self.helpers: dict[str, None] = {}

    def ct(self, dtype: str) -> CType:
        return CType(dtype, self.width, self.spec.fast, self.spec.fp64)

    def build(self) -> str:
        """Write all steps; the name of the result."""
        names: list[str] = []
        for k, step in enumerate(self.spec.steps):
            names.append(getattr(self, f"_{step.kind}")(k, step, names))
        return names[-1]

    @property
    def at(self) -> str:
        """The position of the first element."""
        return f"j + {self.place * self.width}" if self.place else "j"

    def _define(self, name: str, dtype: str, text: str) -> str:
        name += f"_{'abcdefgh'[self.place]}" if self.place else ""
        self.lines.append(f"const {self.ct(dtype).name} {name} = {text};")
        return name

    def _load(self, k: int, step: Step, names: list[str]) -> str:
        (operand,) = step.args
        dtype, access = self.spec.loads[operand]
        if access == MADE:
            return MADE
        if access in (ONCE, ROW):
            return (
                f"s{operand}" if self.width == 1 else self._define(f"v{k}", dtype, self.ct(dtype).splat(f"s{operand}"))
            )
        where = f"a{operand}[j]" if access in (NEXT, DRAWN) else f"a{operand}[j * t{operand}]"
        if self.width > 1 and access == STRIDED:
            elements = ", ".join(f"a{operand}[({self.at} + {lane}) * t{operand}]" for lane in range(self.width))
            where = f"({STORAGE[dtype]}{self.width})({elements})"
        elif self.width > 1:
            space = "" if access == DRAWN else "global "
            where = f"*({space}const {unaligned(dtype, self.width)} *)(a{operand} + {self.at})"
        return self._define(f"v{k}", dtype, self.loaded(dtype, where))

    def loaded(self, dtype: str, text: str) -> str:
        """A memory element as a register."""
        if dtype != "float16":
            return text
        helper = f"load_half_{self.ct(dtype).name}"
        self.helpers[helper] = None
        return f"{helper}({text})"

    def stored(self, dtype: str, text: str) -> str:
        """A register as a memory element."""
        if dtype != "float16":
            return text
        helper = f"store_half_{self.ct(dtype).name}"
        self.helpers[helper] = None
        return f"{helper}({text})"

    def _position(self, k: int, step: Step, names: list[str]) -> str:
        (number,) = step.args
        axis = self.spec.positions[number]
        index = "x + j" if axis == self.spec.rank - 1 else f"i{axis}"
        return self._define(f"v{k}", "int64", f"pb{number} + ps{number} * ({index})")

    def _gather(self, k: int, step: Step, names: list[str]) -> str:
        operand, first, *indices = step.args
        dtype = self.spec.loads[operand][0]
        where = f"j * t{operand}"
        for n, place in enumerate(indices, first):
            index, given = f"w{k}_{n}", f"(long)({names[place]})"
            report = f"flags[gf{n}] = {given} * 16 + {n - first + 1}"
            self.lines.append(f"long {index} = {given} < 0 ? {given} + gl{n} : {given};")
            self.lines.append(f"if ({index} < 0 || {index} >= gl{n}) {{ {report}; {index} = 0; }}")
            where += f" + {index} * gs{n}"
        return self._define(f"v{k}", dtype, self.loaded(dtype, f"a{operand}[{where}]"))

    def _compute(self, k: int, step: Step, names: list[str]) -> str:
        args = []
        for n, (place, wanted) in enumerate(zip(step.args, step.casts)):
            args.append(self.cast(names[place], self.spec.steps[place].dtype, wanted, f"c{k}_{n}"))
        return self.apply(step, args, f"v{k}")

    def cast(self, name: str, dtype: str, wanted: str, target: str) -> str:
        """`name`, a register of `dtype`, as a register of `wanted`."""
        if dtype == wanted:
            return name
        text, helpers = scalar_c.cast(self.ct(dtype), name, wanted)
        self.helpers.update(dict.fromkeys(helpers))
        return text if text == name else self._define(target, wanted, text)

    def apply(self, step: Step, args: Sequence[str], target: str) -> str:
        row = scalar_c.by_name(step.row)
        ct = self.ct(step.compute)
        self.helpers.update(dict.fromkeys(row.helpers(ct)))
        dtype = row.result(step.compute)
        text = row.expr(ct, *args)
        if dtype == step.dtype:
            return self._define(target, dtype, text)
        return self.cast(self._define(target + "r", dtype, text), dtype, step.dtype, target)


def unaligned(dtype: str, width: int) -> str:
    """The name of the vector type that may start at any element."""
    return f"{STORAGE[dtype]}{width}_any"


def unaligned_types(types: Iterable[tuple[str, int]]) -> str:
    """Definitions of such vector types, for (dtype, width) pairs."""
    sizes = {"char": 1, "uchar": 1, "short": 2, "ushort": 2, "int": 4, "uint": 4, "float": 4}
    names = dict.fromkeys((STORAGE[dtype], width) for dtype, width in types)
    return "".join(
        f"typedef {name}{width} __attribute__((aligned({sizes.get(name, 8)}))) {name}{width}_any;\n"
        for name, width in names
    )


def vector_width(spec: Spec) -> int:
    """Elements a vector; 1 if the result or a position does not lie along the innermost axis in order. Operands that do
    not are picked up one by one, where anything is computed."""
    copied = all(step.kind == "load" for step in spec.steps) and spec.loads[0][1] == STRIDED
    if spec.gathers or spec.store != NEXT or spec.rank - 1 in spec.positions or copied:
        return 1
    dtypes = [step.dtype for step in spec.steps] + [c for step in spec.steps for c in (*step.casts, step.compute) if c]
    return 8 if any(dtype.endswith("64") for dtype in dtypes) else 16


def operations(spec: Spec) -> int:
    """Simple operations that an element takes."""
    functions = [step for step in spec.steps if step.row and scalar_c.by_name(step.row).helpers(CType(step.compute))]
    draws = sum(access == DRAWN for _, access in spec.loads)
    return len(spec.steps) + A_FUNCTION * len(functions) + A_DRAW * draws


def effort(spec: Spec, along: int) -> int:
    """Simple operations on numbers in vectors that an element takes, of rows of so many."""
    width = vector_width(spec)
    return operations(spec) * (ALONE if width == 1 or along < width else 1)


def side_by_side(spec: Spec, total: int, along: int) -> Spec:
    """The same, with several vectors computed at once where that is worth a longer text."""
    width = vector_width(spec)
    each = operations(spec)
    if spec.style == "gpu" or width == 1 or along < BESIDE * width or each < LONG or total * each < MANY:
        return spec
    return replace(spec, beside=BESIDE)


@cache
def nest(spec: Spec) -> str:
    """The program of a nest: one kernel, ``nest``."""
    return _gpu_nest(spec) if spec.style == "gpu" else _cpu_nest(spec)


def _pointers(spec: Spec) -> list[tuple[str, str]]:
    read = [(k, dtype) for k, (dtype, access) in enumerate(spec.loads) if access != DRAWN]
    arrays = [(f"const {STORAGE[dtype]}", f"p{k}") for k, dtype in read]
    return [*arrays, (STORAGE[spec.steps[-1].dtype], "q"), *([("long", "flags")] if spec.gathers else [])]


def _loop_numbers(spec: Spec, positions: int) -> list[str]:
    """Definitions of what positions and gathers read."""
    lines = [
        f"const long pb{k} = g[{positions + 2 * k}], ps{k} = g[{positions + 2 * k + 1}];"
        for k in range(len(spec.positions))
    ]
    gathers = positions + 2 * len(spec.positions)
    return lines + [
        f"const long gs{k} = g[{gathers + 3 * k}], gl{k} = g[{gathers + 3 * k + 1}], gf{k} = g[{gathers + 3 * k + 2}];"
        for k in range(spec.gathers)
    ]


def _places(spec: Spec) -> tuple[list[int], int]:
    """Where each operand's (offset, strides...) begin among the numbers, and where the positions' do."""
    first = 2 + spec.rank
    count = len(spec.loads) + 1
    return [first + k * (1 + spec.rank) for k in range(count)], first + count * (1 + spec.rank)


def _element(spec: Spec, place: int, axes: Iterable[int]) -> str:
    return " + ".join([f"g[{place}]"] + [f"i{axis} * g[{place + 1 + axis}]" for axis in axes])


def _scalar_load(spec: Spec, k: int, where: str, helpers: dict[str, None]) -> str:
    dtype = spec.loads[k][0]
    body = Body(spec, 1)
    text = f"const {CType(dtype).name} s{k} = {body.loaded(dtype, f'p{k}[{where}]')};"
    helpers.update(body.helpers)
    return text


def _cpu_nest(spec: Spec) -> str:
    rank, last = spec.rank, spec.rank - 1
    places, positions = _places(spec)
    helpers: dict[str, None] = {}
    out: list[str] = ["  const long n = g[0], each = g[1];", "  long k = get_global_id(0) * each;",
                      "  const long end = k + each < n ? k + each : n;"]  # fmt: skip
    for k, (_, access) in enumerate(spec.loads):
        if access == ONCE:
            out.append("  " + _scalar_load(spec, k, f"g[{places[k]}]", helpers))
    out += ["  " + line for line in _loop_numbers(spec, positions)]
    out.append(f"  const long {', '.join(f'd{axis} = g[{2 + axis}]' for axis in range(rank))};")
    if rank > 1:
        out.append("  long rest = k;")
        for axis in range(last, 0, -1):
            out.append(f"  long {'x' if axis == last else f'i{axis}'} = rest % d{axis}; rest /= d{axis};")
        out.append("  long i0 = rest;")
    else:
        out.append("  long x = k;")
    drawn = {k: dtype for k, (dtype, access) in enumerate(spec.loads) if access == DRAWN}
    states = positions + 2 * len(spec.positions) + 3 * spec.gathers
    for n, (k, dtype) in enumerate(drawn.items()):
        out.append(f"  {uniform.memory(f'u{k}', dtype)} const uint4 w{k} = {uniform.state(states + 4 * n)};")
    out.append("  while (k < end) {")
    out.append(f"    {'' if drawn else 'const '}long m = d{last} - x < end - k ? d{last} - x : end - k;")
    for dtype in drawn.values():
        most = f"{uniform.at_once(dtype)} - {uniform.within(dtype, 'k')}"
        out.append(f"    m = m < {most} ? m : {most};")
    for k, dtype in drawn.items():
        out.append(f"    {uniform.row(f'u{k}', dtype, 'k', f'w{k}')}")
        out.append(f"    const {STORAGE[dtype]} *a{k} = u{k} + {uniform.within(dtype, 'k')};")
    for k, (dtype, access) in enumerate(spec.loads):
        where = _element(spec, places[k], range(last))
        if access == ROW:
            out.append("    " + _scalar_load(spec, k, where, helpers))
        elif access == MOVED:
            out.append(f"    const long t{k} = g[{places[k] + rank}];")
            out.append(f"    global const {STORAGE[dtype]} *a{k} = p{k} + ({where} + x * t{k});")
        elif access in (NEXT, STRIDED):
            step = "" if access == NEXT else f"t{k} * "
            if access == STRIDED:
                out.append(f"    const long t{k} = g[{places[k] + rank}];")
            out.append(f"    global const {STORAGE[dtype]} *a{k} = p{k} + ({where} + {step}x);")
    result = spec.steps[-1].dtype
    where = _element(spec, places[-1], range(last))
    step = "x" if spec.store == NEXT else "t * x"
    if spec.store != NEXT:
        out.append(f"    const long t = g[{places[-1] + rank}];")
    out.append(f"    global {STORAGE[result]} *o = q + ({where} + {step});")
    out.append("    long j = 0;")
    width = vector_width(spec)
    types: list[tuple[str, int]] = []
    for w, beside in dict.fromkeys(((width, spec.beside), (width, 1), (1, 1))):
        bodies = [Body(spec, w, place) for place in range(beside)]
        stored = [body.stored(result, body.build()) for body in bodies]
        out.append(f"    for (; j + {w * beside} <= m; j += {w * beside}) {{" if w > 1 else "    for (; j < m; j++) {")
        out.extend("      " + line for lines in zip(*[body.lines for body in bodies]) for line in lines)
        if w > 1:
            of = f"*(global {unaligned(result, w)} *)"
            out.extend(f"      {of}(o + {body.at}) = {text};" for body, text in zip(bodies, stored))
            types = [(d, w) for d in dict.fromkeys([d for d, a in spec.loads if a in (NEXT, DRAWN)] + [result])]
        else:
            out.append(f"      o[{'j' if spec.store == NEXT else 'j * t'}] = {stored[0]};")
        out.append("    }")
        helpers.update(bodies[0].helpers)
    out.append("    k += m;")
    if drawn:
        out.append(f"    x += m;\n    if (x < d{last}) continue;")
    out.append("    x = 0;")
    if rank > 1:
        carry = "i0++;"
        for axis in range(1, last):
            carry = f"if (++i{axis} == d{axis}) {{ i{axis} = 0; {carry} }}"
        out.append("    " + carry)
    out.append("  }\n}")
    text = header(spec.fp64) + unaligned_types(types) + scalar_c.prelude(helpers) + uniform.prelude([*drawn.values()])
    return text + signature("nest", _pointers(spec)) + "\n" + "\n".join(out) + "\n"


def _gpu_nest(spec: Spec) -> str:
    places, positions = _places(spec)
    rank, last = spec.rank, spec.rank - 1
    body = Body(spec, 1)
    out = ["  const long k = get_global_id(0);", "  if (k >= g[0]) return;", "  long rest = k;"]
    for axis in range(last, 0, -1):
        out.append(f"  const long i{axis} = rest % g[{2 + axis}]; rest /= g[{2 + axis}];")
    out.append("  const long i0 = rest, j = 0;")
    if spec.positions:
        out.append(f"  const long x = i{last};")
    out += ["  " + line for line in _loop_numbers(spec, positions)]
    for k, (dtype, access) in enumerate(spec.loads):
        where = _element(spec, places[k], range(rank))
        if access in (ONCE, ROW):
            out.append("  " + _scalar_load(spec, k, where, body.helpers))
        else:
            out.append(f"  const long t{k} = 0; global const {STORAGE[dtype]} *a{k} = p{k} + ({where});")
    value = body.build()
    out.extend("  " + line for line in body.lines)
    out.append(f"  q[{_element(spec, places[-1], range(rank))}] = {body.stored(spec.steps[-1].dtype, value)};\n}}")
    text = header(spec.fp64) + scalar_c.prelude(body.helpers)
    return text + signature("nest", _pointers(spec), GPU_GROUP) + "\n" + "\n".join(out) + "\n"


@dataclass
class Encoded:
    """An expression as operands, positions, gathers and steps; equal operands become one."""

    arrays: list[DeviceArray]
    moved: set[int]
    positions: list[Position]
    gathers: list[Gather]
    steps: tuple[Step, ...]


def encode(expr: Expr) -> Encoded:
    """The parts of an expression in order, numbered."""
    code = Encoded([], set(), [], [], ())
    keys: dict[object, int] = {}
    steps: list[Step] = []
    place: dict[int, int] = {}

    def operand(array: DeviceArray, key: object = None) -> int:
        offset = array.offset if isinstance(array.offset, int) else id(array.offset)
        key = (id(array.storage), offset, array.strides, key)
        if key not in keys:
            keys[key] = len(code.arrays)
            code.arrays.append(array)
        return keys[key]

    indices = 0
    for part in walk(expr):
        if isinstance(part, Load):
            step = Step("load", part.dtype, (operand(part.array),))
        elif isinstance(part, Position):
            code.positions.append(part)
            step = Step("position", "int64", (len(code.positions) - 1,))
        elif isinstance(part, Gather):
            source = operand(part.array, id(part))
            code.moved.add(source)
            code.gathers.append(part)
            step = Step("gather", part.dtype, (source, indices, *(place[id(i)] for i in part.indices)))
            indices += len(part.indices)
        else:
            args = tuple(place[id(arg)] for arg in part.args)
            step = Step("compute", part.dtype, args, part.row, part.compute, part.casts)
        place[id(part)] = len(steps)
        steps.append(step)
    code.steps = tuple(steps)
    return code


def access(strides: Sequence[int]) -> str:
    """How an operand with these strides goes through the innermost axis."""
    if not any(strides):
        return ONCE
    return {0: ROW, 1: NEXT}.get(strides[-1], STRIDED)


def run(ctx: Context, lazy: Lazy, target: DeviceArray) -> None:
    """Launch the nest that writes the elements of `lazy` into `target`."""
    code = encode(lazy.expr)
    arrays = code.arrays
    shape = lazy.shape or (1,)
    walks = [array.strides or (0,) for array in (*arrays, target)]
    geometry = joined(shape, walks, keep=bool(code.positions))
    store = NEXT if geometry.strides[-1][-1] == 1 or geometry.shape[-1] == 1 else STRIDED
    states = {k: ctx.state_of(a, lazy.size) for k, a in enumerate(arrays) if k not in code.moved}
    drawn = {k: words for k, words in states.items() if words}
    ways = [DRAWN if k in drawn else access(geometry.strides[k]) for k in range(len(arrays))]
    spec = Spec(
        tuple((a.dtype, MOVED if k in code.moved else ways[k]) for k, a in enumerate(arrays)),
        tuple(p.axis for p in code.positions), code.steps, store, len(geometry.shape),
        ctx.device.style, not ctx.exact, ctx.device.fp64, sum(len(gather.indices) for gather in code.gathers),
    )  # fmt: skip
    total = lazy.size
    spec = side_by_side(spec, total, geometry.shape[-1])
    gpu = spec.style == "gpu"
    each = 1 if gpu else chunk(total, 4 * ctx.device.compute_units, 1024 if drawn else 4096, 64)
    numbers: list[Number] = [total, each, *geometry.shape]
    for array, strides in zip((*arrays, target), geometry.strides):
        numbers += [array.offset, *strides]
    for p in code.positions:
        numbers += [p.start, p.step]
    touched = [*(a for k, a in enumerate(arrays) if k not in drawn), target]
    for gather in code.gathers:
        for stride, length in zip(gather.strides, gather.lengths):
            numbers += [stride, length, gather.flag[1]]
    touched += [gather.flag[0] for gather in code.gathers[-1:]]
    for words in drawn.values():
        numbers += words
    ends = [(x.dtype, x.offset, steps) for x, steps in zip((*arrays, target), geometry.strides)]
    read = [(x.storage.slot, k not in code.moved and ends[k] == ends[-1]) for k, x in enumerate(arrays)]
    local = GPU_GROUP if gpu else 1
    named = [step.row or step.kind for step in code.steps if step.kind in ("compute", "gather")]
    named = ["draw"] * bool(drawn) + named
    label = "+".join(dict.fromkeys(named)) or "copy"
    ctx.launch(
        label, nest(spec), "nest", -(-total // (each * local)) * local, numbers, touched, local, total,
        ctx.options(total * len(code.steps), spec), total * effort(spec, geometry.shape[-1]),
        over(target.storage.slot, read),
    )  # fmt: skip
