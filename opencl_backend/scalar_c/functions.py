"""Rows of functions that are not correctly rounded: exp, sin, pow and their kin.

Owns how a row picks its precision. In exact mode float32 and float16 are the float64 function rounded
once, as in the reference; fast mode (or a device without double) takes float32 polynomials where there
are some. It must not know how the functions themselves are computed.
"""

from __future__ import annotations

from dataclasses import replace

from opencl_backend.scalar_c import math32, math64
from opencl_backend.scalar_c.cast import convert
from opencl_backend.scalar_c.ctype import CType
from opencl_backend.scalar_c.row import CRow


def precision(ct: CType, function: str) -> CType:
    """The register that `function` is computed in for a result of type `ct`."""
    single = ct.dtype in ("float32", "float16") and function in math32.SOURCES
    if not ct.fp64 or (ct.fast and single):
        return ct.of("float32")
    return ct.of("float64")


def _row(name: str, nin: int = 1) -> CRow:
    def render(ct: CType, *args: str) -> str:
        wide = precision(ct, name)
        call = f"{name}_{wide.name}({', '.join(convert(ct, a, wide.dtype)[0] for a in args)})"
        return convert(wide, call, ct.dtype)[0]

    def needs(ct: CType) -> tuple[str, ...]:
        wide = precision(ct, name)
        return (*convert(wide, "", ct.dtype)[1], f"{name}_{wide.name}")

    def error(dtype: str, fast: bool) -> float:
        if dtype == "float64":
            return math64.ULP[name]
        if fast and name in math32.SOURCES:
            return math32.ULP[name] if dtype == "float32" else 1.0
        return 0.0

    return CRow(name, nin, render, needs=needs, error=error)


def _pow() -> CRow:
    """Integer powers are exact; the rest is a function like any other."""
    function = _row("pow", 2)

    def render(ct: CType, a: str, b: str) -> str:
        return function.render(ct, a, b) if ct.is_float else f"int_pow_{ct.name}({a}, {b})"

    def needs(ct: CType) -> tuple[str, ...]:
        return function.needs(ct) if ct.is_float else (f"int_pow_{ct.name}",)

    def error(dtype: str, fast: bool) -> float:
        return function.error(dtype, fast) if dtype.startswith("float") else 0.0

    return replace(function, render=render, needs=needs, error=error)


ROWS: dict[str, CRow] = {name: _row(name, 2 if name in ("arctan2", "pow") else 1) for name in math64.ULP}
ROWS["pow"] = _pow()
