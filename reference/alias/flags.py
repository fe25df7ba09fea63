"""Theano's spelling of the flags: `change_flags`, and flags that a program adds to the table.

Owns no flag; the table is `reference.config`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from reference.config import Flag, add_flag, boolean, config, parse_flags

__all__ = [
    "AddConfigVar", "BoolParam", "ConfigParam", "EnumStr", "FloatParam", "IntParam", "StrParam", "change_flags",
    "config", "local_bitwidth", "parse_config_string", "python_int_bitwidth",
]  # fmt: skip

parse_config_string = parse_flags


def local_bitwidth() -> int:
    """How many bits an address has; numbers of lengths and indices have 64 everywhere."""
    return 64


python_int_bitwidth = local_bitwidth


def change_flags(flags: dict[str, Any] | None = None, **more: Any) -> AbstractContextManager[None]:
    """Set flags inside a ``with`` block or, as a decorator, while a function runs."""
    return config.change_flags(flags, **more)


@dataclass(frozen=True)
class ConfigParam:
    """The default of a flag, how text becomes its value, and the legal values."""

    default: Any
    parse: Callable[[Any], Any] = lambda value: value
    choices: tuple[Any, ...] = ()


def StrParam(default: str, *_: Any, **__: Any) -> ConfigParam:
    """Any text."""
    return ConfigParam(default, str)


def IntParam(default: int, *_: Any, **__: Any) -> ConfigParam:
    """An integer."""
    return ConfigParam(default, int)


def FloatParam(default: float, *_: Any, **__: Any) -> ConfigParam:
    """A number."""
    return ConfigParam(default, float)


def BoolParam(default: bool, *_: Any, **__: Any) -> ConfigParam:
    """True or False."""
    return ConfigParam(default, boolean)


def EnumStr(default: str, *options: str, **_: Any) -> ConfigParam:
    """One of several texts."""
    return ConfigParam(default, str, (default, *options))


def AddConfigVar(name: str, doc: str, configparam: ConfigParam, root: Any = None, in_c_key: bool = True) -> None:
    """Add a flag of the program's own; THEANO_FLAGS may have set it already."""
    add_flag(Flag(name, configparam.default, configparam.parse, configparam.choices, doc))
