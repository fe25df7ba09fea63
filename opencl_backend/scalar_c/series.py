"""How the C text of functions is written: conventions, polynomials, the magic of rounding.

Functions use + - * / sqrt, bit patterns and ternaries, so that compilers turn them into straight vector
code and every device gives the same bits (with FP_CONTRACT OFF; what turns it on, in fast mode, leaves the last
bits to the device). $F is the float register, $I the integer register of the same width, and a function is called
``name_$F``; `cast.fill` puts the types in. Coefficients are interpolations at Chebyshev points, computed in 260-bit
arithmetic, or fits with the least largest error. It must not know any function.
"""

from __future__ import annotations

from collections.abc import Callable

Sources = dict[str, tuple[tuple[str, ...], str]]
"""Function name -> (the functions it calls, its text)."""


def writer(table: Sources) -> Callable[..., None]:
    """``write(name, text, *calls)``, which puts a function into `table`."""

    def write(name: str, text: str, *calls: str) -> None:
        table[name] = calls, text

    return write


def horner(x: str, coefficients: tuple[float, ...], suffix: str = "") -> str:
    """A polynomial in `x`, lowest coefficient first, as nested C; `suffix` is f for floats."""
    text = f"{coefficients[-1]!r}{suffix}"
    for c in reversed(coefficients[:-1]):
        text = f"({text} * {x} {'+' if c >= 0 else '-'} {abs(c)!r}{suffix})"
    return text


# 1.5 * 2^52: adding and subtracting it rounds to an integer, whose bits are then the lowest of the sum.
MAGIC = "6755399441055744.0"
MAGIC_BITS = "0x4338000000000000L"
