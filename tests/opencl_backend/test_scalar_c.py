"""Every row of the C table on a device against the reference: the same bits, or within the stated ulp."""

import numpy as np
import pytest

pytest.importorskip("pyopencl")

from scalar_kernels import RowKernel

from opencl_backend.scalar_c import STORAGE, TABLE, CType, literal, prelude
from reference.scalar import TABLE as REFERENCE
from reference.scalar import cast_to

COUNT = 4096
LINE = 16
FLOATS = ("float16", "float32", "float64")
INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")


def sample(rng: np.random.Generator, dtype: str, n: int = COUNT) -> np.ndarray:
    """Bit patterns, everyday numbers, and every special value."""
    kind = np.dtype(dtype)
    if dtype == "bool":
        return rng.integers(0, 2, n).astype(bool)
    bits = np.frombuffer(rng.bytes(n * kind.itemsize), f"u{kind.itemsize}").view(kind).copy()
    chance = rng.random(n)
    if kind.kind in "iu":
        info = np.iinfo(kind)
        special = [0, 1, 2, 3, 7, info.max, info.max - 1, info.min] + ([-1, -2, -7] if info.min else [])
        small = rng.integers(-20 if info.min else 0, 20, n).astype(kind)
    else:
        f = np.finfo(kind)
        special = [0.0, -0.0, np.inf, -np.inf, np.nan, f.tiny, -f.tiny, f.smallest_subnormal, f.max, f.min, 1, -1, 0.5]
        special += [-0.5, 1.5, 2.5, -2.5, 2, 3, -3, 255, 256, -129, 88.8, 709.8, -745.2]
        with np.errstate(over="ignore"):
            small = (rng.standard_normal(n) * np.exp2(rng.integers(-12, 10, n))).astype(kind)
    values = np.where(chance < 0.5, small, bits)
    return np.where(chance > 0.85, rng.choice(np.array(special, kind), n), values)


def operands_of(name: str, dtype: str) -> tuple[str, ...] | None:
    """Operand dtypes for a row, None where it has no meaning in C."""
    op = REFERENCE[name]
    dtypes = ("bool", dtype, dtype) if name == "switch" else (dtype,) * (op.nin if op.nin > 0 else 3)
    try:
        used = {*op.operand_dtypes(*dtypes), op.output_dtype(*dtypes)}
    except TypeError:
        return None
    return dtypes if used <= set(STORAGE) else None


def assert_same_bits(got: np.ndarray, wanted: np.ndarray, *operands: np.ndarray) -> None:
    same = (got == wanted) & (np.signbit(got) == np.signbit(wanted)) if got.dtype.kind == "f" else got == wanted
    if got.dtype.kind == "f":
        same |= np.isnan(got) & np.isnan(wanted)
    bad = np.flatnonzero(~same)
    assert bad.size == 0, [(*(x[i] for x in operands), got[i], wanted[i]) for i in bad[:5]]


def ulps(got: np.ndarray, wanted: np.ndarray, scale: float) -> np.ndarray:
    """Distance in units in the last place; near a zero of the function, of numbers of size `scale`."""
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(wanted.astype("f8")), scale).astype(wanted.dtype)
        far = np.abs(got.astype("f8") - wanted.astype("f8")) / np.spacing(size).astype("f8")
    different = (np.isnan(got) != np.isnan(wanted)) | (np.isinf(got) != np.isinf(wanted))
    return np.where(different, np.inf, np.where((got == wanted) | np.isnan(wanted), 0.0, far))


