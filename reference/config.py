"""The flags: one table, read from REFERENCE_FLAGS, THEANO_FLAGS, THEANORC (names of files) and ~/.referencerc.

Owns names, defaults, legal values and their text; adding a flag is adding a row. It must not import
anything of ours. An unknown name is an error that offers the nearest one.
"""

from __future__ import annotations

import configparser
import difflib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def boolean(text: Any) -> bool:
    """True or False, from either or from the words for them."""
    if isinstance(text, bool):
        return text
    try:
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[str(text).lower()]
    except KeyError:
        raise ValueError(f"expected True or False, got {text!r}") from None


def _number_or_none(text: Any) -> int | None:
    return None if text in (None, "", "none", "None") else int(text)


@dataclass(frozen=True)
class Flag:
    """One row: a dotted name, its default, how text becomes a value, the legal values, and what it does."""

    name: str
    default: Any
    parse: Callable[[Any], Any]
    choices: tuple[Any, ...] = ()
    doc: str = ""

    def accept(self, value: Any) -> Any:
        try:
            value = self.parse(value)
        except (ValueError, TypeError) as error:
            raise ValueError(f"flag {self.name}: {error}") from None
        if self.choices and value not in self.choices:
            raise ValueError(f"flag {self.name}: {value!r} is not one of {', '.join(map(repr, self.choices))}")
        return value


def _text(value: Any) -> str:
    return str(value)


def _inert(name: str, default: Any, why: str) -> Flag:
    """A flag of Theano's that programs set, and that decides nothing here."""
    parsers: dict[type, Callable[[Any], Any]] = {bool: boolean, int: int, float: float}
    parse = parsers.get(type(default), _text)
    return Flag(name, default, parse, (), f"accepted for old programs; {why}")


_C = "there is no C code"
_GPU = "the backend decides"
_WARN = "the answers of older versions are not given here"
_MEMORY = "where values are kept is the backend's business"
_RULES = "rewriting has one engine, whose limits are fixed"

