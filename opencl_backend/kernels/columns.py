"""A whole loop as one kernel whose work-items each own some columns of every state, for all steps.

Owns the text for steps in which every element depends on its own column, and on values that are one number for
all columns; those every item computes for itself. States stand in registers, `depth` of them each; nothing is
written but the rows that are wanted. It must not know graphs or who chose this form (lower/scan_kernel.py).

An item goes through its columns in blocks of `count` vectors; the last vectors of a block are moved back to end
where the columns end, so that some elements are computed twice, with the same bits, and none one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from opencl_backend import scalar_c
from opencl_backend.render import Body, Spec, Step, header, signature, unaligned, unaligned_types
from opencl_backend.scalar_c import STORAGE, CType

GPU_GROUP = 128

ALL, LAST, FEW, RING = "all", "last", "few", "ring"
"""Which rows of an output are kept: every one; the last; the last few, counted from the end or around."""

SOURCE, STATE, SHARED, COLUMN, TURN = "source", "state", "shared", "column", "turn"
"""What a step may load: a source's element, a state so many steps ago, a value that is one for all columns, the
column's number, the step's number."""


@dataclass(frozen=True)
class Source:
    """An array that the loop reads: its row t, or (`still`) the same in every step; `wide`: an element a column."""

    dtype: str
    still: bool
    wide: bool


@dataclass(frozen=True)
class State:
    """Registers of the last `depth` values: `first` is the source of the rows before the first step, `new` the
    step that computes the next value."""

    dtype: str
    wide: bool
    depth: int
    first: int
    new: int


@dataclass(frozen=True)
class Output:
    """Rows to be written: step `value`, kept as `how` says."""

    dtype: str
    wide: bool
    how: str
    value: int


@dataclass(frozen=True)
class Columns:
    """Everything the text depends on.

    reads    what each load of a step stands for: (one of the kinds above, number, steps ago)
    shared   steps for values that are one for all columns; `wide` for those of a column
    handed   results of `shared` that `wide` loads
    until    the shared step that ends the loop
    """

    width: int
    count: int
    unrolled: bool
    sources: tuple[Source, ...]
    reads: tuple[tuple[str, int, int], ...]
    states: tuple[State, ...]
    shared: tuple[Step, ...]
    wide: tuple[Step, ...]
    handed: tuple[int, ...]
    outputs: tuple[Output, ...]
    until: int | None
    style: str
    fast: bool
    fp64: bool


class _Values(Body):
    """The statements of one step, for all columns or for one vector of them."""

    def __init__(self, loop: Columns, steps: tuple[Step, ...], width: int, prefix: str, handed: dict[int, str]):
        super().__init__(Spec((), (), steps, "", 1, loop.style, loop.fast, loop.fp64), width)
        self.loop, self.prefix, self.handed = loop, prefix, handed
        self.names: list[str] = []

    def build(self) -> str:
        for k, step in enumerate(self.spec.steps):
            self.names.append(getattr(self, f"_{step.kind}")(k, step, self.names))
        return ""

    def _define(self, name: str, dtype: str, text: str) -> str:
        return super()._define(self.prefix + name, dtype, text)

    def _load(self, k: int, step: Step, names: list[str]) -> str:
        kind, number, ago = self.loop.reads[step.args[0]]
        ct = self.ct(step.dtype)
        if kind == STATE:
            wide = self.loop.states[number].wide
            name = f"h{number}_{ago}" + ("[r]" if wide else "")
            return self._define(f"v{k}", step.dtype, name if wide else ct.splat(name))
        if kind == SHARED:
            return self._define(f"v{k}", step.dtype, ct.splat(self.handed[number]))
        if kind == TURN:
            return self._define(f"v{k}", step.dtype, ct.splat("t"))
        if kind == COLUMN:
            lanes = ", ".join(map(str, range(self.width)))
            return self._define(f"v{k}", step.dtype, f"({ct.name})({lanes}) + o[r]" if self.width > 1 else "o[r]")
        source = self.loop.sources[number]
        if source.still:
            return self._define(f"v{k}", step.dtype, f"s{number}[r]" if source.wide else ct.splat(f"s{number}"))
        if source.wide:
            return self._define(f"v{k}", step.dtype, self.loaded(step.dtype, self.memory(f"x{number}", step.dtype)))
        return self._define(f"v{k}", step.dtype, ct.splat(f"s{number}"))

    def memory(self, pointer: str, dtype: str) -> str:
        """The elements at this vector's columns."""
        if self.width == 1:
            return f"{pointer}[o[r]]"
        return f"*(global {unaligned(dtype, self.width)} *)({pointer} + o[r])"

    def reading(self, pointer: str, dtype: str) -> str:
        return self.loaded(dtype, self.memory(pointer, dtype).replace("(global ", "(global const ", 1))


