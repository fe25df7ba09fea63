"""How a dtype lives in OpenCL registers: scalar or vector names, literals, conversions.

Owns `CType` and every rule about representation: bool is uchar holding 0 or 1, float16 is a float that
holds only values a half can hold (its storage is ushort), a vector of width w holds w elements. It must
not know operations, graphs or kernels.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

SCALAR = {
    "bool": "uchar",
    "int8": "char",
    "uint8": "uchar",
    "int16": "short",
    "uint16": "ushort",
    "int32": "int",
    "uint32": "uint",
    "int64": "long",
    "uint64": "ulong",
    "float16": "float",
    "float32": "float",
    "float64": "double",
}
"""dtype -> the register type of one element."""

STORAGE = {**SCALAR, "float16": "ushort"}
"""dtype -> the memory type of one element."""

MASK = {1: "char", 2: "short", 4: "int", 8: "long"}
BITS = {1: "uchar", 2: "ushort", 4: "uint", 8: "ulong"}


@dataclass(frozen=True)
class CType:
    """A dtype in registers.

    dtype  name of the element's dtype.
    width  elements a register: 1, 2, 4, 8 or 16.
    fast   False: the reference's bits are wanted (compile with FP_CONTRACT OFF); True: float32
           polynomials and contraction are welcome.
    fp64   the device computes in double.
    """

    dtype: str
    width: int = 1
    fast: bool = False
    fp64: bool = True

    @cached_property
    def scalar(self) -> str:
        return SCALAR[self.dtype]

    @cached_property
    def name(self) -> str:
        return self.scalar + (str(self.width) if self.width > 1 else "")

    @property
    def is_float(self) -> bool:
        return self.dtype.startswith("float")

    @property
    def is_signed(self) -> bool:
        return self.dtype.startswith("int")

    @property
    def bits(self) -> int:
        """Bits of one element in a register (float16: 32)."""
        return 8 * self.bytes

    @property
    def bytes(self) -> int:
        return {"float16": 4}.get(self.dtype) or np.dtype(self.dtype).itemsize

    @property
    def mask(self) -> str:
        """The type that a comparison of two such registers yields: 0 or -1 a lane; int if scalar."""
        return MASK[self.bytes] + str(self.width) if self.width > 1 else "int"

    @property
    def signed_bits(self) -> str:
        """The signed integer register with as many bits."""
        return MASK[self.bytes] + (str(self.width) if self.width > 1 else "")

    @property
    def unsigned_bits(self) -> str:
        return BITS[self.bytes] + (str(self.width) if self.width > 1 else "")

    def of(self, dtype: str) -> CType:
        """The register of another dtype with as many elements."""
        return replace(self, dtype=dtype)

    def literal(self, value: float | int | bool | np.generic) -> str:
        """A constant of this type; exact, NaN and infinities included."""
        text = literal(value, self.dtype)
        return text if self.width == 1 else f"(({self.name})({text}))"

    def splat(self, scalar_text: str) -> str:
        """A scalar expression of the element's type in every lane."""
        return f"({scalar_text})" if self.width == 1 else f"(({self.name})({scalar_text}))"

    def bit_cast(self, text: str, name: str) -> str:
        """The same bits as another type: ``as_NAME(text)``."""
        return f"as_{name}({text})"

    def plain(self, text: str, dtype: str) -> str:
        """C's own conversion of `text`, of this type, to `dtype`: no rounding to half, no guarded ranges."""
        target = self.of(dtype).name
        if target == self.name:
            return text
        return f"({target})({text})" if self.width == 1 else f"__builtin_convertvector({text}, {target})"

    def boolean(self, comparison: str) -> str:
        """A comparison of two registers of this type as a bool register (0 or 1)."""
        if self.width == 1:
            return f"(uchar)({comparison})"
        return f"__builtin_convertvector(-({comparison}), uchar{self.width})"


def literal(value: float | int | bool | np.generic, dtype: str) -> str:
    """One element's constant in OpenCL C."""
    scalar = SCALAR[dtype]
    if dtype.startswith("float"):
        number = float(np.dtype(dtype).type(value))
        suffix = "f" if scalar == "float" else ""
        if math.isfinite(number):
            return f"({number.hex()}{suffix})" if math.copysign(1, number) < 0 else f"{number.hex()}{suffix}"
        pattern = (
            struct.unpack("<I", struct.pack("<f", number))[0]
            if suffix
            else struct.unpack("<Q", struct.pack("<d", number))[0]
        )
        return f"as_{scalar}({pattern:#x}{'u' if suffix else 'ul'})"
    number = int(np.dtype(dtype).type(value))
    if scalar in ("long", "int") and number == np.iinfo(dtype).min:
        tail = "L" if scalar == "long" else ""
        return f"(({scalar})({number + 1}{tail} - 1))"
    tail = {"long": "L", "ulong": "UL", "uint": "U"}.get(scalar, "")
    text = f"{number}{tail}"
    if scalar in ("char", "uchar", "short", "ushort"):
        return f"(({scalar}){text})" if number >= 0 else f"(({scalar})({text}))"
    return text if number >= 0 else f"({text})"