FLAGS: tuple[Flag, ...] = (
    Flag("floatX", "float64", str, ("float64", "float32", "float16"), "dtype of T.matrix() and friends"),
    Flag("backend", "reference", str, (), "who computes: 'reference', or NAME for the package NAME_backend"),
    Flag("mode", "FAST_RUN", str, (), "the mode of functions compiled with mode=None"),
    Flag("optimizer", "fast_run", str,
         ("fast_run", "fast_compile", "None", "merge", "unsafe", "o1", "o2", "o3", "o4"),
         "what mode=None means while the flag mode is FAST_RUN: 'fast_compile' and o1 are FAST_COMPILE, 'None' "
         "is UNOPTIMIZED, 'unsafe' is UNSAFE"),
    Flag("optimizer_including", "", str, (), "rewrites or tags, joined by ':', added to every mode"),
    Flag("optimizer_excluding", "", str, (), "rewrites or tags, joined by ':', removed from every mode"),
    Flag("optimizer_requiring", "", str, (), "rewrites or tags, joined by ':', to which every rewrite must answer"),
    Flag("rewrite_limit", None, _number_or_none, (), "stop after so many rewrite applications"),
    Flag("float32_math", "exact", str, ("exact", "native"),
         "float32 transcendentals: 'exact' is the float64 function rounded once, 'native' is NumPy's own"),
    Flag("rng", "philox", str, ("philox", "numpy"), "random streams: counter-based, or NumPy's legacy generator"),
    Flag("conv.assert_shape", False, boolean, (), "check in the graph that images and filters have the shapes given"),
    Flag("cast_policy", "custom", str, ("custom", "numpy+floatX"), "dtype of Python numbers in graphs"),
    Flag("int_division", "int", str, ("int", "floatX", "raise"), "meaning of / between integers through T.div_proxy"),
    Flag("warn_float64", "ignore", str, ("ignore", "warn", "raise", "pdb"), "when a float64 variable is created"),
    Flag("on_unused_input", "raise", str, ("raise", "warn", "ignore"), "an input that nothing depends on"),
    Flag("on_opt_error", "raise", str, ("raise", "warn", "ignore"), "a rewrite that raises"),
    Flag("compute_test_value", "off", str, ("off", "ignore", "warn", "raise", "pdb"),
         "compute with tag.test_value while the graph is built"),
    Flag("exception_verbosity", "low", str, ("low", "high"), "'high' adds every value to run-time errors"),
    Flag("print_dialect", "0.7", str, ("0.7", "1.0"), "debugprint: [@A] and left-to-right numbers, or [id A]"),
    Flag("allow_gc", True, boolean, (), "free intermediate values as soon as nobody needs them"),
    Flag("profile", False, boolean, (), "profile every function, and print the profiles when the program ends"),
    Flag("profiling.n_ops", 20, int, (), "how many operations a profile lists"),
    Flag("profiling.n_apply", 20, int, (), "how many nodes a profile lists"),
    Flag("profiling.ignore_first_call", False, boolean, (), "leave the first call of each function out of profiles"),
    Flag("NanGuardMode.nan_is_error", True, boolean, (), "whether NanGuardMode stops at NaN, unless told"),
    Flag("NanGuardMode.inf_is_error", True, boolean, (), "whether NanGuardMode stops at infinity, unless told"),
    Flag("NanGuardMode.big_is_error", True, boolean, (), "whether NanGuardMode stops at large numbers, unless told"),
    Flag("NanGuardMode.action", "raise", str, ("raise", "warn"), "what NanGuardMode does, unless told"),
    Flag("DebugMode.check_finite", False, boolean, (), "does DebugMode stop at NaN and infinity, unless told"),
    Flag("unittests.rseed", "666", str, (), "seed of theano.tests.unittest_tools: a number, or 'random'"),
    Flag("scan.unroll", 16, int, (), "write a loop of a constant length out if it is so few nodes then; 0: never"),
    Flag("scan.allow_gc", False, boolean, (), "free a scan's workspace between calls; results never depend on it"),
    Flag("opencl.device", "", str, (), "PLATFORM[:DEVICE], numbers or parts of names; empty: the first that fits"),
    Flag("opencl.allow_host", False, boolean, (), "let the interpreter run what has no lowering, and say so"),
    Flag("opencl.style", "auto", str, ("auto", "cpu", "gpu"), "how kernels are rendered"),
    Flag("opencl.fuse", True, boolean, (), "join elementwise loops into one kernel"),
    Flag("opencl.interpret", True, boolean, (), "compute small loops with general kernels until they have run often"),
    Flag("opencl.reuse", True, boolean, (), "give memory that nobody needs any more to the next who asks"),
    Flag("opencl.replay", True, boolean, (), "replay what the first call of a signature recorded"),
    Flag("opencl.threads", "auto", str, ("auto", "driver", "caller", "both"), "who runs kernels; auto: the quicker"),
    Flag("opencl.optimize", True, boolean, (), "let the driver's compiler optimize kernels"),
    Flag("opencl.cache_dir", "auto", str, (), "where programs are kept; auto: the user's caches; empty: nowhere"),
    Flag("opencl.cache_megabytes", 256, int, (), "what is kept there at most: what was used least recently goes first"),
    # What decides nothing here.
    Flag("deterministic", "default", str, ("default", "more"), "accepted for old programs; all is deterministic"),
    _inert("device", "cpu", _GPU),
    _inert("linker", "vm", "a backend, not a linker, computes"),
    _inert("force_device", False, _GPU),
    _inert("init_gpu_device", "", _GPU),
    _inert("print_active_device", True, _GPU),
    _inert("assert_no_cpu_op", "ignore", _GPU),
    _inert("contexts", "", _GPU),
    _inert("cuda.root", "", _GPU),
    _inert("cuda.include_path", "", _GPU),
    _inert("gpu.local_elemwise_fusion", True, _GPU),
    _inert("gpuelemwise.sync", True, _GPU),
    _inert("gpuarray.preallocate", 0.0, _GPU),
    _inert("gpuarray.sched", "default", _GPU),
    _inert("gpuarray.single_stream", True, _GPU),
    _inert("gpuarray.sync", False, _GPU),
    _inert("gpuarray.cache_path", "", _GPU),
    _inert("lib.cnmem", 0.0, _GPU),
    _inert("lib.amdlibm", False, _C),
    _inert("nvcc.flags", "", _GPU),
    _inert("nvcc.fastmath", False, _GPU),
    _inert("nvcc.compiler_bindir", "", _GPU),
    _inert("dnn.enabled", "auto", _GPU),
    _inert("dnn.base_path", "", _GPU),
    _inert("dnn.include_path", "", _GPU),
    _inert("dnn.library_path", "", _GPU),
    _inert("dnn.bin_path", "", _GPU),
    _inert("dnn.conv.algo_fwd", "small", _GPU),
    _inert("dnn.conv.algo_bwd", "", _GPU),
    _inert("dnn.conv.algo_bwd_data", "none", _GPU),
    _inert("dnn.conv.algo_bwd_filter", "none", _GPU),
    _inert("dnn.conv.workmem", "", _GPU),
    _inert("dnn.conv.workmem_bwd", "", _GPU),
    _inert("dnn.conv.precision", "as_input_f32", _GPU),
    _inert("magma.enabled", False, _GPU),
    _inert("magma.include_path", "", _GPU),
    _inert("magma.library_path", "", _GPU),
    _inert("ctc.root", "", _C),
    _inert("cxx", "", _C),
    _inert("gcc.cxxflags", "", _C),
    _inert("nocleanup", False, _C),
    _inert("compiledir", "", _C),
    _inert("compiledir_format", "", _C),
    _inert("base_compiledir", "", _C),
    _inert("compile.wait", 5, _C),
    _inert("compile.timeout", 0, _C),
    _inert("cmodule.warn_no_version", False, _C),
    _inert("cmodule.remove_gxx_opt", False, _C),
    _inert("cmodule.compilation_warning", False, _C),
    _inert("cmodule.preload_cache", False, _C),
    _inert("cmodule.age_thresh_use", 2073600, _C),
    _inert("cmodule.debug", False, _C),
    _inert("check_input", True, _C),
    _inert("openmp", False, _C),
    _inert("openmp_elemwise_minsize", 200000, _C),
    _inert("blas.ldflags", "", "NumPy brings its own BLAS"),
    _inert("blas.check_openmp", True, "NumPy brings its own BLAS"),
    _inert("optimizer_verbose", False, "f.rewrites is the log"),
    _inert("on_shape_error", "warn", "a shape that cannot be told is computed"),
    _inert("compute_test_value_opt", "off", "mode DebugMode checks every rewrite"),
    _inert("print_test_value", False, "print tag.test_value"),
    _inert("pickle_test_value", True, "notes on variables are pickled with them"),
    _inert("unpickle_function", True, "functions are always loaded"),
    _inert("reoptimize_unpickled_function", False, "a loaded function has the graph it had"),
    _inert("experimental.unpickle_gpu_on_cpu", False, _GPU),
    _inert("experimental.local_alloc_elemwise", True, _RULES),
    _inert("experimental.local_alloc_elemwise_assert", True, _RULES),
    _inert("traceback.limit", 8, "the line that built a node is always known"),
    _inert("traceback.compile_limit", 0, "the line that built a node is always known"),
    _inert("check_stack_trace", "off", "the line that built a node is always known"),
    _inert("cycle_detection", "regular", _MEMORY),
    _inert("cache_optimizations", False, _RULES),
    _inert("optdb.max_use_ratio", 8.0, _RULES),
    _inert("optdb.position_cutoff", float("inf"), _RULES),
    _inert("metaopt.verbose", 0, _RULES),
    _inert("metaopt.optimizer_excluding", "", _RULES),
    _inert("metaopt.optimizer_including", "", _RULES),
    _inert("numpy.seterr_all", "ignore", "NaN and infinities just flow; mode NanGuardMode finds them"),
    _inert("numpy.seterr_divide", "None", "NaN and infinities just flow; mode NanGuardMode finds them"),
    _inert("numpy.seterr_over", "None", "NaN and infinities just flow; mode NanGuardMode finds them"),
    _inert("numpy.seterr_under", "None", "NaN and infinities just flow; mode NanGuardMode finds them"),
    _inert("numpy.seterr_invalid", "None", "NaN and infinities just flow; mode NanGuardMode finds them"),
    _inert("tensor.cmp_sloppy", 0, "comparisons of tests state their tolerance"),
    _inert("tensor.local_elemwise_fusion", True, "a backend fuses, the graph does not change"),
    _inert("tensor.insert_inplace_optimizer_validate_nb", -1, _MEMORY),
    _inert("scan.allow_output_prealloc", True, _MEMORY),
    _inert("scan.debug", False, "f.explain() tells what a loop does"),
    _inert("vm.lazy", "None", "ifelse is always lazy"),
    _inert("profile_optimizer", False, "a profile holds the time of rewriting"),
    _inert("profile_memory", False, "memory is not profiled"),
    _inert("print_global_stats", False, "set profile=True"),
    _inert("profiling.time_thunks", True, "nodes are always timed"),
    _inert("profiling.output_line_width", 512, "lines are not cut"),
    _inert("profiling.min_memory_size", 1024, "memory is not profiled"),
    _inert("profiling.min_peak_memory", False, "memory is not profiled"),
    _inert("profiling.destination", "stderr", "summary(file=...) says where to"),
    _inert("profiling.debugprint", False, "call debugprint"),
    _inert("DebugMode.patience", 10, "every application of a rewrite is checked"),
    _inert("DebugMode.check_c", False, _C),
    _inert("DebugMode.check_py", True, _C),
    _inert("DebugMode.check_strides", 0, _C),
    _inert("DebugMode.warn_input_not_reused", True, _MEMORY),
    _inert("DebugMode.check_preallocated_output", "", _MEMORY),
    _inert("DebugMode.check_preallocated_output_ndim", 4, _MEMORY),
    _inert("warn.ignore_bug_before", "0.9", _WARN),
    *[_inert(f"warn.{name}", False, _WARN) for name in (
        "argmax_pushdown_bug", "gpusum_01_011_0111_bug", "gpu_set_subtensor1", "identify_1pexp_bug",
        "inc_set_subtensor1", "inc_subtensor1_opt", "reduce_join", "round", "signal_conv2d_interface",
        "subtensor_merge_bug", "sum_div_dimshuffle_bug", "sum_sum_bug", "vm_gc_bug",
    )],
)


