"""`theano.compat`: what Python 2 and 3 once spelt differently, in Python 3's spelling."""

from __future__ import annotations

import builtins
import operator
import pickle as cPickle
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial, reduce
from io import BytesIO, StringIO
from typing import Any

__all__ = [
    "BytesIO", "DefaultOrderedDict", "OrderedDict", "PY3", "StringIO", "cPickle", "cmp", "decode",
    "decode_iter", "defaultdict", "exc_message", "get_unbound_function", "ifilter", "imap", "integer_types",
    "iteritems", "iterkeys", "itervalues", "izip", "next", "operator_div", "partial", "range", "reduce",
    "string_types", "text_type", "xrange",
]  # fmt: skip

PY3 = True
integer_types, string_types, text_type = (int,), (str,), str
izip, imap, ifilter, xrange = builtins.zip, builtins.map, builtins.filter, builtins.range
next, range = builtins.next, builtins.range
operator_div = operator.truediv
DefaultOrderedDict = defaultdict


def cmp(a: Any, b: Any) -> int:
    """-1, 0 or 1 as `a` is before, equal to or after `b`."""
    return (a > b) - (a < b)


def decode(x: Any) -> Any:
    """Bytes as text."""
    return x.decode("utf-8") if isinstance(x, bytes) else x


def decode_iter(items: Iterable[Any]) -> Iterator[Any]:
    """Each of `items` as text."""
    return (decode(x) for x in items)


def exc_message(error: BaseException) -> Any:
    """What an exception says."""
    return error.args[0] if error.args else str(error)


def get_unbound_function(method: Any) -> Any:
    """The function behind a method."""
    return getattr(method, "__func__", method)


def iteritems(d: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """The pairs of a dict."""
    return iter(d.items())


def iterkeys(d: Mapping[Any, Any]) -> Iterator[Any]:
    """The keys of a dict."""
    return iter(d.keys())


def itervalues(d: Mapping[Any, Any]) -> Iterator[Any]:
    """The values of a dict."""
    return iter(d.values())
