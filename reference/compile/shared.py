"""Shared variables: state that functions read and update.

Owns `Container`, which holds a value on the host, on a backend's device, or both, each valid or absent;
and `SharedVariable` with its constructors. It must not know any backend: a device value is any object
with ``to_host() -> ndarray``.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

from reference.graph.core import Type, Variable
from reference.graph.types import TensorType, generic


class Container:
    """Where the value of a shared variable lives.

    `host` and `device` are the two copies; None means stale or never made. At least one is valid.
    Data moves when it is needed and only then.
    """

    __slots__ = ("device", "host")

    def __init__(self, host: Any):
        self.host = host
        self.device: Any = None

    def read(self) -> Any:
        """The host copy, fetched from the device if the device has the newer one."""
        if self.host is None and self.device is not None:
            self.host = self.device.to_host()
        return self.host

    def write(self, value: Any) -> None:
        """Take a new value: a host value, or a device value with ``to_host``."""
        if hasattr(value, "to_host"):
            self.device, self.host = value, None
        else:
            self.device, self.host = None, value

    def __getstate__(self) -> Any:
        return self.read()

    def __setstate__(self, host: Any) -> None:
        self.host, self.device = host, None


class SharedVariable(Variable):
    """A variable whose value lives on between calls and is shared by every function that mentions it.

    `strict` and `allow_downcast` hold for its first value and for what `set_value` is given.
    """

    default_update: Variable | None = None
    """The new value after each call of a function that mentions it; ``del`` ends that."""

    def __init__(
        self,
        type: Type,
        value: Any,
        name: str | None = None,
        strict: bool = False,
        allow_downcast: bool | None = None,
        borrow: bool = False,
        container: Container | None = None,
    ):
        super().__init__(type, name=name)
        self.strict, self.allow_downcast = strict, allow_downcast
        if container is None:
            filtered = type.filter(value, strict=strict, allow_downcast=allow_downcast)
            container = Container(filtered if borrow else _own(filtered))
        self.container = container

    def get_value(self, borrow: bool = False, return_internal_type: bool = False) -> Any:
        """The current value: a copy, or with ``borrow=True`` the stored array itself.

        Writing to a borrowed array changes the shared variable; call `set_value` afterwards so that a
        backend notices. `return_internal_type` gives a device value where there is one.
        """
        if return_internal_type and self.container.device is not None:
            return self.container.device
        value = self.container.read()
        if borrow:
            self.container.device = None
            return value
        return _own(value)

    def set_value(self, value: Any, borrow: bool = False) -> None:
        """Replace the value; the shape may change, dtype and rank may not (TypeError)."""
        filtered = self.type.filter(value, strict=self.strict, allow_downcast=self.allow_downcast)
        self.container.write(filtered if borrow else _own(filtered))

    def zero(self, borrow: bool = False) -> None:
        """Set every element to 0."""
        self.set_value(np.zeros_like(self.container.read()), borrow=True)

    def clone(self, name: str | None = None) -> SharedVariable:
        """Another variable on the same storage."""
        twin = super().clone(name)
        assert isinstance(twin, SharedVariable)
        return twin


def _own(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


Constructor = Callable[..., SharedVariable]
_constructors: list[Constructor] = []


def shared_constructor(function: Constructor) -> Constructor:
    """Register a constructor; the last registered is asked first. It raises TypeError to decline."""
    _constructors.append(function)
    return function


def shared(
    value: Any, name: str | None = None, strict: bool = False, allow_downcast: bool | None = None, **kwargs: Any
) -> SharedVariable:
    """A shared variable holding `value`.

    Arrays and numbers become tensors of their own dtype (a Python int int64, a float float64), with no
    broadcastable dimension unless `broadcastable=` says so; anything else is held as it is, opaque.
    With ``borrow=True`` an array is not copied.
    """
    if isinstance(value, Variable):
        raise TypeError(f"a shared variable needs a value, not the symbolic variable {value}")
    declined = []
    for constructor in reversed(_constructors):
        try:
            return constructor(value, name=name, strict=strict, allow_downcast=allow_downcast, **kwargs)
        except TypeError as error:
            declined.append(str(error))
    raise TypeError(f"no shared variable can hold {value!r} with the options {kwargs}: {declined[0]}")


def _is_numeric(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "biufc"


@shared_constructor
def _generic_shared(
    value: Any, name: str | None = None, strict: bool = False, allow_downcast: bool | None = None, borrow: bool = False
) -> SharedVariable:
    if _is_numeric(value):
        raise TypeError("arrays of numbers are held as tensors")
    return SharedVariable(generic, value, name=name, borrow=borrow)


@shared_constructor
def _tensor_shared(
    value: Any,
    name: str | None = None,
    strict: bool = False,
    allow_downcast: bool | None = None,
    borrow: bool = False,
    broadcastable: tuple[bool, ...] | None = None,
    target: str | None = None,
) -> SharedVariable:
    from reference.tensor.variable import TensorSharedVariable

    if isinstance(value, bool | numbers.Number | np.generic):
        value = np.asarray(value, dtype="int64" if type(value) is int else None)
    if not _is_numeric(value):
        raise TypeError(f"not an array: {value!r}")
    if broadcastable is None:
        broadcastable = (False,) * value.ndim
    type_ = TensorType(value.dtype.name, tuple(broadcastable))
    return TensorSharedVariable(type_, value, name=name, strict=strict, allow_downcast=allow_downcast, borrow=borrow)