class Section:
    """`config` and its dotted sections. Attributes are flags; assignment checks the value."""

    __slots__ = ("__dict__", "_prefix", "_values")

    def __init__(self, values: dict[str, Any], prefix: str = ""):
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_prefix", prefix)
        if not prefix:
            # The values are the attributes, so that reading one costs no more than any attribute.
            object.__setattr__(self, "__dict__", values)

    def __getattr__(self, name: str) -> Any:
        full = self._prefix + name
        if full in self._values:
            return self._values[full]
        if full in _SECTIONS:
            return Section(self._values, full + ".")
        raise AttributeError(unknown(full))

    def __setattr__(self, name: str, value: Any) -> None:
        full = self._prefix + name
        if full not in self._values:
            raise AttributeError(unknown(full))
        self._values[full] = _ROWS[full].accept(value)

    @contextmanager
    def change_flags(self, flags: dict[str, Any] | None = None, **more: Any) -> Iterator[None]:
        """Set flags inside a ``with`` block: ``config.change_flags(floatX="float32")``.

        A dotted name is written with two underscores, ``scan__allow_gc=True``, or in a dict.
        """
        wanted = {k.replace("__", "."): v for k, v in {**(flags or {}), **more}.items()}
        for name in wanted:
            if name not in self._values:
                raise AttributeError(unknown(name))
        accepted = {name: _ROWS[name].accept(value) for name, value in wanted.items()}
        before = {name: self._values[name] for name in accepted}
        self._values.update(accepted)
        try:
            yield
        finally:
            self._values.update(before)

    def __str__(self) -> str:
        return "\n".join(f"{name} = {value!r}" for name, value in self._values.items())