@cache
def text(loop: Columns) -> str:
    """The program; its kernel is ``loop``."""
    W, R = loop.width, loop.count
    one = _Values(loop, loop.shared, 1, "u", {})
    one.build()
    handed = {k: one.names[step] for k, step in enumerate(loop.handed)}
    wide = _Values(loop, loop.wide, W, "", handed)
    wide.build()
    vectors = ("#pragma unroll\n" if loop.unrolled else "") + f"for (int r = 0; r < {R}; r++)"
    places = {k: 4 + 2 * k for k in range(len(loop.sources))}
    kept = 4 + 2 * len(loop.sources)
    out = [
        "const long n = g[0], each = g[1], items = g[2], steps = g[3], item = get_global_id(0);",
        "if (item >= items) return;",
        "const long begin = item * each, end = item == items - 1 ? n : begin + each;",
        "long t = 0;",
    ]
    for k, source in enumerate(loop.sources):
        if source.still and not source.wide:
            ct = CType(source.dtype)
            out.append(f"const {ct.name} s{k} = {one.loaded(source.dtype, f'p{k}[g[{places[k]}]]')};")
    out += [f"for (long c = begin; c < end; c += {W * R}) {{", f"long o[{R}];"]
    out.append(f"{vectors} o[r] = c + (r + 1) * {W} <= end ? c + r * {W} : end - {W};")
    for k, source in enumerate(loop.sources):
        if source.still and source.wide:
            ct = wide.ct(source.dtype)
            out.append(f"{ct.name} s{k}[{R}];")
            out.append(f"{vectors} s{k}[r] = {wide.reading(f'(p{k} + g[{places[k]}])', source.dtype)};")
    for k, state in enumerate(loop.states):
        ct = wide.ct(state.dtype) if state.wide else CType(state.dtype)
        at = places[state.first]
        for ago in range(1, state.depth + 1):
            row = f"(p{state.first} + (g[{at}] + {state.depth - ago} * g[{at + 1}]))"
            if state.wide:
                out.append(f"{ct.name} h{k}_{ago}[{R}];")
                out.append(f"{vectors} h{k}_{ago}[r] = {wide.reading(row, state.dtype)};")
            else:
                out.append(f"{ct.name} h{k}_{ago} = {one.loaded(state.dtype, f'{row}[0]')};")
    last = {k: _register(loop, k, output) for k, output in enumerate(loop.outputs) if output.how == LAST}
    for k, output in enumerate(loop.outputs):
        if last.get(k) == f"l{k}":
            ct = wide.ct(output.dtype) if output.wide else CType(output.dtype)
            out.append(f"{ct.name} l{k}{f'[{R}]' if output.wide else ''};")
    out.append("for (t = 0; t < steps; t++) {")
    for k, source in enumerate(loop.sources):
        if not source.still and any(read[:2] == (SOURCE, k) for read in loop.reads):
            where = f"p{k} + (g[{places[k]}] + t * g[{places[k] + 1}])"
            if source.wide:
                out.append(f"global const {STORAGE[source.dtype]} *x{k} = {where};")
            else:
                ct = CType(source.dtype)
                out.append(f"const {ct.name} s{k} = {one.loaded(source.dtype, f'*({where})')};")
    rows = {ALL: "t", FEW: "t - steps + {}", RING: "t % {}"}
    for k, output in enumerate(loop.outputs):
        if output.how != LAST:
            row = rows[output.how].format(f"g[{kept + k}]")
            length = "n" if output.wide else "1"
            out.append(f"global {STORAGE[output.dtype]} *y{k} = q{k} + ({row}) * {length};")
    out += one.lines
    for k, output in enumerate(loop.outputs):
        if not output.wide:
            value = one.names[output.value]
            if output.how != LAST:
                stored = one.stored(output.dtype, value)
                out.append(f"if ({_written(output, kept + k, True)}) *y{k} = {stored};")
            elif last[k] == f"l{k}":
                out.append(f"l{k} = {value};")
    if loop.wide:
        out.append(f"{vectors} {{")
        out += wide.lines
        for k, output in enumerate(loop.outputs):
            if not output.wide:
                continue
            value = wide.names[output.value]
            if last.get(k) == f"l{k}":
                out.append(f"l{k}[r] = {value};")
            elif output.how != LAST:
                condition = _written(output, kept + k, False)
                target = f"{wide.memory(f'y{k}', output.dtype)} = {wide.stored(output.dtype, value)};"
                out.append(f"if ({condition}) {target}" if condition else target)
        out += _shifted(loop, True, wide.names)
        out.append("}")
    ending = [f"if ({one.names[loop.until]}) {{ t++; break; }}"] if loop.until is not None else []
    out += _shifted(loop, False, one.names) + ending
    out.append("}")
    for k, output in enumerate(loop.outputs):
        if output.how == LAST:
            if output.wide:
                target = wide.memory(f"q{k}", output.dtype)
                out.append(f"{vectors} {target} = {wide.stored(output.dtype, f'{last[k]}[r]')};")
            else:
                out.append(f"if (c == 0) *q{k} = {one.stored(output.dtype, last[k])};")
    out.append("}")
    if loop.until is not None:
        out.append("if (item == 0) made[0] = t;")
    pointers = [(f"const {STORAGE[s.dtype]}", f"p{k}") for k, s in enumerate(loop.sources)]
    pointers += [(STORAGE[o.dtype], f"q{k}") for k, o in enumerate(loop.outputs)]
    if loop.until is not None:
        pointers.append(("long", "made"))
    moved = [s.dtype for s in loop.sources if s.wide] + [o.dtype for o in loop.outputs if o.wide]
    start = header(loop.fp64)
    if W > 1:
        start += unaligned_types((dtype, W) for dtype in dict.fromkeys(moved))
    start += scalar_c.prelude({**one.helpers, **wide.helpers})
    local = GPU_GROUP if loop.style == "gpu" else 1
    return start + signature("loop", pointers, local) + "\n" + "\n".join(out) + "\n}\n"


def _register(loop: Columns, k: int, output: Output) -> str:
    """Where the last value of an output stands when the loop is over: in a state's register, if it is one."""
    for j, state in enumerate(loop.states):
        if (state.wide, state.new, state.dtype) == (output.wide, output.value, output.dtype):
            return f"h{j}_1"
    return f"l{k}"


def _written(output: Output, number: int, by_one: bool) -> str:
    """The condition under which this step's row is wanted."""
    parts = ["c == 0"] if by_one else []
    if output.how == FEW:
        parts.append(f"t >= steps - g[{number}]")
    return " && ".join(parts)


def _shifted(loop: Columns, wide: bool, names: list[str]) -> list[str]:
    """Every state is one step older, and has its new value."""
    lines = []
    at = "[r]" if wide else ""
    for k, state in enumerate(loop.states):
        if state.wide == wide:
            lines += [f"h{k}_{ago}{at} = h{k}_{ago - 1}{at};" for ago in range(state.depth, 1, -1)]
            lines.append(f"h{k}_1{at} = {names[state.new]};")
    return lines
