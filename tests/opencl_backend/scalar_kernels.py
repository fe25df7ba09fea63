"""Runs rows of the C table on a device, for tests: one kernel a row, values in and out."""

from __future__ import annotations

import pyopencl as cl

from opencl_backend.scalar_c import STORAGE, CType, by_name, cast, prelude
from reference.scalar import by_name as meaning


def context() -> tuple[cl.Context, cl.CommandQueue]:
    device = cl.get_platforms()[0].get_devices()[0]
    made = cl.Context([device])
    return made, cl.CommandQueue(made)


def kernel_text(name: str, operands: tuple[str, ...], width: int, fast: bool = False) -> tuple[str, tuple[str, ...]]:
    """A kernel that applies one row to `width` elements an item, casting operands and result as the row says."""
    op, row = meaning(name), by_name(name)
    inner = op.operand_dtypes(*operands)
    ct = CType(inner[-1], width, fast)
    helpers: list[str] = list(row.helpers(ct))
    lines, arguments = [], []
    for i, (given, wanted) in enumerate(zip(operands, inner)):
        source = CType(given, width, fast)
        arguments.append(f"global const {STORAGE[given]} *in{i}")
        loaded = f"*(global const u_{source_name(given, width)} *)(in{i} + at)"
        if given == "float16":
            loaded = f"load_half_{source.name}({loaded})"
            helpers.append(f"load_half_{source.name}")
        text, needed = cast(source, f"x{i}", wanted)
        helpers += needed
        lines += [f"  {source.name} x{i} = {loaded};", f"  {CType(wanted, width).name} y{i} = {text};"]
    produced = row.result(ct.dtype)
    out = op.output_dtype(*operands)
    expression = row.expr(ct, *[f"y{i}" for i in range(len(operands))])
    text, needed = cast(ct.of(produced), "z", out)
    helpers += needed
    target = ct.of(out)
    lines += [f"  {ct.of(produced).name} z = {expression};"]
    stored = text
    if out == "float16":
        stored = f"store_half_{target.name}({text})"
        helpers.append(f"store_half_{target.name}")
    lines.append(f"  *(global u_{source_name(out, width)} *)(out + at) = {stored};")
    arguments.append(f"global {STORAGE[out]} *out")
    body = "\n".join(lines)
    text = f"kernel void row_{abs(hash((name, operands, width)))}({', '.join(arguments)})" \
           f" {{\n  size_t at = get_global_id(0) * {width};\n{body}\n}}\n"
    return text, tuple(helpers)


def source_name(dtype: str, width: int) -> str:
    return STORAGE[dtype] + (str(width) if width > 1 else "")


def typedefs(width: int) -> str:
    lines = []
    for scalar in sorted(set(STORAGE.values())):
        size = {"uchar": 1, "char": 1, "short": 2, "ushort": 2, "int": 4, "uint": 4, "float": 4}.get(scalar, 8)
        name = scalar + (str(width) if width > 1 else "")
        lines.append(f"typedef {name} __attribute__((aligned({size}))) u_{name};")
    return "\n".join(lines) + "\n"


def program(texts: list[tuple[str, tuple[str, ...]]], width: int, fast: bool = False) -> str:
    """Several kernels as one program."""
    helpers = [h for _, needed in texts for h in needed]
    pragma = f"#pragma OPENCL FP_CONTRACT {'ON' if fast else 'OFF'}\n"
    return pragma + typedefs(width) + prelude(helpers) + "".join(text for text, _ in texts)
