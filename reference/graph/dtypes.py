"""Data types and how they combine.

Owns the list of dtypes and `upcast`, Theano's promotion rule. It must not ask NumPy: the answer has
to be the same under NumPy 1.26 and 2.x.
"""

from __future__ import annotations

import numpy as np

BOOL = "bool"
SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "float32", "float64")
COMPLEX = ("complex64", "complex128")

INTEGERS = SIGNED + UNSIGNED
DISCRETE = (BOOL, *INTEGERS)
CONTINUOUS = FLOATS + COMPLEX
ALL = DISCRETE + CONTINUOUS

_SIZE = {name: np.dtype(name).itemsize for name in ALL}
_NAMES = {np.dtype(name): name for name in ALL}


def is_discrete(dtype: str) -> bool:
    """True for bool and the integers."""
    return dtype in DISCRETE


def name_of(dtype: np.dtype) -> str:
    """The same as ``dtype.name``, which NumPy puts together anew each time."""
    return _NAMES.get(dtype) or str(dtype.name)


def canonical(dtype: object) -> str:
    """The name of a dtype given as a string, a NumPy dtype or a scalar type.

    Raises TypeError for a dtype that graphs cannot hold.
    """
    if isinstance(dtype, str) and dtype in _SIZE:
        return dtype
    # NumPy takes None for float64; who passes it forgot to say which.
    name = "None" if dtype is None else name_of(np.dtype(dtype))  # type: ignore[call-overload]
    if name not in _SIZE:
        raise TypeError(f"unsupported dtype {name!r}; the supported ones are {', '.join(ALL)}")
    return name


def upcast(*dtypes: str) -> str:
    """The smallest dtype that every argument converts to (Theano's table).

    int32 with float32 gives float64, as a float32 cannot hold every int32; int16 with float32 gives
    float32; uint64 with a signed integer gives float64.
    """
    if not dtypes:
        raise TypeError("upcast needs at least one dtype")
    result = dtypes[0]
    for other in dtypes[1:]:
        result = _UPCAST[result, other]
    return result


def _float_for(dtype: str) -> str:
    """The smallest float that holds every value of a discrete dtype (float64 for 64 bits, as in NumPy)."""
    if dtype in FLOATS:
        return dtype
    return {1: "float16", 2: "float32"}.get(_SIZE[dtype], "float64")


def _pair(a: str, b: str) -> str:
    if a == b or b == BOOL:
        return a
    if a == BOOL:
        return b
    if a in COMPLEX or b in COMPLEX:
        parts = [{"complex64": "float32", "complex128": "float64"}.get(d) or _float_for(d) for d in (a, b)]
        return "complex128" if "float64" in parts else "complex64"
    if a in FLOATS or b in FLOATS:
        return max(_float_for(a), _float_for(b), key=_SIZE.__getitem__)
    if (a in SIGNED) == (b in SIGNED):
        return max(a, b, key=_SIZE.__getitem__)
    signed, unsigned = (a, b) if a in SIGNED else (b, a)
    size = max(_SIZE[signed], 2 * _SIZE[unsigned])
    return f"int{8 * size}" if size <= 8 else "float64"


_UPCAST = {(a, b): _pair(a, b) for a in ALL for b in ALL}