def unknown(name: str) -> str:
    """The text of the error for a flag that does not exist."""
    near = difflib.get_close_matches(name, _ROWS, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"there is no flag {name!r}{hint} (python -m reference flags lists them)"


def parse_flags(text: str) -> dict[str, Any]:
    """``"floatX=float32,scan.allow_gc=True"`` as a dict. Raises ValueError for an unknown name or value."""
    values = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = item.partition("=")
        if not equals:
            raise ValueError(f"flag {item!r} has no value; write name=value, joined by commas")
        if name.strip() not in _ROWS:
            raise ValueError(unknown(name.strip()))
        values[name.strip()] = _ROWS[name.strip()].accept(value.strip())
    return values


def _from_file(path: Path) -> dict[str, Any]:
    parser = configparser.ConfigParser()
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(path)
    pairs = {
        (key if section == "global" else f"{section}.{key}"): value
        for section in parser.sections()
        for key, value in parser.items(section)
    }
    return parse_flags(",".join(f"{key}={value}" for key, value in pairs.items()))


def add_flag(flag: Flag) -> None:
    """Add a row of a program's own."""
    if flag.name in _ROWS:
        raise AttributeError(f"there is already a flag {flag.name!r}")
    _ROWS[flag.name] = flag
    _SECTIONS.update(_sections_of(flag.name))
    config._values[flag.name] = flag.default


def _sections_of(name: str) -> list[str]:
    """The dotted sections that a flag stands in: of a.b.c, a and a.b."""
    parts = name.split(".")
    return [".".join(parts[:k]) for k in range(1, len(parts))]


_ROWS = {flag.name: flag for flag in FLAGS}
_SECTIONS = {section for name in _ROWS for section in _sections_of(name)}


def _initial() -> dict[str, Any]:
    values = {flag.name: flag.default for flag in FLAGS}
    values.update(_from_file(Path(os.environ.get("REFERENCERC", "~/.referencerc")).expanduser()))
    for name in filter(None, os.environ.get("THEANORC", "").split(os.pathsep)):
        values.update(_from_file(Path(name).expanduser()))
    values.update(parse_flags(os.environ.get("THEANO_FLAGS", "")))
    values.update(parse_flags(os.environ.get("REFERENCE_FLAGS", "")))
    return values


config = Section(_initial())