def reference(name: str, *operands: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.broadcast_to(np.asarray(REFERENCE[name](*operands)), operands[0].shape)


@pytest.mark.parametrize(
    ("dtype", "width"),
    [*[(d, 1) for d in ("bool", *INTEGERS, "float16", "float32")], ("bool", LINE), ("int8", LINE), ("uint16", LINE),
     ("int32", LINE), ("uint64", 8), ("float16", LINE), ("float32", LINE)],
)  # fmt: skip
def test_rows_have_the_reference_s_bits(dtype: str, width: int):
    rows = [(n, operands) for n in TABLE if (operands := operands_of(n, dtype)) is not None]
    rows = [(n, operands) for n, operands in rows if TABLE[n].ulp(REFERENCE[n].compute_dtype(*operands)) == 0]
    kernels = RowKernel(rows, width)
    rng = np.random.default_rng(3)
    for k, (name, dtypes) in enumerate(rows):
        operands = [sample(rng, d) for d in dtypes]
        try:
            assert_same_bits(kernels(k, *operands), reference(name, *operands), *operands)
        except AssertionError as error:
            raise AssertionError(f"{name}{dtypes}: {error}") from None


@pytest.mark.parametrize("width", [1, 8])
def test_float64_rows_are_within_their_ulp(width: int):
    rows = [(n, operands_of(n, "float64")) for n in TABLE if operands_of(n, "float64")]
    kernels = RowKernel(rows, width)
    rng = np.random.default_rng(4)
    for k, (name, dtypes) in enumerate(rows):
        operands = [sample(rng, d) for d in dtypes]
        got, wanted = kernels(k, *operands), reference(name, *operands)
        limit = TABLE[name].ulp("float64")
        if limit == 0 or got.dtype.kind != "f":
            assert_same_bits(got, wanted, *operands)
            continue
        worst = ulps(got, wanted, 1.0 if name in ("gammaln", "psi") else 0.0)
        at = int(worst.argmax())
        assert worst[at] <= limit + REFERENCE[name].ulp, (name, *(x[at] for x in operands), got[at], wanted[at])


def test_fast_float32_is_within_its_ulp():
    rows = [(n, operands_of(n, "float32")) for n in TABLE if TABLE[n].ulp("float32", fast=True) > 0]
    assert {name for name, _ in rows} >= {"exp", "log", "tanh", "sigmoid", "sin", "cos"}
    kernels = RowKernel(rows, LINE, fast=True)
    rng = np.random.default_rng(5)
    for k, (name, dtypes) in enumerate(rows):
        operands = [sample(rng, d, 1 << 16) for d in dtypes]
        worst = ulps(kernels(k, *operands), reference(name, *operands), 0.0)
        at = int(worst.argmax())
        assert worst[at] <= TABLE[name].ulp("float32", fast=True), (name, operands[0][at], worst[at])


@pytest.mark.parametrize("width", [1, LINE])
def test_casts_are_defined_for_every_value(width: int):
    sources = ("bool", "int8", "int64", "uint64", *FLOATS)
    rows = [(f"Cast{{{target}}}", (source,)) for source in sources for target in STORAGE]
    kernels = RowKernel(rows, width)
    rng = np.random.default_rng(6)
    for k, (name, (source,)) in enumerate(rows):
        x = sample(rng, source)
        with np.errstate(all="ignore"):
            wanted = cast_to(name[5:-1])(x)
        try:
            assert_same_bits(kernels(k, x), wanted, x)
        except AssertionError as error:
            raise AssertionError(f"{source} -> {name}: {error}") from None


def test_switch_takes_a_bool_beside_numbers_of_any_size():
    rows = [("switch", ("bool", d, d)) for d in STORAGE]
    kernels = RowKernel(rows, LINE)
    rng = np.random.default_rng(7)
    for k, (_, dtypes) in enumerate(rows):
        operands = [sample(rng, d) for d in dtypes]
        assert_same_bits(kernels(k, *operands), reference("switch", *operands), *operands)


def test_exact_results_stay_exact():
    """Powers, roots and logarithms that are whole numbers come out as whole numbers."""
    rows = [("pow", ("float64", "float64")), ("exp2", ("float64",)), ("log2", ("float64",)), ("log10", ("float64",))]
    kernels = RowKernel(rows, 8)
    base, power = np.meshgrid(np.arange(-9.0, 9.0), np.arange(0.0, 16.0))
    assert (kernels(0, base.ravel(), power.ravel()) == (base**power).ravel()).all()
    assert (kernels(1, np.arange(-1024.0, 1024.0)) == np.exp2(np.arange(-1024.0, 1024.0))).all()
    assert (kernels(2, np.exp2(np.arange(-1024.0, 1024.0))) == np.arange(-1024.0, 1024.0)).all()
    assert (kernels(3, 10.0 ** np.arange(0.0, 16.0)) == np.arange(0.0, 16.0)).all()


def test_huge_angles_are_reduced():
    rows = [(name, ("float64",)) for name in ("sin", "cos", "tan")]
    kernels = RowKernel(rows, 8)
    x = np.concatenate([10.0 ** np.arange(1, 301), np.pi * np.arange(1, 101), np.pi / 2 * 3.0 ** np.arange(32)])
    for k, (name, _) in enumerate(rows):
        assert ulps(kernels(k, x), reference(name, x), 0.0).max() <= TABLE[name].ulp("float64") + REFERENCE[name].ulp


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        (1.5, "float32", "0x1.8000000000000p+0f"),
        (-2, "int8", "((char)(-2))"),
        (-(2**63), "int64", "((long)(-9223372036854775807L - 1))"),
        (2**64 - 1, "uint64", "18446744073709551615UL"),
        (True, "bool", "((uchar)1)"),
        (np.inf, "float64", "as_double(0x7ff0000000000000ul)"),
    ],
)
def test_literals(value: float, dtype: str, text: str):
    assert literal(value, dtype) == text


def test_registers():
    assert CType("float16", 16).name == "float16" and STORAGE["float16"] == "ushort"
    assert CType("float64", 8).mask == "long8" and CType("float64").mask == "int"
    assert CType("bool").name == "uchar"


def test_devices_without_double_have_every_row_in_float():
    for name, row in TABLE.items():
        ct = CType("float32", 1, fp64=False)
        text = row.expr(ct, *"abc"[: row.nin if row.nin > 0 else 3]) + prelude(row.helpers(ct))
        assert "double" not in text, name
