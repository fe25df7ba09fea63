"""Arrays that are not written yet, and what may be written instead.

Owns the promise: whoever makes an expression of such an array may have a kernel write that, so that the array itself
is never written. It must not know which operations postpone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from opencl_backend.loop import Lazy
from opencl_backend.runtime import DeviceArray, Number


@dataclass
class Postponed:
    """An array that is not written yet: whoever makes an expression of it may write that instead.

    write    a launch that writes the array
    finish   a launch that writes an expression of it to another array, or False: it cannot
    """

    array: DeviceArray
    write: Callable[[], None]
    finish: Callable[[Lazy, DeviceArray], bool]


@dataclass
class Drawn(Postponed):
    """Uniform numbers that loops may make as they read them, from the four words of a state."""

    words: list[Number]

    def is_all_of(self, array: DeviceArray, size: int) -> bool:
        """Does a loop over so many elements read them one after the other?"""
        return size == array.size == self.array.size and array.owns_storage
