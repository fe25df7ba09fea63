"""The functions of OpenCL C that kernels call, declared one by one.

Owns their types and the option that keeps a driver from reading its own header: PoCL parses a megabyte of
declarations for every program, four fifths of what a small kernel takes to build. A text gets the declarations of
what it calls instead, attributes and all, so that the same code comes out. It must not know what kernels compute.
"""

from __future__ import annotations

import re

WITHOUT_HEADER = "-D_OPENCL_H_"
"""Clang's header of OpenCL's functions takes itself for read; types and macros stand in another."""
_PLATFORM = "Portable Computing Language"

FLOATS = {
    **dict.fromkeys(
        ("acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "erf", "erfc", "exp2", "lgamma", "log10",
         "log2", "sin", "sinh", "sqrt", "tan", "tgamma"),
        1,
    ),
    **dict.fromkeys(("atan2", "fmod", "pow"), 2),
}  # fmt: skip
"""Functions from floats, of one type, to that type -> how many they take."""
MASKS = ("any",)
"""Functions from signed integers to an int."""
PLACES = ("get_global_id", "get_group_id", "get_local_id")
"""Functions from an axis to a place along it."""

_CONST = "__attribute__((overloadable, const))"
_WORD = re.compile(r"[A-Za-z_]\w*")
_FLOATS, _MASKS = (re.compile(rf"(?:{names})(?:2|4|8|16)") for names in ("float|double", "char|short|int|long"))


def are_declared_for(platform: str) -> bool:
    """Does the driver of this platform save time by it?"""
    return platform.strip() == _PLATFORM


def declarations(text: str) -> str:
    """What `text` calls, for numbers and for the vectors that it names, on one line."""
    words = dict.fromkeys(_WORD.findall(text))
    # Both scalars always: with one of them alone, numbers of the other would be converted without a word.
    scalars = ["float", "double"] if "cl_khr_fp64" in words else ["float"]
    floats = [*scalars, *filter(_FLOATS.fullmatch, words)]
    lines = []
    lines += [f"size_t {_CONST} {name}(uint);" for name in PLACES if name in words]
    if "barrier" in words:
        lines.append("void __attribute__((overloadable, convergent)) barrier(uint);")
    for name, operands in FLOATS.items():
        if name in words:
            lines += [f"{t} {_CONST} {name}({', '.join([t] * operands)});" for t in floats]
    for name in MASKS:
        if name in words:
            lines += [f"int {_CONST} {name}({t});" for t in filter(_MASKS.fullmatch, words)]
    return " ".join(lines) + "\n"
