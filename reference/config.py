"""The flags: one table, read from REFERENCE_FLAGS, THEANO_FLAGS and ~/.referencerc.

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


def _boolean(text: Any) -> bool:
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


FLAGS = (
    Flag("floatX", "float64", str, ("float64", "float32", "float16"), "dtype of T.matrix() and friends"),
    Flag("backend", "reference", str, (), "who computes: 'reference', or NAME for the package NAME_backend"),
    Flag("mode", "FAST_RUN", str, (), "the mode of functions compiled with mode=None"),
    Flag("device", "cpu", str, (), "accepted for old programs; the backend decides"),
    Flag("optimizer_including", "", str, (), "rewrites or tags, joined by ':', added to every mode"),
    Flag("optimizer_excluding", "", str, (), "rewrites or tags, joined by ':', removed from every mode"),
    Flag("rewrite_limit", None, _number_or_none, (), "stop after so many rewrite applications"),
    Flag("float32_math", "exact", str, ("exact", "native"),
         "float32 transcendentals: 'exact' is the float64 function rounded once, 'native' is NumPy's own"),
    Flag("rng", "philox", str, ("philox", "numpy"), "random streams: counter-based, or NumPy's legacy generator"),
    Flag("cast_policy", "custom", str, ("custom", "numpy+floatX"), "dtype of Python numbers in graphs"),
    Flag("int_division", "int", str, ("int", "floatX", "raise"), "meaning of / between integers through T.div_proxy"),
    Flag("warn_float64", "ignore", str, ("ignore", "warn", "raise", "pdb"), "when a float64 variable is created"),
    Flag("on_unused_input", "raise", str, ("raise", "warn", "ignore"), "an input that nothing depends on"),
    Flag("on_opt_error", "raise", str, ("raise", "warn", "ignore"), "a rewrite that raises"),
    Flag("compute_test_value", "off", str, ("off", "ignore", "warn", "raise", "pdb"),
         "compute with tag.test_value while the graph is built"),
    Flag("exception_verbosity", "low", str, ("low", "high"), "'high' adds every value to run-time errors"),
    Flag("print_dialect", "0.7", str, ("0.7", "1.0"), "debugprint: [@A] and left-to-right numbers, or [id A]"),
    Flag("allow_gc", True, _boolean, (), "free intermediate values as soon as nobody needs them"),
    Flag("profile", False, _boolean, (), "profile every function"),
    Flag("deterministic", "default", str, ("default", "more"), "accepted for old programs; all is deterministic"),
    Flag("scan.allow_gc", False, _boolean, (), "free a scan's workspace between calls; results never depend on it"),
    Flag("opencl.device", "", str, (), "PLATFORM[:DEVICE], numbers or parts of names; empty: the first that fits"),
    Flag("opencl.allow_host", False, _boolean, (), "let the interpreter run what has no lowering, and say so"),
    Flag("opencl.style", "auto", str, ("auto", "cpu", "gpu"), "how kernels are rendered"),
    Flag("opencl.fuse", True, _boolean, (), "join elementwise loops into one kernel"),
    Flag("opencl.interpret", True, _boolean, (), "compute small loops with general kernels until they have run often"),
    Flag("opencl.reuse", True, _boolean, (), "give memory that nobody needs any more to the next who asks"),
    Flag("opencl.replay", True, _boolean, (), "replay what the first call of a signature recorded"),
    Flag("opencl.optimize", True, _boolean, (), "let the driver's compiler optimize kernels"),
    Flag("opencl.cache_dir", "", str, (), "where programs are cached; empty: the driver's own cache"),
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
        if any(flag.startswith(full + ".") for flag in self._values):
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


_ROWS = {flag.name: flag for flag in FLAGS}


def _initial() -> dict[str, Any]:
    values = {flag.name: flag.default for flag in FLAGS}
    values.update(_from_file(Path(os.environ.get("REFERENCERC", "~/.referencerc")).expanduser()))
    values.update(parse_flags(os.environ.get("THEANO_FLAGS", "")))
    values.update(parse_flags(os.environ.get("REFERENCE_FLAGS", "")))
    return values


config = Section(_initial())
